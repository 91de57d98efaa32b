"""The report as PDF: numbered pages with a running title, tables that break over pages and repeat their header, figures
as vectors, fonts embedded. The same document gives the same bytes. (Tables become untagged text: for a screen reader
the HTML file is the better one.)
"""

import io
from typing import Any, cast
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas as Page
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    ListFlowable,
    ListItem,
    LongTable,
    PageTemplate,
    Spacer,
)
from reportlab.platypus import Paragraph as Text

from turing.report.column_widths import SIZE, column_widths
from turing.report.document import Block, Document, Figure, Listing, Paragraph, Section, Table
from turing.report.figure_files import Pictures
from turing.report.fonts import BOLD, ITALIC, REGULAR, register_fonts
from turing.report.pdf_figure import POINTS, draw_on_page

MARGIN, TOP, BOTTOM = 20 * mm, 22 * mm, 20 * mm
WIDTH = A4[0] - 2 * MARGIN
PADDING = 3.0  # on either side of a cell
RULE, THIN = colors.HexColor("#222222"), colors.HexColor("#bbbbbb")
SHADE = colors.HexColor("#f1f1f1")

BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=9, leading=13, spaceAfter=6)
TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=17, leading=22, spaceAfter=4)
SUBTITLE = ParagraphStyle("subtitle", parent=BODY, fontSize=10, leading=14, textColor=colors.HexColor("#444444"))
HEADING = ParagraphStyle("heading", fontName=BOLD, fontSize=12.5, leading=16, spaceBefore=14, spaceAfter=6)
CAPTION = ParagraphStyle("caption", fontName=BOLD, fontSize=8.5, leading=11.5, spaceBefore=8, spaceAfter=4)
NOTE = ParagraphStyle("note", fontName=REGULAR, fontSize=7.2, leading=9.8, spaceBefore=3)
CELL = ParagraphStyle("cell", fontName=REGULAR, fontSize=SIZE, leading=9.6, alignment=TA_CENTER)
FIRST_CELL = ParagraphStyle("first", parent=CELL, alignment=TA_LEFT)
HEAD_CELL = ParagraphStyle("head", parent=CELL, fontName=BOLD)
FIRST_HEAD = ParagraphStyle("firsthead", parent=HEAD_CELL, alignment=TA_LEFT)
GROUP_CELL = ParagraphStyle("group", parent=FIRST_CELL, fontName=ITALIC)


def pdf_bytes(document: Document, pictures: Pictures | None = None) -> bytes:
    """The whole report on A4 pages."""
    register_fonts()
    pictures = pictures or Pictures()
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=TOP,
        bottomMargin=BOTTOM,
        title=document.title,
        author="",
        subject=document.subtitle,
        creator="Turing Reader",
        invariant=1,
        initialFontName=REGULAR,
        lang=document.language,
    )
    frame = Frame(MARGIN, BOTTOM, WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0, id="text")
    template.addPageTemplates(
        PageTemplate("page", [frame], onPage=lambda page, _: _running_title(page, document.title))
    )
    story: list[Flowable] = [Text(escape(document.title), TITLE), Text(escape(document.subtitle), SUBTITLE)]
    for section in document.sections:
        story += _section(document, section, pictures)
    template.build(story, canvasmaker=NumberedPage)
    return buffer.getvalue()


class NumberedPage(Page):
    """Writes "page 2 of 9" once it is known how many there are; also a bookmark for each section."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self.finished: list[dict[str, object]] = []

    def showPage(self) -> None:  # noqa: N802
        self.finished.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        for number, state in enumerate(self.finished, 1):
            self.__dict__.update(state)
            self.setFont(REGULAR, 7.5)
            self.setFillColor(colors.HexColor("#444444"))
            self.drawRightString(A4[0] - MARGIN, 11 * mm, f"Page {number} of {len(self.finished)}")
            super().showPage()
        super().save()


def _running_title(page: Page, title: str) -> None:
    page.saveState()
    page.setFont(REGULAR, 7.5)
    page.setFillColor(colors.HexColor("#444444"))
    page.drawString(MARGIN, A4[1] - 13 * mm, _shortened(title, WIDTH))
    page.setStrokeColor(THIN)
    page.setLineWidth(0.4)
    page.line(MARGIN, A4[1] - 15 * mm, A4[0] - MARGIN, A4[1] - 15 * mm)
    page.restoreState()


def _shortened(text: str, width: float) -> str:
    while stringWidth(text, REGULAR, 7.5) > width:
        text = text[:-2].rstrip() + "…"
    return text


class SectionHeading(Text):
    """A heading that is also an entry of the PDF's outline."""

    def __init__(self, section: Section) -> None:
        super().__init__(escape(section.title), HEADING)
        self.section = section

    def draw(self) -> None:
        self.canv.bookmarkHorizontal(self.section.key, 0, self.height)
        self.canv.addOutlineEntry(self.section.title, self.section.key, 0)
        super().draw()


class FigureOnPage(Flowable):
    """A figure as vectors, `width` points wide, its height in proportion."""

    def __init__(self, figure: Figure, width: float, pictures: Pictures) -> None:
        super().__init__()
        self.figure, self.pictures = figure, pictures
        self.scale = width / (figure.size[0] * POINTS)
        self.width = width
        self.height = figure.size[1] * POINTS * self.scale

    def wrap(self, *_available: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        self.canv.saveState()
        self.canv.scale(self.scale, self.scale)
        draw_on_page(self.pictures.canvas(self.figure), self.canv)
        self.canv.restoreState()


def _section(document: Document, section: Section, pictures: Pictures) -> list[Flowable]:
    flowables: list[Flowable] = []
    for block in section.blocks:
        flowables += _block(document, block, pictures)
    heading = SectionHeading(section)
    if flowables and isinstance(flowables[0], KeepTogether):
        return [KeepTogether([heading, *cast(Any, flowables[0])._content]), *flowables[1:]]
    return [CondPageBreak(60 * mm), heading, *flowables]


def _block(document: Document, block: Block, pictures: Pictures) -> list[Flowable]:
    if isinstance(block, Paragraph):
        return [Text(escape(block.text), BODY)]
    if isinstance(block, Listing):
        items: Any = [ListItem(Text(escape(item), BODY), leftIndent=16) for item in block.items]
        kind, start, shape = ("1", 1, "%s.") if block.is_numbered else ("bullet", "•", None)
        font = {"bulletFontName": REGULAR, "bulletFontSize": 8}
        return [ListFlowable(items, bulletType=kind, start=start, leftIndent=16, bulletFormat=shape, **cast(Any, font))]
    if isinstance(block, Table):
        return _table(document, block)
    return _figure(document, block, pictures)


def _table(document: Document, table: Table) -> list[Flowable]:
    caption = Text(escape(document.caption(table)), CAPTION)
    head = [
        Text(escape(name), FIRST_HEAD if place == 0 or table.is_prose else HEAD_CELL)
        for place, name in enumerate(table.columns)
    ]
    cells: list[list[object]] = [list(head)]
    style: list[Any] = [
        ("LINEABOVE", (0, 0), (-1, 0), 0.9, RULE),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, RULE),
        ("LINEBELOW", (0, -1), (-1, -1), 0.9, RULE),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),
        ("FONTSIZE", (0, 0), (-1, -1), CELL.fontSize),
        ("LEADING", (0, 0), (-1, -1), CELL.leading),
    ]
    for number, row in enumerate(table.rows, 1):
        if row.kind == "group":
            cells.append([Text(escape(row.cells[0]), GROUP_CELL), *[""] * (len(table.columns) - 1)])
            style += [
                ("SPAN", (0, number), (-1, number)),
                ("NOSPLIT", (0, number), (-1, min(number + 1, len(table.rows)))),
            ]
            continue
        cells.append(
            [
                Text(escape(cell), FIRST_CELL if place == 0 or table.is_prose else CELL)
                for place, cell in enumerate(row.cells)
            ]
        )
        if row.kind == "total":
            style.append(("BACKGROUND", (0, number), (-1, number), SHADE))
    body = LongTable(
        cells, colWidths=column_widths(table, WIDTH, padding=PADDING), repeatRows=1, style=style, hAlign="LEFT"
    )
    notes: list[Flowable] = [Text(escape(note), NOTE) for note in table.notes]
    if len(table.rows) <= 24:
        return [KeepTogether([caption, body, *notes, Spacer(0, 8)])]
    return [CondPageBreak(45 * mm), caption, body, *notes, Spacer(0, 8)]


def _figure(document: Document, figure: Figure, pictures: Pictures) -> list[Flowable]:
    notes = [Text(escape(note), NOTE) for note in figure.notes]
    width = min(WIDTH, figure.size[0] * POINTS)
    caption = Text(escape(document.caption(figure)), CAPTION)
    return [KeepTogether([FigureOnPage(figure, width, pictures), caption, *notes, Spacer(0, 8)])]
