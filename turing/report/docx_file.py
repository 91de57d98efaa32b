"""The report as a Word file: real headings, real tables whose header row repeats on each page, pictures at 300 dots per
inch with alternative text, numbered pages. The same document gives the same bytes.
"""

import io
import zipfile
from datetime import datetime
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Inches, Mm, Pt, RGBColor

from turing.report.column_widths import column_widths, text_width
from turing.report.document import Block, Document, Figure, Listing, Paragraph, Table
from turing.report.figure_files import Pictures

WIDTH = Mm(210 - 2 * 20)
FONT = "Arial"
NO_DATE = datetime(2000, 1, 1)
# What must come after an element: Word calls a file damaged whose elements are in another order than its schema says.
AFTER_SHADE = ("w:noWrap", "w:tcMar", "w:textDirection", "w:tcFitText", "w:vAlign", "w:hideMark")
AFTER_BORDERS = ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook", "w:tblCaption", "w:tblDescription")
AFTER_MARGINS = AFTER_BORDERS[3:]
RULES = {"top": 12, "bottom": 12}  # in eighths of a point
PADDING = 3.0  # points on either side of a cell
MOST_ROWS_TOGETHER = 40  # a longer table may begin on one page and go on on the next


def docx_bytes(document: Document, pictures: Pictures | None = None) -> bytes:
    """The whole report on A4 pages."""
    word, pictures = docx.Document(), pictures or Pictures()
    _set_up(word, document)
    word.add_heading(document.title, level=0)
    word.add_paragraph(document.subtitle, style="Subtitle")
    for section in document.sections:
        word.add_heading(section.title, level=1)
        for block in section.blocks:
            _add(word, document, block, pictures)
    buffer = io.BytesIO()
    word.save(buffer)
    return _without_dates(buffer.getvalue())


def _set_up(word: Any, document: Document) -> None:
    properties = word.core_properties
    properties.title, properties.subject, properties.author = document.title, document.subtitle, ""
    properties.comments, properties.language = "Made by Turing Reader", document.language
    properties.created = properties.modified = NO_DATE
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(20)
    page.top_margin = page.bottom_margin = Mm(22)
    for name, size in (("Normal", 10), ("Title", 19), ("Subtitle", 11), ("Heading 1", 13), ("Caption", 9)):
        style = word.styles[name]
        style.font.name, style.font.size = FONT, Pt(size)
        style.font.color.rgb = RGBColor(0x1B, 0x1B, 0x1B)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
    word.styles["Subtitle"].font.italic = False
    word.styles["Caption"].font.bold = True
    header = page.header.paragraphs[0]
    header.text, header.style.font.size = document.title, Pt(8)
    footer = page.footer.paragraphs[0]
    footer.alignment, footer.style.font.size = WD_ALIGN_PARAGRAPH.RIGHT, Pt(8)
    footer.add_run("Page ")
    _add_field(footer, "PAGE")
    footer.add_run(" of ")
    _add_field(footer, "NUMPAGES")


def _add_field(paragraph: Any, name: str) -> None:
    """A number that Word itself fills in."""
    for kind, text in (("begin", ""), ("", name), ("end", "")):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.set(qn("xml:space"), "preserve")
            mark.text = text
        run._r.append(mark)


def _add(word: Any, document: Document, block: Block, pictures: Pictures) -> None:
    if isinstance(block, Paragraph):
        word.add_paragraph(block.text)
    elif isinstance(block, Listing):
        for number, item in enumerate(block.items, 1):
            # Word's own numbering would run on from one list to the next.
            text = f"{number}. {item}" if block.is_numbered else item
            paragraph = word.add_paragraph(text, style="Normal" if block.is_numbered else "List Bullet")
            if block.is_numbered:
                paragraph.paragraph_format.left_indent = Mm(7)
                paragraph.paragraph_format.first_line_indent = -Mm(7)
            paragraph.paragraph_format.space_after = Pt(3)
    elif isinstance(block, Table):
        _add_table(word, document, block)
    else:
        _add_figure(word, document, block, pictures)


def _add_table(word: Any, document: Document, table: Table) -> None:
    caption = word.add_paragraph(document.caption(table), style="Caption")
    caption.paragraph_format.keep_with_next = True
    caption.paragraph_format.space_before, caption.paragraph_format.space_after = Pt(10), Pt(3)
    grid = word.add_table(rows=1 + len(table.rows), cols=len(table.columns))
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    _describe(grid, document.caption(table))
    _rule(grid)
    _set_margins(grid)
    widths = column_widths(table, WIDTH.pt, padding=PADDING)
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = Pt(width)
    rows = list(grid.rows)
    _fill(rows[0], table.columns, widths, is_bold=True, is_prose=table.is_prose)
    _repeat(rows[0])
    for row, printed in zip(rows[1:], table.rows, strict=True):
        _keep_whole(row)
        if printed.kind == "group":
            merged = row.cells[0].merge(row.cells[-1])
            _write(merged, printed.cells[0], is_italic=True, is_first=True)
            merged.paragraphs[0].paragraph_format.keep_with_next = True
        else:
            shade = "F1F1F1" if printed.kind == "total" else ""
            _fill(row, printed.cells, widths, is_bold=False, is_prose=table.is_prose, shade=shade)
    notes = [_add_note(word, note) for note in table.notes]
    if len(table.rows) <= MOST_ROWS_TOGETHER:
        _keep_together([*(row.cells[0].paragraphs[0] for row in rows), *notes])
    word.add_paragraph().paragraph_format.space_after = Pt(2)


def _fill(
    row: Any, texts: tuple[str, ...], widths: list[float], *, is_bold: bool, is_prose: bool, shade: str = ""
) -> None:
    for place, (cell, text, width) in enumerate(zip(row.cells, texts, widths, strict=True)):
        cell.width = Pt(width)
        _write(cell, _folded(text, width, is_bold=is_bold), is_bold=is_bold, is_first=place == 0 or is_prose)
        if shade:
            colour = OxmlElement("w:shd")
            for name, value in (("val", "clear"), ("color", "auto"), ("fill", shade)):
                colour.set(qn(f"w:{name}"), value)
            cell._tc.get_or_add_tcPr().insert_element_before(colour, *AFTER_SHADE)
        if is_bold:
            borders = OxmlElement("w:tcBorders")
            borders.append(_border("bottom", 6))
            cell._tc.get_or_add_tcPr().insert_element_before(borders, "w:shd", *AFTER_SHADE)


def _folded(text: str, width: float, *, is_bold: bool) -> str:
    """An interval that does not fit beside its estimate goes on a line of its own: Word would break it at its dash."""
    estimate, bracket, rest = text.partition(" (")
    fits = text_width(text, is_bold=is_bold) <= width - 2 * PADDING
    return text if fits or not bracket or " " in rest else f"{estimate}\n({rest}"


def _write(cell: Any, text: str, *, is_first: bool, is_bold: bool = False, is_italic: bool = False) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT if is_first else WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_after = Pt(1)
    paragraph.paragraph_format.line_spacing = 1.0
    run = paragraph.add_run(text)
    run.font.size, run.bold, run.italic = Pt(8), is_bold, is_italic


def _rule(grid: Any) -> None:
    """A line above and below, as journals set tables."""
    borders = OxmlElement("w:tblBorders")
    for side, width in RULES.items():
        borders.append(_border(side, width))
    grid._tbl.tblPr.insert_element_before(borders, *AFTER_BORDERS)


def _set_margins(grid: Any) -> None:
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(int(20 * PADDING)))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    grid._tbl.tblPr.insert_element_before(margins, *AFTER_MARGINS)


def _keep_together(paragraphs: list[Any]) -> None:
    for paragraph in paragraphs[:-1]:
        paragraph.paragraph_format.keep_with_next = True


def _border(side: str, width: int) -> Any:
    border = OxmlElement(f"w:{side}")
    for name, value in (("val", "single"), ("sz", str(width)), ("space", "0"), ("color", "222222")):
        border.set(qn(f"w:{name}"), value)
    return border


def _repeat(row: Any) -> None:
    _keep_whole(row)
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)


def _keep_whole(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _describe(grid: Any, text: str) -> None:
    """The alternative text of a table, read out before it."""
    caption = OxmlElement("w:tblCaption")
    caption.set(qn("w:val"), text)
    grid._tbl.tblPr.insert_element_before(caption, "w:tblDescription")


def _add_note(word: Any, text: str) -> Any:
    paragraph = word.add_paragraph()
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(2), Pt(1)
    paragraph.add_run(text).font.size = Pt(8)
    return paragraph


def _add_figure(word: Any, document: Document, figure: Figure, pictures: Pictures) -> None:
    width = min(WIDTH, Inches(figure.size[0]))
    picture = word.add_picture(io.BytesIO(pictures.file(figure, "png")), width=width)
    word.paragraphs[-1].paragraph_format.keep_with_next = True
    shape = picture._inline.docPr
    shape.set("descr", figure.alt)
    shape.set("title", document.caption(figure))
    word.add_paragraph(document.caption(figure), style="Caption")
    for note in figure.notes:
        _add_note(word, note)


def _without_dates(data: bytes) -> bytes:
    """The same package with every file dated 1980-01-01, as the ZIP format's first day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            packing = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name), packing)
    return buffer.getvalue()
