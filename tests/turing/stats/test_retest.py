"""Cohen's kappa against statsmodels, scikit-learn, and identities."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from turing.stats.agreement import MISSING
from turing.stats.retest import cohen_kappa

# Fleiss, Cohen and Everitt 1969, table 1: two diagnoses of 200 patients
DIAGNOSES = [[106, 10, 4], [22, 28, 10], [2, 12, 6]]
HALVES = [[20, 5], [10, 15]]
SIX_STEPS = [
    [4, 5, 1, 0, 0, 0], [4, 3, 4, 6, 0, 0], [2, 0, 1, 0, 9, 0],
    [0, 2, 3, 1, 2, 1], [0, 0, 1, 0, 2, 11], [0, 0, 0, 3, 3, 12],
]  # fmt: skip
codes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30)


def answers(table):
    pairs = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [i for i, _ in pairs], [j for _, j in pairs]


@pytest.mark.parametrize(
    ("table", "quadratic", "kappa", "se"),
    [
        (DIAGNOSES, False, 0.4285714285714285, 0.05371100486916735),
        (DIAGNOSES, True, 0.5666666666666667, 0.05566634015823023),
        (HALVES, False, 0.3999999999999999, 0.12699606293110033),
        (SIX_STEPS, False, 0.13373860182370814, 0.05789371347328464),
        (SIX_STEPS, True, 0.7414806110458285, 0.04014469306256674),
    ],
)
def test_reference_values(table, quadratic, kappa, se):
    """statsmodels 0.15.0: stats.inter_rater.cohens_kappa(table), wt="fc" for quadratic; `kappa` and `std_kappa`."""
    result = cohen_kappa(*answers(table), n_categories=len(table), quadratic=quadratic)

    assert (result.kappa, result.se) == pytest.approx((kappa, se), abs=1e-12)
    assert (result.low, result.high) == pytest.approx(
        (kappa - 1.959963984540054 * se, kappa + 1.959963984540054 * se), abs=1e-12
    )


@pytest.mark.parametrize("quadratic", [False, True])
@given(pairs=codes)
def test_same_as_scikit_learn(pairs, quadratic):
    first, second = zip(*pairs, strict=True)
    assume(len({*first, *second}) > 1)

    result = cohen_kappa(first, second, n_categories=4, quadratic=quadratic)

    expected = cohen_kappa_score(first, second, labels=range(4), weights="quadratic" if quadratic else None)
    assert result.kappa == pytest.approx(expected, abs=1e-12)


@given(pairs=codes)
def test_which_answer_came_first_does_not_matter(pairs):
    first, second = zip(*pairs, strict=True)

    result = cohen_kappa(first, second, n_categories=4)
    other = cohen_kappa(second, first, n_categories=4)

    for name in ("kappa", "se", "low", "high"):
        assert getattr(other, name) == pytest.approx(getattr(result, name), abs=1e-9, nan_ok=True)
    assert other.same == result.same


def test_two_categories_have_one_kappa_with_and_without_weights():
    plain, weighted = (cohen_kappa(*answers(HALVES), quadratic=quadratic) for quadratic in (False, True))

    assert plain == weighted


def test_error_is_the_spread_of_kappa():
    """4,000 readers of 80 images who give each image the same answer again with probability 0.8."""
    generator = np.random.default_rng(3)
    results = []
    for _ in range(4000):
        first = generator.integers(0, 2, 80)
        second = np.where(generator.random(80) < 0.8, first, 1 - first)
        results.append(cohen_kappa(first, second))

    assert np.mean([result.kappa for result in results]) == pytest.approx(0.6, abs=0.01)
    assert np.std([result.kappa for result in results]) == pytest.approx(
        np.mean([result.se for result in results]), rel=0.05
    )


def test_an_image_without_both_answers_is_left_out_and_counted():
    result = cohen_kappa([0, 1, 0, MISSING, 1], [0, 1, 1, 0, MISSING])

    assert (result.n_images, result.n_used, result.same.k) == (5, 3, 2)
    assert result.kappa == cohen_kappa([0, 1, 0], [0, 1, 1]).kappa


@pytest.mark.parametrize(
    ("first", "second", "kappa", "reason"),
    [
        ([], [], math.nan, "no image has two answers"),
        ([0, MISSING], [MISSING, 1], math.nan, "no image has two answers"),
        ([1, 1], [1, 1], math.nan, "all answers are equal, so chance agreement is 1 and kappa is 0/0"),
        ([0], [1], 0.0, "one image alone gives no standard error"),
        ([0, 1, 0], [0, 1, 0], 1.0, "the standard error is 0, so there is no interval"),
    ],
)
def test_what_does_not_exist_says_why(first, second, kappa, reason):
    result = cohen_kappa(first, second)

    assert result.kappa == pytest.approx(kappa, nan_ok=True)
    assert (result.has_interval, result.reason) == (False, reason)


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ([0, 1], [0], {}, "first has 2 codes and second 1"),
        ([0, 2], [0, 1], {}, "whole numbers from 0 to 1"),
        ([0, 0.5], [0, 1], {}, "whole numbers from 0 to 1"),
        ([0, 1], [0, 1], {"n_categories": 1}, "n_categories = 1"),
        ([0, 1], [0, 1], {"confidence": 1.0}, "confidence = 1.0 is out of range"),
    ],
)
def test_impossible_input_is_refused(first, second, options, message):
    with pytest.raises(ValueError, match=message):
        cohen_kappa(first, second, **options)
