"""Rectangles against counting pixels one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.regions.geometry import Rectangle, intersection_over_union, mean_rectangle

rectangles = st.builds(Rectangle, st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))


def mask(one: Rectangle) -> np.ndarray:
    covered = np.zeros((40, 40), dtype=bool)
    covered[one.y : one.y + one.height, one.x : one.x + one.width] = True
    return covered


@given(one=rectangles, other=rectangles)
def test_overlap_is_that_of_the_pixels(one, other):
    both, either = mask(one) & mask(other), mask(one) | mask(other)

    assert intersection_over_union(one, other) == both.sum() / either.sum()
    assert intersection_over_union(one, one) == 1


def test_mean_of_each_edge_rounded_half_up():
    mean = mean_rectangle([Rectangle(0, 10, 10, 10), Rectangle(3, 13, 10, 12)])

    # left 1.5 -> 2, top 11.5 -> 12, right (10 + 13) / 2 = 11.5 -> 12, bottom (20 + 25) / 2 = 22.5 -> 23
    assert mean == Rectangle(2, 12, 10, 11)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Rectangle(0, 0, 3, 10), "The rectangle is 3 × 10 px; it must be at least 4 × 4 px."),
        (Rectangle(41, 0, 10, 10), r"from \(41, 0\), 10 × 10 px, reaches outside the image of 50 × 40 px"),
        (Rectangle(0, -1, 10, 10), "reaches outside"),
        (Rectangle(0, 31, 10, 10), "reaches outside"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(box, words):
    with pytest.raises(ValueError, match=words):
        box.check_inside(50, 40)


def test_the_last_pixel_belongs_to_the_image():
    Rectangle(40, 30, 10, 10).check_inside(50, 40)
