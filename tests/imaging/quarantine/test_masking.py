"""Painting over rectangles: exactly these pixels, with the darkest value, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.quarantine.masking import MOST, MaskError, Rectangle, check_rectangles, mask_pixels, read_rectangles
from tests.imaging.archives import grey

HEIGHT, WIDTH = 9, 7


@st.composite
def rectangles(draw) -> Rectangle:
    x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return Rectangle(x, y, draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y)))


@given(chosen=st.lists(rectangles(), min_size=1, max_size=4), bits=st.sampled_from([8, 16]), seed=st.integers(0, 99))
def test_pixel_by_pixel(chosen, bits, seed):
    pixels = grey(seed, 12, bits=bits)[:HEIGHT, :WIDTH]
    inside = {
        (row, column) for one in chosen for row in range(one.y, one.y + one.height)
        for column in range(one.x, one.x + one.width)
    }  # fmt: skip
    if len(inside) == HEIGHT * WIDTH:
        with pytest.raises(MaskError, match="whole image"):
            mask_pixels(pixels, chosen)
        return
    before = pixels.copy()

    masked = mask_pixels(pixels, chosen)

    assert (pixels == before).all()
    assert masked.dtype == pixels.dtype
    for (row, column), value in np.ndenumerate(masked):
        assert value == (pixels.min() if (row, column) in inside else pixels[row, column])


@pytest.mark.parametrize("text", ["1, 2, 3, 4", "1 2 3 4", " 1;2;3;4 \n\n", "1,2,3,4\r\n"])
def test_one_rectangle_a_line(text):
    assert read_rectangles(text) == (Rectangle(1, 2, 3, 4),)


@pytest.mark.parametrize("line", ["1, 2, 3", "1, 2, 3, 4, 5", "a, 2, 3, 4", "-1, 2, 3, 4", "1.5, 2, 3, 4", "٣ 1 1 1"])
def test_a_line_that_is_none_is_named(line):
    with pytest.raises(MaskError, match=r"^Line 2: four whole numbers are needed"):
        read_rectangles(f"0, 0, 1, 1\n{line}\n")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([], "Draw at least one rectangle"),
        ([Rectangle(0, 0, 0, 1)], "Rectangle 1 has no area"),
        (
            [Rectangle(0, 0, 1, 1), Rectangle(6, 0, 2, 1)],
            r"Rectangle 2 \(6, 0, 2, 1\) leaves the image, which has 7 x 9",
        ),
        ([Rectangle(0, 9, 1, 1)], "leaves the image"),
        ([Rectangle(0, 0, 1, 1)] * (MOST + 1), f"There are {MOST + 1} rectangles"),
    ],
)
def test_rectangles_that_cannot_be_used(chosen, words):
    with pytest.raises(MaskError, match=words):
        check_rectangles(chosen, width=WIDTH, height=HEIGHT)
