"""Lists of investigators: sorted by a column that the address names, page by page, with a constant number of queries.

What an address says is checked against the columns that the page offers; anything else means the usual order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import BaseExpression, Combinable
from django.http import HttpRequest

PER_PAGE = 25
PARAMETER = "sort"  # of the address: a column's name, with "-" before it from high to low
FEWEST_HEX_DIGITS = 4  # of an id's beginning that a search takes for one

M = TypeVar("M", bound=Model)
Column = str | Combinable | BaseExpression


@dataclass(frozen=True, kw_only=True)
class Sorting:
    """How a list is sorted, for the heads of its columns."""

    columns: tuple[str, ...]
    column: str
    descending: bool

    @property
    def value(self) -> str:
        return f"-{self.column}" if self.descending else self.column

    def next_for(self, column: str) -> str:
        """What a click on the head of `column` asks for: it, or the other direction of it."""
        return f"-{column}" if column == self.column and not self.descending else column


class SortedPage(Page):
    """A page that knows how its list is sorted."""

    sorting: Sorting


def read_sorting(request: HttpRequest, columns: Sequence[str], first: str) -> Sorting:
    """What the address asks for, or `first` ("name", "-created")."""
    asked = request.GET.get(PARAMETER, "")
    value = asked if asked.removeprefix("-") in columns else first
    return Sorting(columns=tuple(columns), column=value.removeprefix("-"), descending=value.startswith("-"))


def sorted_page(
    request: HttpRequest,
    queryset: QuerySet[M],
    columns: Mapping[str, Column],
    *,
    first: str,
    per_page: int = PER_PAGE,
) -> Any:
    """The page of `queryset` that the address asks for (`page`, `sort`): a Page with its `sorting`.

    `columns` maps a name for the address to a field or an expression; `first` is the usual order. Rows without a value
    come last in both directions, and rows of the same value always in the same order. Two queries: count and page.
    """
    sorting = read_sorting(request, list(columns), first)
    order = _order(queryset.model, columns[sorting.column], sorting.descending)
    page = Paginator(queryset.order_by(order, "pk"), per_page).get_page(request.GET.get("page"))
    page.sorting = sorting  # type: ignore[attr-defined]
    return page


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """First and last id that begins like `text` (dashes do not matter); None when it cannot be the beginning of one.

    As a range, so that an index finds them, on every database.
    """
    digits = text.strip().lower().replace("-", "")
    if not FEWEST_HEX_DIGITS <= len(digits) <= 32 or any(digit not in "0123456789abcdef" for digit in digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _order(model: type[Model], column: Column, descending: bool) -> Any:
    if isinstance(column, str) and column in _never_empty(model):
        return f"-{column}" if descending else column  # an index on it can be used
    expression: Any = F(column) if isinstance(column, str) else column
    return expression.desc(nulls_last=True) if descending else expression.asc(nulls_last=True)


def _never_empty(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.concrete_fields if not field.null and not field.is_relation}
