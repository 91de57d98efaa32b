"""Marks come from a browser: what is not a mark inside the image is refused, and nothing else is kept."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.marks import MOST_MARKS, clean_marks

POINT = {"image": 0, "x": 3, "y": 4}
BOX = {"image": 0, "x": 3, "y": 4, "width": 5, "height": 6}


def test_marks_are_kept_in_one_spelling():
    marks = [{"x": 1.26, "y": 0, "colour": "red"}, {"image": 1, "x": 16, "y": 15.94}]

    assert clean_marks(marks, kind="point", size=16, n_images=2) == [
        {"image": 0, "x": 1.3, "y": 0.0},
        {"image": 1, "x": 16.0, "y": 15.9},
    ]
    assert clean_marks([BOX], kind="box", size=16) == [BOX]
    assert clean_marks([], kind="", size=16) == []


@pytest.mark.parametrize(
    ("marks", "kind", "message"),
    [
        ({}, "point", "Marks are not a list"),
        ([POINT], "", "This study takes no marks"),
        ([POINT] * (MOST_MARKS + 1), "point", "There are 21 marks: at most 20"),
        ([POINT, 5], "point", "Mark 2 has no x, y"),
        ([POINT], "box", "Mark 1 has no x, y, width, height"),
        ([POINT | {"x": "3"}], "point", "Mark 1 has no x, y"),
        ([POINT | {"x": True}], "point", "Mark 1 has no x, y"),
        ([POINT | {"x": math.nan}], "point", "Mark 1 has no x, y"),
        ([POINT | {"y": math.inf}], "point", "Mark 1 has no x, y"),
        ([POINT | {"image": 1}], "point", "Mark 1 is on image 1: there is none"),
        ([POINT | {"image": True}], "point", "Mark 1 is on image True"),
        ([POINT | {"image": [0]}], "point", "Mark 1 is on image"),
        ([POINT | {"x": -0.1}], "point", "Mark 1 does not lie inside the image"),
        ([POINT | {"y": 16.2}], "point", "Mark 1 does not lie inside the image"),
        ([BOX | {"width": 14}], "box", "Mark 1 does not lie inside the image"),
        ([BOX | {"height": 0}], "box", "Mark 1 does not lie inside the image"),
        ([BOX | {"width": -1}], "box", "Mark 1 does not lie inside the image"),
    ],
)
def test_anything_else_is_refused_and_named(marks, kind, message):
    with pytest.raises(ValueError, match=message):
        clean_marks(marks, kind=kind, size=16)


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "x", "y", "width", "height"]), inner, max_size=5)
    ),
)


@given(marks=json, kind=st.sampled_from(["", "point", "box"]))
def test_whatever_comes_is_cleaned_or_refused(marks, kind):
    try:
        cleaned = clean_marks(marks, kind=kind, size=16, n_images=2)
    except ValueError:
        return

    assert clean_marks(cleaned, kind=kind, size=16, n_images=2) == cleaned
    for mark in cleaned:
        assert mark["image"] in (0, 1)
        assert 0 <= mark["x"] <= 16
        assert 0 <= mark["y"] <= 16
