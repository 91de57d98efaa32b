"""The card as Markdown: CommonMark with tables, for a repository or a supplement."""

import re
from collections.abc import Iterator, Sequence

from imaging.cards.content import Part, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def card_markdown(title: str, parts: Sequence[Part]) -> str:
    """The same card gives the same text. Texts of users are escaped: they cannot become markup."""
    lines = [f"# Dataset card: {_escaped(title)}", ""]
    for part in parts:
        lines += [f"## {_escaped(part.title)}", "", *_part(part)]
    return "\n".join(lines).rstrip() + "\n"


def _part(part: Part) -> Iterator[str]:
    for name, value in part.facts:
        yield f"* **{_escaped(name)}**: {_escaped(value)}"
    if part.facts:
        yield ""
    for text in part.paragraphs:
        yield _escaped(text)
        yield ""
    if part.table is not None:
        yield from _table(part.table)
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield _row(table.header)
    yield _row(["---" if place < table.n_text else "---:" for place in range(len(table.header))], escape=False)
    for row in table.rows:
        yield _row(row)


def _row(cells: Sequence[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_escaped(cell) if escape else cell for cell in cells)} |"


def _escaped(text: str) -> str:
    shown = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    shown = re.sub(r"^([-+=])", r"\\\1", shown)  # at the beginning of a line these make lists and headings
    return re.sub(r"^(\d+)([.)])(?=\s)", r"\1\\\2", shown)
