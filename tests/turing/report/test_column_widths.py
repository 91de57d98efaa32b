import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.report.column_widths import column_widths, text_width
from turing.report.document import Row, Table, data_of

TOTAL, PADDING = 480.0, 3.0
WORDS = st.text("abcmw019.−–", min_size=1, max_size=12)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


def table_of(columns, *rows, widths=()):
    return Table(
        key="t", title="T", columns=tuple(columns), rows=tuple(map(Row, rows)), data=data_of(("x",), []), widths=widths
    )


def longest_word(table, place):
    words = [(word, False) for row in table.rows for word in row.cells[place].split(" ")]
    words += [(word, True) for word in table.columns[place].split(" ")]
    return max(text_width(word, is_bold=is_bold) for word, is_bold in words)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n), min_size=2, max_size=5)))
def test_no_word_is_broken_where_there_is_room(texts):
    table = table_of(*map(tuple, texts))
    needed = [longest_word(table, place) + 2 * PADDING for place in range(len(table.columns))]

    widths = column_widths(table, TOTAL, padding=PADDING)

    assert sum(widths) == pytest.approx(TOTAL)
    assert sum(needed) < TOTAL  # there is room
    assert all(width >= need for width, need in zip(widths, needed, strict=True))


def test_what_a_table_wants_is_kept_as_far_as_words_let_it():
    wanted = column_widths(table_of(("a", "b"), ("1", "2"), widths=(1, 3)), 400, padding=PADDING)
    narrow = column_widths(table_of(("Incomprehensibilities", "b"), ("1", "2"), widths=(1, 9)), 400, padding=PADDING)

    assert wanted == pytest.approx([100, 300])
    assert 40 < narrow[0] == pytest.approx(text_width("Incomprehensibilities", is_bold=True) + 2 * PADDING + 1)


def test_without_room_every_column_is_short_in_the_same_measure():
    widths = column_widths(table_of(("m" * 40, "m" * 80), ("1", "2")), 100, padding=0)

    assert sum(widths) == pytest.approx(100)
    assert widths[1] / widths[0] == pytest.approx(2, rel=0.01)
