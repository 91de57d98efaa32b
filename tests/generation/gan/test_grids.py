"""Sample grids are readable pictures: rows and columns in place, scaled up, nothing but pixels."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from generation.gan.grids import at_side, grid_png


def test_rows_columns_and_scale():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1).repeat(4, 2).repeat(4, 3) * 10

    picture = Image.open(BytesIO(grid_png(images, scale=2)))
    pixels = np.array(picture)

    assert picture.size == (2 * (3 * 4 + 2 * 2), 2 * (2 * 4 + 2))
    assert pixels[0, 0] == 0
    assert pixels[0, 12] == 10
    assert pixels[12, 24] == 50
    assert pixels[0, 8] == 255  # the gap


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"images are uint8 \(2, 3, 4, 5\)"):
        grid_png(np.zeros((2, 3, 4, 5), np.uint8))


class TestAtSide:
    def test_the_same_side_is_left_as_it_is(self):
        images = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)

        assert np.array_equal(at_side(images, 4), images)

    def test_smaller_ones_are_shown_in_blocks(self):
        images = np.array([[[[10, 20], [30, 40]]]], dtype=np.uint8)

        shown = at_side(images, 6)

        assert np.array_equal(shown[0, 0], np.repeat(np.repeat(images[0, 0], 3, axis=0), 3, axis=1))

    def test_larger_ones_are_averaged(self):
        block = np.array([[0, 4], [8, 12]], dtype=np.uint8)
        images = np.tile(block, (1, 1, 4, 4))

        assert np.array_equal(at_side(images, 4), np.full((1, 1, 4, 4), 6, dtype=np.uint8))
