"""Density of marks: it integrates to one, peaks where the marks are, and does not leak over the edge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turing.stats.marks_density import marks_density

points = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


@given(points, st.floats(0.02, 0.8))
def test_mean_is_one_whatever_the_marks_and_the_bandwidth(marks, bandwidth):
    x, y = np.array(marks).T

    for result in (marks_density(x, y, size=16), marks_density(x, y, size=16, bandwidth=bandwidth)):
        assert result.density.mean() == pytest.approx(1, abs=1e-9)
        assert (result.density >= 0).all()


def test_away_from_the_edges_it_is_the_plain_kernel_density():
    """scipy.stats.norm as the kernel, at cell centres; cells are averages, so fine ones are compared."""
    x, y = np.array([0.5, 0.55, 0.4]), np.array([0.5, 0.45, 0.6])

    result = marks_density(x, y, size=256, bandwidth=0.05)

    centres = (np.arange(256) + 0.5) / 256
    expected = np.mean(
        [
            np.outer(stats.norm.pdf(centres, b, 0.05), stats.norm.pdf(centres, a, 0.05))
            for a, b in zip(x, y, strict=True)
        ],
        axis=0,
    )
    assert result.density == pytest.approx(expected, abs=0.05)
    assert abs(result.density - expected).max() < 0.002 * expected.max()


def test_rows_are_down_and_columns_across():
    result = marks_density([0.9], [0.1], size=10, bandwidth=0.03)

    assert np.unravel_index(result.density.argmax(), (10, 10)) in [(0, 8), (0, 9), (1, 8), (1, 9)]


def test_a_mark_in_the_corner_keeps_its_whole_weight():
    corner, middle = marks_density([0.0], [0.0], bandwidth=0.05), marks_density([0.5], [0.5], bandwidth=0.05)

    assert corner.density.max() == pytest.approx(4 * middle.density.max(), rel=0.01)


def test_even_marking_is_one_everywhere():
    generator = np.random.default_rng(1)

    result = marks_density(generator.random(20_000), generator.random(20_000), size=16)

    assert abs(result.density - 1).max() < 0.15


def test_scotts_bandwidth():
    x = np.array([0.2, 0.4, 0.6, 0.8])

    result = marks_density(x, np.full(4, 0.5))

    assert result.bandwidth_x == pytest.approx(x.std(ddof=1) * 4 ** (-1 / 6))
    assert result.bandwidth_y == 0.01


def test_no_marks_says_so():
    result = marks_density([], [])

    assert (result.is_defined, result.reason) == (False, "no image was marked")


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([1.2], {}, "Marks must lie in the image"),
        ([float("nan")], {}, "Marks must lie in the image"),
        ([0.5, 0.5], {}, "one of each per mark"),
        ([0.5], {"size": 1}, "size = 1 is out of range"),
        ([0.5], {"bandwidth": 0}, "bandwidth = 0 is out of range"),
    ],
)
def test_impossible_input_is_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        marks_density(x, [0.5], **options)
