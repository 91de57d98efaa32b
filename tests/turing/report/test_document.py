import math

import pytest

from turing.report.csv_files import csv_text
from turing.report.document import Data, Document, Row, Section, Table, data_of
from turing.report.formatting import number

ONE_ROW = (Row(("a", "1")),)


def make_table(key="t", rows=ONE_ROW):
    return Table(key=key, title="Title", columns=("Name", "Value"), rows=rows, data=data_of(("x",), [(1,)]))


def make_document(*tables):
    return Document(title="T", subtitle="S", sections=(Section("one", "One", tables),))


def test_tables_are_numbered_in_their_order():
    first, second = make_table("a"), make_table("b")
    document = make_document(first, second)

    assert [document.caption(table) for table in (first, second)] == ["Table 1. Title", "Table 2. Title"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((Row(("a", " ")),), "row 1 has an empty cell"),
        ((Row(("a",)),), "row 1 has 1 cells, 2 are needed"),
        ((Row(("a", "1")), Row(("a", "1"), "group")), "row 2 has 2 cells, 1 are needed"),
    ],
)
def test_a_table_with_a_hole_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        make_table(rows=rows)


def test_two_tables_of_one_key_are_refused():
    with pytest.raises(ValueError, match="Two tables have the key t"):
        make_document(make_table(), make_table())


def test_data_are_rectangular():
    with pytest.raises(ValueError, match="Row 2 has 1 values for 2 columns"):
        Data(columns=("a", "b"), rows=((1, 2), (1,)))
    with pytest.raises(ValueError, match="named twice"):
        Data(columns=("a", "a"), rows=())


def test_csv_keeps_every_digit_and_disarms_formulas():
    data = data_of(("name", "x"), [("=1+1", 0.1 + 0.2), ("b, c", math.nan), (None, math.inf), ("d", 7)])

    assert csv_text(data) == 'name,x\r\n\'=1+1,0.30000000000000004\r\n"b, c",\r\n,Inf\r\nd,7\r\n'


def test_a_number_that_does_not_exist_is_said_so():
    assert number(math.nan) == "not estimable"
