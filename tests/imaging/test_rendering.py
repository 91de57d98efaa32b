"""The one rendering path: checked against the same steps written out in plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imaging.rendering import render_square, to_8_bit, to_full_16_bit
from tests.imaging.archives import grey

sizes = st.integers(1, 48)
pictures = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda kind: hnp.arrays(kind, st.tuples(sizes, sizes), elements=st.integers(0, np.iinfo(kind).max))
)


def triangle_resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Antialiased bilinear resampling from its definition, in floating point, rows then columns."""

    def weights(n: int) -> np.ndarray:
        scale = n / size
        support = max(scale, 1.0)
        centres = (np.arange(size) + 0.5) * scale
        distance = np.abs(np.arange(n) + 0.5 - centres[:, None]) / support
        raw = np.clip(1 - distance, 0, None)
        return raw / raw.sum(axis=1, keepdims=True)

    return weights(pixels.shape[0]) @ pixels.astype(float) @ weights(pixels.shape[1]).T


@settings(deadline=None, max_examples=80)
@given(pixels=pictures, size=st.integers(1, 40))
def test_always_an_8_bit_square_of_the_size(pixels, size):
    before = pixels.copy()

    rendered = render_square(pixels, size)

    assert rendered.dtype == np.uint8
    assert rendered.shape == (size, size)
    assert np.array_equal(pixels, before)  # the input is not touched


@settings(deadline=None, max_examples=60)
@given(pixels=pictures, size=st.integers(1, 40))
def test_rendering_a_rendered_picture_changes_nothing(pixels, size):
    """What a generator was trained on is what a study shows, whichever way it went."""
    rendered = render_square(pixels, size)

    assert np.array_equal(render_square(rendered, size), rendered)


@pytest.mark.parametrize(
    ("shape", "size"), [((64, 64), 20), ((64, 64), 63), ((30, 30), 50), ((7, 7), 56), ((100, 100), 56)]
)
def test_resampling_is_antialiased_bilinear(shape, size):
    pixels = grey(1, shape[0])

    rendered = render_square(pixels, size)

    # Pillow works in 8-bit integers between the two passes: each rounds once
    assert np.abs(rendered - triangle_resize(pixels, size)).max() <= 1.01


def test_the_crop_is_central():
    pixels = np.zeros((10, 21), dtype=np.uint8)
    pixels[:, 5:15] = np.arange(100).reshape(10, 10)  # floor((21 - 10) / 2) = 5

    assert np.array_equal(render_square(pixels, 10), np.arange(100).reshape(10, 10))
    assert np.array_equal(render_square(pixels.T, 10), np.arange(100).reshape(10, 10).T)


def test_the_identity_is_a_copy():
    pixels = grey(1, 16)

    rendered = render_square(pixels, 16)

    assert np.array_equal(rendered, pixels)
    assert not np.shares_memory(rendered, pixels)


def test_16_bits_span_their_own_range():
    # Arrange: 12-bit data, as files call them 16-bit
    pixels = np.array([[100, 1100], [2100, 4100]], dtype=np.uint16)

    # 255 * (v - 100) / 4000, half up: 0, 63.75, 127.5, 255
    assert to_8_bit(pixels).tolist() == [[0, 64], [128, 255]]


def test_full_range_16_bits_do_not_overflow():
    assert to_8_bit(np.array([[0, 65535, 32768]], dtype=np.uint16)).tolist() == [[0, 255, 128]]


def test_16_bits_of_one_value_are_black_and_8_bits_are_never_stretched():
    assert to_8_bit(np.full((2, 2), 900, dtype=np.uint16)).tolist() == [[0, 0], [0, 0]]
    assert to_8_bit(np.array([[100, 110]], dtype=np.uint8)).tolist() == [[100, 110]]


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused(size):
    with pytest.raises(ValueError, match=f"size must be at least 1 px, not {size}"):
        render_square(grey(1), size)


def test_colour_is_refused():
    with pytest.raises(ValueError, match=r"shape \(height, width\)"):
        render_square(np.zeros((4, 4, 3), dtype=np.uint8), 2)


deep = hnp.arrays(np.uint16, st.tuples(sizes, sizes), elements=st.integers(0, 65535))


@settings(deadline=None, max_examples=80)
@given(pixels=deep, size=st.integers(1, 40))
def test_16_bits_stay_16_bits(pixels, size):
    before = pixels.copy()

    rendered = render_square(pixels, size, bit_depth=16)

    assert rendered.dtype == np.uint16
    assert rendered.shape == (size, size)
    assert np.array_equal(pixels, before)


@settings(deadline=None, max_examples=80)
@given(pixels=deep)
def test_16_bits_span_the_full_range_in_the_same_order(pixels):
    stretched = to_full_16_bit(pixels).astype(int)

    if pixels.min() == pixels.max():
        assert not stretched.any()
        return
    assert (stretched.min(), stretched.max()) == (0, 65535)
    low, span = int(pixels.min()), int(pixels.max()) - int(pixels.min())
    exact = (pixels.astype(int) - low) * 65535 / span
    assert np.abs(stretched - exact).max() <= 0.5 + 1e-6
    assert np.array_equal(np.argsort(stretched, axis=None, kind="stable"), np.argsort(pixels, axis=None, kind="stable"))


@pytest.mark.parametrize(("shape", "size"), [((64, 64), 20), ((30, 30), 50), ((100, 100), 56)])
def test_16_bits_are_resampled_as_8_bits_are(shape, size):
    pixels = np.random.default_rng(1).integers(0, 65536, shape).astype(np.uint16)

    rendered = render_square(pixels, size, bit_depth=16)

    assert np.abs(rendered - triangle_resize(to_full_16_bit(pixels), size)).max() <= 1.01


def test_both_depths_show_the_same_picture():
    pixels = np.random.default_rng(1).integers(100, 4100, (60, 40)).astype(np.uint16)

    eight, sixteen = render_square(pixels, 25), render_square(pixels, 25, bit_depth=16)

    assert np.abs(eight - sixteen / 257).max() <= 2  # grey levels of 256: three roundings


def test_bits_that_are_not_there_are_not_made_up():
    with pytest.raises(ValueError, match="8-bit pixels cannot be rendered to 16 bits"):
        render_square(grey(1), 8, bit_depth=16)


def test_a_depth_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="bit_depth must be 8 or 16, not 12"):
        render_square(grey(1), 8, bit_depth=12)
