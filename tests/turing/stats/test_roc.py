"""AUC and DeLong's interval against R pROC, and identities."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.turing.stats.oracle import answers_of, expected_of
from turing.stats.roc import roc_area

ratings = st.lists(st.integers(1, 6), min_size=2, max_size=15)


@pytest.mark.parametrize("name", ["roc_continuous", "roc_ties", "roc_small_perfect"])
@pytest.mark.parametrize("curve", ["a", "b"])
def test_oracle(name, curve):
    """R 4.2.2, pROC 1.18.0: ci.auc(method = "delong"). An interval without width is left out here."""
    rows = answers_of(name)
    scores = {
        truth: [float(row[f"score_{curve}"]) for row in rows if row["truth"] == truth]
        for truth in ("real", "synthetic")
    }
    expected = expected_of(name)[curve]

    result = roc_area(scores["synthetic"], scores["real"])

    assert (result.n_controls, result.n_cases) == (expected_of(name)["n_real"], expected_of(name)["n_synthetic"])
    assert result.auc == pytest.approx(expected["auc"], abs=1e-12)
    if expected["var_delong"] == 0:
        assert (result.has_interval, result.reason) == (False, "the standard error is 0, so there is no interval")
    else:
        assert result.se**2 == pytest.approx(expected["var_delong"], abs=1e-13)
        assert (result.low, result.high) == pytest.approx((expected["ci_low"], expected["ci_high"]), abs=1e-12)


@given(ratings, ratings)
def test_auc_is_the_share_of_pairs_in_the_right_order(cases, controls):
    pairs = [(case > control) + (case == control) / 2 for case in cases for control in controls]

    assert roc_area(cases, controls).auc == pytest.approx(np.mean(pairs), abs=1e-12)


@given(ratings, ratings)
def test_exchanging_the_classes_mirrors_the_area(cases, controls):
    result, other = roc_area(cases, controls), roc_area(controls, cases)

    assert other.auc == pytest.approx(1 - result.auc, abs=1e-12)
    assert other.se == pytest.approx(result.se, abs=1e-12, nan_ok=True)


@given(ratings, ratings)
def test_only_the_order_of_ratings_matters(cases, controls):
    result, other = roc_area(cases, controls), roc_area([r**3 for r in cases], [r**3 for r in controls])
    assume(result.has_interval)

    assert (other.auc, other.se) == (result.auc, result.se)
    assert 0 <= result.low <= result.auc <= result.high <= 1


def test_interval_holds_the_true_area_about_as_often_as_it_says():
    """2,000 studies of 40 + 40 images, normal ratings one standard deviation apart: AUC = Phi(1 / sqrt(2))."""
    generator = np.random.default_rng(5)
    true = 0.7602499389065233
    hits = 0
    for _ in range(2000):
        result = roc_area(generator.normal(1, 1, 40), generator.normal(0, 1, 40))
        hits += result.low <= true <= result.high

    assert 0.925 <= hits / 2000 <= 0.965


@pytest.mark.parametrize(
    ("cases", "controls", "auc", "reason"),
    [
        ([], [1, 2], math.nan, "ratings of both kinds of images are needed"),
        ([3], [1, 2], 1.0, "a single image of one kind gives no standard error"),
        ([3, 3], [3, 3, 3], 0.5, "the standard error is 0, so there is no interval"),
    ],
)
def test_undefined_says_why(cases, controls, auc, reason):
    result = roc_area(cases, controls)

    assert result.auc == pytest.approx(auc, nan_ok=True)
    assert (result.has_interval, result.reason) == (False, reason)


@pytest.mark.parametrize(
    ("cases", "options", "message"),
    [
        ([math.nan, 1], {}, "Ratings must be finite numbers"),
        ([1, 2], {"confidence": 0.0}, "confidence = 0.0 is out of range"),
    ],
)
def test_impossible_input_is_refused(cases, options, message):
    with pytest.raises(ValueError, match=message):
        roc_area(cases, [1, 2], **options)
