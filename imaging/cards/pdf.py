"""The card as PDF: A4, fonts embedded, the flow chart as vectors, pages numbered. The same card, the same bytes."""

import functools
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab.graphics.shapes import Drawing, Group, Line, Polygon, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import CondPageBreak, Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer

from imaging.cards.content import Part, Table
from imaging.flow_chart import LINE, PAD, Box, lay_out_chart

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"  # they come with matplotlib, and may be embedded
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=9, leading=13, spaceAfter=5)
TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=16, leading=21, spaceAfter=8)
HEADING = ParagraphStyle("heading", fontName=BOLD, fontSize=11.5, leading=15, spaceBefore=10, spaceAfter=4)
CELL = ParagraphStyle("cell", fontName=REGULAR, fontSize=8.5, leading=11)
NUMBER = ParagraphStyle("number", parent=CELL, alignment=2)
HEAD, HEAD_NUMBER = (ParagraphStyle(f"head{one.name}", parent=one, fontName=BOLD) for one in (CELL, NUMBER))
RULE, THIN = colors.HexColor("#222222"), colors.HexColor("#bbbbbb")
CHART_SCALE = 0.72  # units of the chart (1/96 inch) to points, a little smaller than they are on a screen


def card_pdf(title: str, parts: Sequence[Part]) -> bytes:
    register_fonts()
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Dataset card: {title}",
        author="",
        invariant=1,  # no date, no random id
    )

    def number(canvas: Any, document: Any) -> None:
        canvas.setFont(REGULAR, 8)
        canvas.drawCentredString(A4[0] / 2, 12 * mm, f"{title[:90]} · page {document.page}")

    story: list[Flowable] = [Paragraph(f"Dataset card: {escape(title)}", TITLE)]
    for part in parts:
        story += _part(part)
    document.build(story, onFirstPage=number, onLaterPages=number)
    return buffer.getvalue()


@functools.cache
def register_fonts() -> None:
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))


def _part(part: Part) -> Iterator[Flowable]:
    yield CondPageBreak(30 * mm)
    yield Paragraph(escape(part.title), HEADING)
    if part.facts:
        yield _grid(
            [[Paragraph(escape(name), CELL), Paragraph(escape(value), CELL)] for name, value in part.facts], (2, 5)
        )
        yield Spacer(1, 6)
    for text in part.paragraphs:
        yield Paragraph(escape(text), BODY)
    if part.table is not None:
        yield _table(part.table)
    if part.chart is not None:
        yield _chart(part.chart)


def _table(table: Table) -> Flowable:
    head = [
        Paragraph(escape(cell), HEAD if place < table.n_text else HEAD_NUMBER)
        for place, cell in enumerate(table.header)
    ]
    rows = [
        [Paragraph(escape(cell), CELL if place < table.n_text else NUMBER) for place, cell in enumerate(row)]
        for row in table.rows
    ]
    shares = [3 if place < table.n_text else 1.4 for place in range(len(table.header))]
    return _grid([head, *rows], shares, header=True)


def _grid(rows: list[list[Paragraph]], shares: Sequence[float], *, header: bool = False) -> Flowable:
    widths = [WIDTH * share / sum(shares) for share in shares]
    style: list[tuple[Any, ...]] = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, THIN),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    if header:
        style.append(("LINEBELOW", (0, 0), (-1, 0), 0.7, RULE))
    return LongTable(rows, colWidths=widths, repeatRows=1 if header else 0, style=style, hAlign="LEFT")


def _chart(record: dict[str, Any]) -> Flowable:
    chart = lay_out_chart(record)
    tallest = A4[1] - 2 * MARGIN - 40 * mm  # a chart with very many steps is made to fit on a page
    scale = min(CHART_SCALE, tallest / chart.height)
    group = Group(transform=(scale, 0, 0, -scale, 0, chart.height * scale))  # y downwards, as in the SVG
    for box in chart.boxes:
        frame: dict[str, Any] = {"fillColor": colors.white, "strokeColor": RULE}
        group.add(Rect(box.x, box.y, box.width, box.height, **frame))
    for x, y, to_x, to_y in chart.arrows:
        group.add(Line(x, y, to_x, to_y, strokeColor=RULE))
        tip = [to_x - 8, to_y - 4, to_x - 8, to_y + 4] if y == to_y else [to_x - 4, to_y - 8, to_x + 4, to_y - 8]
        group.add(Polygon([to_x, to_y, *tip], fillColor=RULE, strokeColor=RULE))
    drawing = Drawing(chart.width * scale, chart.height * scale)
    drawing.add(group)
    for box in chart.boxes:  # text stands upright: not in the group that is turned over
        for text in _texts(box, chart.height, scale):
            drawing.add(text)
    return drawing


def _texts(box: Box, height: float, scale: float) -> Iterator[String]:
    for number, line in enumerate(box.lines):
        y = box.y + PAD + LINE * (number + 0.75)
        yield String(
            (box.x + PAD) * scale, (height - y) * scale, line, fontName=REGULAR, fontSize=12 * scale, fillColor=RULE
        )
