"""What a report consists of, whatever it is written as: sections of paragraphs, lists, tables and figures.

Texts are plain (no markup); a renderer escapes them for its format. Tables carry two faces: `rows` as they are printed,
and `data`, the same numbers unrounded for the CSV file. Figures are drawn on demand and carry the numbers they show.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from matplotlib.figure import Figure as Canvas

Value: TypeAlias = str | int | float | None
Kind: TypeAlias = Literal["plain", "group", "total"]


@dataclass(frozen=True)
class Data:
    """Unrounded numbers: a header and rows of the same length. None, or a NaN, is an empty field of the CSV file."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"Columns are named twice: {', '.join(self.columns)}")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise ValueError(f"Row {number} has {len(row)} values for {len(self.columns)} columns: {row}")


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Listing:
    """Items of a list, numbered or not."""

    items: tuple[str, ...]
    is_numbered: bool = False


@dataclass(frozen=True)
class Row:
    """Printed cells. A `group` row has one cell, a heading over the rows that follow; a `total` row is set apart."""

    cells: tuple[str, ...]
    kind: Kind = "plain"


@dataclass(frozen=True)
class Table:
    """`key` names its CSV file; the first column holds the names of the rows. No printed cell may be empty."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    data: Data
    notes: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()  # of the columns, relative; empty: from the texts
    is_prose: bool = False  # sentences, set flush left

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, 1):
            wanted = 1 if row.kind == "group" else len(self.columns)
            if len(row.cells) != wanted:
                raise ValueError(f"Table {self.key}: row {number} has {len(row.cells)} cells, {wanted} are needed")
            if not all(cell.strip() for cell in row.cells):
                raise ValueError(f"Table {self.key}: row {number} has an empty cell: {row.cells}")
        if self.widths and len(self.widths) != len(self.columns):
            raise ValueError(f"Table {self.key}: {len(self.widths)} widths for {len(self.columns)} columns")


@dataclass(frozen=True)
class Figure:
    """`draw` fills an empty matplotlib figure of the size given in inches. `alt` says in words what is to be seen."""

    key: str
    title: str
    alt: str
    draw: Callable[[Canvas], None] = field(repr=False)
    data: Data
    size: tuple[float, float] = (6.3, 4.0)
    notes: tuple[str, ...] = ()


Block: TypeAlias = Paragraph | Listing | Table | Figure


@dataclass(frozen=True)
class Section:
    """`key` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report. Tables and figures are numbered in the order in which they come."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    language: str = "en"

    def __post_init__(self) -> None:
        for what, keys in (
            ("sections", [section.key for section in self.sections]),
            ("tables", [table.key for table in self.tables()]),
            ("figures", [figure.key for figure in self.figures()]),
        ):
            twice = sorted({key for key in keys if keys.count(key) > 1})
            if twice:
                raise ValueError(f"Two {what} have the key {', '.join(twice)}: their files would be one")

    def blocks(self) -> Iterator[Block]:
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> list[Table]:
        return [block for block in self.blocks() if isinstance(block, Table)]

    def figures(self) -> list[Figure]:
        return [block for block in self.blocks() if isinstance(block, Figure)]

    def caption(self, block: Table | Figure) -> str:
        """For example "Table 1. Accuracy of the readers"."""
        return f"{self.label(block)}. {block.title}"

    def label(self, block: Table | Figure) -> str:
        kind, blocks = ("Table", self.tables()) if isinstance(block, Table) else ("Figure", self.figures())
        keys = [other.key for other in blocks]
        return f"{kind} {keys.index(block.key) + 1}"


def data_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Data:
    """Data from rows that may hold numpy numbers, which become plain ones."""
    return Data(columns=tuple(columns), rows=tuple(tuple(_plain(value) for value in row) for row in rows))


def _plain(value: Any) -> Value:
    return value.item() if isinstance(value, np.generic) else value
