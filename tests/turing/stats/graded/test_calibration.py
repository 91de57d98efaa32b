"""Calibration: hand-computed tables, Murphy's identity, scikit-learn's Brier score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from turing.stats.graded import calibration

statements = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 1)), min_size=1, max_size=60)


def test_by_hand():
    """Two bins: stated 0.2, 0.4 (one of two positive) and 0.5, 1.0 (both positive)."""
    result = calibration([0.2, 0.4, 0.5, 1.0], [0, 1, 1, 1], n_bins=2)

    assert result.brier == pytest.approx((0.04 + 0.36 + 0.25 + 0) / 4)
    assert [(part.mean_stated, part.observed.k, part.observed.n) for part in result.bins] == [
        (pytest.approx(0.3), 1, 2),
        (pytest.approx(0.75), 2, 2),
    ]
    assert result.expected_error == pytest.approx(0.5 * 0.2 + 0.5 * 0.25)
    assert result.largest_error == pytest.approx(0.25)
    assert result.mean_bias == pytest.approx(2.1 / 4 - 0.75)


@given(statements)
def test_brier_score_is_reliability_less_resolution_plus_uncertainty(pairs):
    stated, positive = np.array(pairs).T

    result = calibration(stated / 100, positive)

    assert result.brier == pytest.approx(brier_score_loss(positive, stated / 100, labels=[0, 1]), abs=1e-12)
    parts = result.reliability - result.resolution + result.brier_of_base_rate
    assert result.brier == pytest.approx(parts, abs=1e-12)
    assert sum(part.observed.n for part in result.bins) == len(pairs)
    assert 0 <= result.expected_error <= result.largest_error + 1e-12 <= 1 + 1e-12


@given(statements)
def test_exchanging_the_classes_changes_the_sign_of_the_bias_only(pairs):
    stated, positive = np.array(pairs).T
    result, other = calibration(stated / 100, positive), calibration(1 - stated / 100, 1 - positive)

    assert (result.brier, result.mean_bias) == pytest.approx((other.brier, -other.mean_bias), abs=1e-12)
    assert result.p == pytest.approx(other.p, abs=1e-9, nan_ok=True)


def test_spiegelhalters_test_rejects_five_percent_of_calibrated_readers():
    generator = np.random.default_rng(2)
    rejected = 0
    for _ in range(2000):
        stated = generator.uniform(0.05, 0.95, 100)
        rejected += calibration(stated, generator.random(100) < stated).p < 0.05

    assert 0.035 <= rejected / 2000 <= 0.065


def test_ends_of_the_scale_are_in_the_outer_bins_and_leave_the_test_undefined():
    result = calibration([0, 1, 1], [0, 1, 0], n_bins=5)

    assert [part.observed.n for part in result.bins] == [1, 0, 0, 0, 2]
    assert math.isnan(result.p)
    assert math.isnan(result.bins[2].mean_stated)


def test_without_ratings_there_is_no_score():
    result = calibration([], [])

    assert (result.is_defined, result.reason) == (False, "there are no ratings")


@pytest.mark.parametrize(
    ("stated", "positive", "message"),
    [
        ([80.0], [1], "divide a rating of 0 to 100 by 100"),
        ([math.nan], [1], "none missing"),
        ([0.5], [2], "0 and 1 only"),
        ([0.5, 0.5], [1], "one of each per answer"),
    ],
)
def test_impossible_input_is_refused(stated, positive, message):
    with pytest.raises(ValueError, match=message):
        calibration(stated, positive)
