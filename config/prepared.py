"""Queries whose SQL is built once for each connection of the database, then only given values.

Django builds a query anew each time it runs. For a query by key that takes several times as long as running it; while
readers answer, most of it would happen under a lock that others wait for. Only for what runs with every answer.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row")
M = TypeVar("M", bound=Model)


class Parameter(Expression):
    """A value of a prepared query, given by its `name` each time the query runs; converted as `field` would."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Prepared(Generic[Row]):
    """`build` makes the query, with a `Parameter` wherever a value changes; calling it runs it, with these values.

    Rows are what the query gives: model instances with related ones, or tuples of `values_list`. Everything that
    follows from the values themselves has to be in the SQL: `__in` of a list has the length it was built with, and
    None is not IS NULL.

    Raises KeyError for a value that is not given, and TransactionManagementError for a query that locks rows outside a
    transaction, as Django does.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, Row]"]) -> None:
        self._build = build

    def __call__(self, **values: Any) -> list[Row]:
        prepared = vars(connections[DEFAULT_DB_ALIAS]).setdefault("prepared_queries", {})  # of this thread
        if self not in prepared:
            prepared[self] = _Compiled(self._build())
        return prepared[self].run(values)

    def first(self, **values: Any) -> Row | None:
        return next(iter(self(**values)), None)


class _Compiled:
    """One query on one connection. It keeps Django's compiler, which knows how to make instances of rows."""

    def __init__(self, queryset: "QuerySet[Any, Any]") -> None:
        query = queryset.query
        self.queryset = queryset
        self.locks = query.select_for_update and connection.features.has_select_for_update
        self.compiler = query.get_compiler(using=queryset.db)
        self.sql, self.params = self.compiler.as_sql()
        converters = self.compiler.get_converters([column[0] for column in self.compiler.select])
        # from now on the compiler runs what it has built
        self.compiler.as_sql = self._bound
        self.compiler.get_converters = lambda expressions: converters
        query.get_compiler = lambda *args, **kwargs: self.compiler  # type: ignore[method-assign]
        self.values: dict[str, Any] = {}

    def run(self, values: dict[str, Any]) -> list[Any]:
        if self.locks and not connection.in_atomic_block:
            raise transaction.TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        self.values = values
        return list(self.queryset._iterable_class(self.queryset))  # type: ignore[call-overload]

    def _bound(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[Any, ...]]:
        return self.sql, tuple(self._value(param) for param in self.params)

    def _value(self, param: Any) -> Any:
        if not isinstance(param, Parameter):
            return param
        return param.output_field.get_db_prep_value(self.values[param.name], connection)
