"""Statements whose SQL is built once, then only given values.

Django builds a query anew each time it runs. For a query by key that takes several times as long as running it; while
readers answer, most of it would happen under a lock that others wait for. Only for what runs with every answer.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, BigAutoField, Expression, Field, Model, QuerySet
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


def insert_row(row: M) -> M:
    """As `row.save(force_insert=True)`, with a statement that is built once; no signal is sent."""
    statement, fields, key = _insert_statement(connection.vendor, type(row))
    with connection.cursor() as cursor:
        cursor.execute(statement, [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields])
        if key is not None:
            setattr(row, key, cursor.fetchone()[0])
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


def update_row(row: Model, names: tuple[str, ...]) -> None:
    """As `row.save(update_fields=names)`, with a statement that is built once; no signal is sent.

    Raises DatabaseError when the row is not there any more.
    """
    statement, fields = _update_statement(connection.vendor, type(row), names)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount != 1:
            raise DatabaseError(f"{row._meta.db_table} has no row {row.pk}: nothing was updated.")


# the names in the statements are those of models, quoted by the database's own rule


@cache
def _insert_statement(vendor: str, model: type[Model]) -> "tuple[str, list[Field[Any, Any]], str | None]":
    """With its fields, and the attribute of the key when the database makes it."""
    meta = model._meta
    made = [field for field in meta.local_concrete_fields if isinstance(field, AutoField | BigAutoField)]
    fields = [field for field in meta.local_concrete_fields if field not in made]
    columns, places = ", ".join(map(_quoted, fields)), ", ".join(["%s"] * len(fields))
    returning = f" RETURNING {_quoted(made[0])}" if made else ""
    statement = f"INSERT INTO {connection.ops.quote_name(meta.db_table)} ({columns}) VALUES ({places}){returning}"  # noqa: S608
    return statement, fields, made[0].attname if made else None


@cache
def _update_statement(vendor: str, model: type[Model], names: tuple[str, ...]) -> "tuple[str, list[Field[Any, Any]]]":
    """With its fields; the last is the key."""
    meta = model._meta
    fields = [field for field in meta.local_concrete_fields if field.name in names]
    if len(fields) != len(names):
        raise ValueError(f"{meta.db_table} has not all of the fields {', '.join(names)}")
    changes = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    table = connection.ops.quote_name(meta.db_table)
    return f"UPDATE {table} SET {changes} WHERE {_quoted(meta.pk)} = %s", [*fields, meta.pk]  # noqa: S608


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
