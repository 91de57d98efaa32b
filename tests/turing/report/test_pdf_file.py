import re

import pytest
from reportlab.lib.units import mm

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report import pdf_file
from turing.report.building import build_document
from turing.report.document import Document, Row, Section, Table, data_of
from turing.report.fonts import register_fonts
from turing.report.pdf_file import WIDTH, pdf_bytes


@pytest.fixture(scope="module")
def pdf():
    return pdf_bytes(build_document(simulated(names=SOME_NAMES)))


def long_table(n_rows, columns=("Name", "Value")):
    rows = tuple(Row((f"name {number}", *["1"] * (len(columns) - 1))) for number in range(n_rows))
    return Table(key="long", title="Long", columns=columns, rows=rows, data=data_of(("x",), []))


def texts_of(body):
    """Of a table: cells are paragraphs, in lists once the table has been laid out."""
    rows = [[cell[0] if isinstance(cell, list | tuple) else cell for cell in row] for row in body._cellvalues]
    return [[cell.getPlainText() for cell in row] for row in rows]


def document_of(table):
    return Document("T", "S", (Section("one", "One", (table,)),))


def test_every_font_is_embedded_and_figures_are_vectors(pdf):
    fonts = set(re.findall(rb"/BaseFont /([^\s/]+)", pdf))

    assert fonts
    assert all(b"DejaVu" in font for font in fonts)
    assert pdf.count(b"/FontFile2") >= 2
    assert b"/Subtype /Image" not in pdf


def test_the_outline_has_the_sections(pdf):
    titles = [section.title for section in build_document(simulated(names=SOME_NAMES)).sections]

    assert pdf.count(b"/Dest") >= len(titles)
    assert b"(Accuracy)" in pdf


def test_a_long_table_breaks_over_pages_and_repeats_its_header():
    register_fonts()
    table = long_table(200)
    body = pdf_file._table(document_of(table), table)[2]
    body.wrap(WIDTH, 100 * mm)

    first, second = body.split(WIDTH, 100 * mm)

    assert texts_of(second)[0] == texts_of(first)[0] == ["Name", "Value"]
    assert texts_of(second)[1] != texts_of(first)[1]
    assert len(re.findall(rb"/Type /Page\b", pdf_bytes(document_of(table)))) > 3


def test_a_report_without_tables_is_possible():
    assert pdf_bytes(Document("T", "S", (Section("one", "One", ()),))).startswith(b"%PDF-")
