import io
import zipfile

import docx
import pytest
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from PIL import Image

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report.building import build_document
from turing.report.column_widths import text_width
from turing.report.docx_file import PADDING, docx_bytes


@pytest.fixture(scope="module")
def document():
    return build_document(simulated(names=SOME_NAMES))


@pytest.fixture(scope="module")
def data(document):
    return docx_bytes(document)


@pytest.fixture(scope="module")
def word(data):
    return docx.Document(io.BytesIO(data))


def test_sections_are_headings(word, document):
    headings = [p.text for p in word.paragraphs if p.style.name == "Heading 1"]

    assert headings == [section.title for section in document.sections]


def test_tables_are_tables_with_a_header_row_that_repeats(word, document):
    assert len(word.tables) == len(document.tables())
    for grid, table in zip(word.tables, document.tables(), strict=True):
        assert tuple(cell.text.replace("\n(", " (") for cell in grid.rows[0].cells) == table.columns
        assert grid.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
        assert len(grid.rows) == 1 + len(table.rows)


def test_cells_say_what_the_table_says(word, document):
    grid, table = word.tables[0], document.tables()[0]

    for row, printed in zip(list(grid.rows)[1:], table.rows, strict=True):
        assert row.cells[0].text == printed.cells[0]
        if printed.kind != "group":
            assert tuple(cell.text.replace("\n(", " (") for cell in row.cells) == printed.cells


@pytest.fixture(scope="module")
def graded():
    document = build_document(simulated(graded=True, n_readers=6, n_images=60))
    return document, docx.Document(io.BytesIO(docx_bytes(document)))


def test_numbers_are_not_broken_in_the_middle(graded):
    """Word breaks a word that is wider than its column anywhere, and an interval at its dash."""
    document, word = graded

    for grid, table in zip(word.tables, document.tables(), strict=True):
        for row in list(grid.rows)[1:]:
            if len(row._tr.tc_lst) < len(table.columns):
                continue  # a heading over rows, as wide as the table
            for cell in row.cells:
                room = cell.width.pt - 2 * PADDING
                assert all(text_width(part) <= room for part in cell.text.replace("\n", " ").split(" "))
                if "–" in cell.text and "(" in cell.text and not table.is_prose:
                    assert all(text_width(line) <= room for line in cell.text.split("\n"))


def test_an_interval_is_folded_only_where_it_must_be(graded):
    _, word = graded
    cells = [cell.text for grid in word.tables for row in grid.rows for cell in row.cells]

    assert any("\n(" in text for text in cells)
    assert any(" (" in text for text in cells)


def test_a_table_stays_on_one_page_with_its_caption_and_notes(word, document):
    body = list(word.element.body)
    table = document.tables()[0]
    grid = word.tables[0]
    place = body.index(grid._tbl)
    around = [Paragraph(body[place - 1], word), *(row.cells[0].paragraphs[0] for row in grid.rows)]
    notes = [Paragraph(element, word) for element in body[place + 1 : place + 1 + len(table.notes)]]

    assert [note.text for note in notes] == list(table.notes)
    assert all(paragraph.paragraph_format.keep_with_next for paragraph in [*around, *notes[:-1]])
    assert not notes[-1].paragraph_format.keep_with_next


def test_pictures_have_alternative_text_and_300_dots_per_inch(word, document):
    shapes = word.inline_shapes

    assert [shape._inline.docPr.get("descr") for shape in shapes] == [figure.alt for figure in document.figures()]
    pictures = [part.blob for part in word.part.package.iter_parts() if part.content_type == "image/png"]
    for figure in document.figures():
        widths = [Image.open(io.BytesIO(blob)).width for blob in pictures]
        assert any(abs(width - 300 * figure.size[0]) <= 1 for width in widths)


def test_no_file_inside_has_a_date(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"Document" in archive.read("[Content_Types].xml") or archive.testzip() is None


ORDER = {
    "tblPr": (
        *("tblStyle", "tblpPr", "tblOverlap", "bidiVisual", "tblStyleRowBandSize", "tblStyleColBandSize", "tblW", "jc"),
        *("tblCellSpacing", "tblInd", "tblBorders", "shd", "tblLayout", "tblCellMar", "tblLook", "tblCaption"),
        "tblDescription",
    ),
    "tcPr": (
        *("cnfStyle", "tcW", "gridSpan", "hMerge", "vMerge", "tcBorders", "shd", "noWrap", "tcMar", "textDirection"),
        *("tcFitText", "vAlign", "hideMark"),
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_properties_are_in_the_order_of_the_schema(word, name):
    """ECMA-376 part 1, CT_TblPr and CT_TcPr: Word may refuse a file with another order."""
    found = list(word.element.body.iter(qn(f"w:{name}")))

    assert found
    for element in found:
        places = [ORDER[name].index(child.tag.split("}")[1]) for child in element]
        assert places == sorted(places)


def test_captions_are_captions(word, document):
    captions = [p.text for p in word.paragraphs if p.style.name == "Caption"]

    assert len(captions) == len(document.tables()) + len(document.figures())
