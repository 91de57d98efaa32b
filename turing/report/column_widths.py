"""How wide the columns of a printed table are. PDF, Word and LaTeX files use the same rule, so that none of them breaks
a number in the middle. Texts are measured in DejaVu Sans, the font of the PDF file; it is wider than those of the
others at their sizes, which leaves them some room.
"""

import functools

from reportlab.pdfbase.pdfmetrics import stringWidth

from turing.report.document import Table
from turing.report.fonts import BOLD, REGULAR, register_fonts

SIZE = 7.4  # points


def column_widths(table: Table, total: float, *, padding: float) -> list[float]:
    """In points, `total` together: as the table wants them, but no word is broken as long as there is room elsewhere.

    Parameters
    ----------
    total : width of the table in points.
    padding : what a cell leaves free on either side, in points.
    """
    wanted = [total * share for share in _shares(table)]
    least = [_longest_word(table, place) + 2 * padding + 1 for place in range(len(wanted))]
    lacking = sum(max(need - width, 0) for need, width in zip(least, wanted, strict=True))
    spare = sum(max(width - need, 0) for need, width in zip(least, wanted, strict=True))
    if not lacking:
        return wanted
    if lacking > spare:  # somewhere a word will be broken
        return [total * need / sum(least) for need in least]
    return [
        need if width < need else width - lacking / spare * (width - need)
        for need, width in zip(least, wanted, strict=True)
    ]


@functools.lru_cache(maxsize=20_000)
def text_width(text: str, *, is_bold: bool = False) -> float:
    """Points that a text takes in a cell, on one line."""
    register_fonts()
    return float(stringWidth(text, BOLD if is_bold else REGULAR, SIZE))


def _shares(table: Table) -> list[float]:
    """What the table says, or by the length of the texts; they add up to 1.

    A column is at least as wide as its longest word, and a long text is folded rather than starving the others.
    """
    if table.widths:
        return [width / sum(table.widths) for width in table.widths]
    wanted = []
    for place, name in enumerate(table.columns):
        texts = [row.cells[place] for row in table.rows if row.kind != "group"]
        words = [word for text in [*texts, name] for word in text.replace("\N{NO-BREAK SPACE}", "x").split(" ")]
        longest = max((len(text) for text in texts), default=1)
        wanted.append(max(*(len(word) for word in words), min(longest, 34), len(name) / 3, 4))
    return [width / sum(wanted) for width in wanted]


def _longest_word(table: Table, place: int) -> float:
    texts = [(row.cells[place], False) for row in table.rows if row.kind != "group"]
    words = ((word, is_bold) for text, is_bold in [*texts, (table.columns[place], True)] for word in text.split(" "))
    return max(text_width(word, is_bold=is_bold) for word, is_bold in words)
