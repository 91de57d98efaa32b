"""ROC points and partial areas: identities, and scikit-learn's standardised partial area."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from turing.stats.graded import partial_area, roc_curve
from turing.stats.roc import roc_area

ratings = st.lists(st.integers(1, 6), min_size=1, max_size=15)


@given(ratings, ratings)
def test_joined_points_have_the_area_of_mann_whitney(cases, controls):
    curve = roc_curve(cases, controls)

    assert np.trapezoid(curve.true_positive, curve.false_positive) == pytest.approx(
        roc_area(cases, controls).auc, abs=1e-12
    )
    assert (curve.false_positive[[0, -1]].tolist(), curve.true_positive[[0, -1]].tolist()) == ([0, 1], [0, 1])
    assert (np.diff(curve.threshold) < 0).all()


def test_points_are_shares_at_or_above_the_threshold():
    curve = roc_curve([2, 3, 3, 5], [1, 2, 3])

    assert curve.threshold.tolist() == [math.inf, 5, 3, 2, 1]
    assert curve.true_positive == pytest.approx([0, 0.25, 0.75, 1, 1])
    assert curve.false_positive == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_corrected_area_is_that_of_scikit_learn(seed, largest):
    """scikit-learn roc_auc_score(max_fpr = ...): McClish's correction, as pROC's partial.auc.correct."""
    generator = np.random.default_rng(seed)
    cases, controls = generator.integers(2, 9, 14), generator.integers(1, 8, 11)
    expected = roc_auc_score(np.r_[np.ones(14), np.zeros(11)], np.r_[cases, controls], max_fpr=largest)

    result = partial_area(cases, controls, low_end=1 - largest, high_end=1)

    if math.isnan(result.corrected):
        assert expected < 0.5
        assert "below the diagonal" in result.reason
    else:
        assert result.corrected == pytest.approx(expected, abs=1e-12)


@given(ratings, ratings, st.floats(0.05, 0.95), st.sampled_from(["specificity", "sensitivity"]))
def test_parts_add_up_to_the_whole(cases, controls, cut, region):
    parts = [
        partial_area(cases, controls, low_end=low, high_end=high, region=region).area
        for low, high in ((0, cut), (cut, 1))
    ]

    assert sum(parts) == pytest.approx(roc_area(cases, controls).auc, abs=1e-12)


@given(ratings, ratings, st.floats(0.0, 0.9))
def test_sensitivity_and_specificity_change_places_with_the_classes(cases, controls, low_end):
    by_sensitivity = partial_area(cases, controls, low_end=low_end, region="sensitivity")
    mirrored = partial_area(
        [-value for value in controls], [-value for value in cases], low_end=low_end, region="specificity"
    )

    assert by_sensitivity.area == pytest.approx(mirrored.area, abs=1e-12)


def test_perfect_and_useless_ratings_have_corrected_areas_of_1_and_one_half():
    assert partial_area([3, 4], [1, 2]).corrected == pytest.approx(1)
    assert partial_area([1, 2], [1, 2]).corrected == pytest.approx(0.5)


def test_bootstrap_is_that_of_its_seed_and_holds_the_estimate():
    generator = np.random.default_rng(3)
    cases, controls = generator.normal(1, 1, 60), generator.normal(0, 1, 60)

    first, again = (partial_area(cases, controls, n_bootstrap=200, seed=7) for _ in range(2))

    assert first == again
    assert first.low < first.corrected < first.high
    assert partial_area(cases, controls, n_bootstrap=200, seed=8).low != first.low


def test_one_class_says_so():
    assert roc_curve([1, 2], []).reason == "ratings of both kinds of images are needed"
    result = partial_area([], [1, 2])
    assert (result.is_defined, result.reason) == (False, "ratings of both kinds of images are needed")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_end": 0.9, "high_end": 0.8}, "0 <= low_end < high_end <= 1"),
        ({"region": "accuracy"}, "region = 'accuracy'"),
        ({"confidence": 1.0}, "confidence = 1.0 is out of range"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        partial_area([1, 2], [1, 2], **options)
