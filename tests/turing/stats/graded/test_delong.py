"""Comparison of areas against R pROC, and identities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turing.stats.oracle import answers_of, expected_of
from turing.stats.graded import compare_areas, compare_paired_areas, delong_covariance
from turing.stats.roc import roc_area

SETS = ("roc_continuous", "roc_ties", "roc_small_perfect")
ratings = st.lists(st.integers(1, 6), min_size=4, max_size=12)


def curve(name, score, half=None):
    rows = [row for row in answers_of(name) if half in (None, row["half"])]
    return [
        np.array([float(row[f"score_{score}"]) for row in rows if row["truth"] == truth])
        for truth in ("synthetic", "real")
    ]


@pytest.mark.parametrize("name", SETS)
def test_paired_is_that_of_r(name):
    """R 4.2.2, pROC 1.18.0: roc.test(paired = TRUE, method = "delong")."""
    expected = expected_of(name)["paired"]

    result = compare_paired_areas(*curve(name, "a"), *curve(name, "b"))

    assert result.statistic == pytest.approx(expected["statistic"], abs=1e-11)
    assert result.p == pytest.approx(expected["p"], abs=1e-12)
    assert result.difference == pytest.approx(expected["difference"], abs=1e-12)
    assert (result.low, result.high) == pytest.approx(expected["conf_int"], abs=1e-12)
    assert math.isinf(result.df)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    ("key", "halves"), [("unpaired_same_rows", (None, None)), ("unpaired_halves", ("first", "second"))]
)
def test_unpaired_is_that_of_r(name, key, halves):
    """pROC: roc.test(paired = FALSE), Student's t with Welch's degrees of freedom."""
    expected = expected_of(name)[key]

    result = compare_areas(*curve(name, "a", halves[0]), *curve(name, "b", halves[1]))

    assert result.statistic == pytest.approx(expected["statistic"], abs=1e-11)
    assert result.df == pytest.approx(expected["df"], rel=1e-12)
    assert result.p == pytest.approx(expected["p"], abs=1e-12)
    assert result.difference == pytest.approx(expected["difference"], abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_covariance_is_that_of_r(name):
    """pROC: cov(roc_a, roc_b, method = "delong")."""
    (cases_a, controls_a), (cases_b, controls_b) = curve(name, "a"), curve(name, "b")

    areas, covariance = delong_covariance(
        np.column_stack([cases_a, cases_b]), np.column_stack([controls_a, controls_b])
    )

    expected = expected_of(name)
    assert covariance[0, 1] == pytest.approx(expected["covariance_delong"], abs=1e-14)
    assert np.diag(covariance) == pytest.approx([expected[key]["var_delong"] for key in "ab"], abs=1e-14)
    assert areas == pytest.approx([expected[key]["auc"] for key in "ab"], abs=1e-12)


@given(ratings, ratings)
def test_variance_is_that_of_the_area(cases, controls):
    _, covariance = delong_covariance(np.array(cases)[:, None], np.array(controls)[:, None])

    area = roc_area(cases, controls)
    assert math.sqrt(covariance[0, 0]) == pytest.approx(0 if math.isnan(area.se) else area.se, abs=1e-7)


@given(st.integers(0, 10_000))
def test_exchanging_the_curves_changes_the_sign_only(seed):
    generator = np.random.default_rng(seed)
    a, b = [(generator.normal(0.5, 1, 9), generator.normal(0, 1, 8)) for _ in range(2)]

    for compare in (compare_paired_areas, compare_areas):
        forth, back = compare(*a, *b), compare(*b, *a)
        assert (forth.difference, forth.p) == pytest.approx((-back.difference, back.p))
        assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


def test_a_curve_does_not_differ_from_itself():
    result = compare_paired_areas([2, 3, 3], [1, 2, 3], [2, 3, 3], [1, 2, 3])

    assert (result.difference, result.is_defined) == (0, False)
    assert result.reason.startswith("the standard error of the difference is 0")


def test_too_few_images_say_so():
    result = compare_areas([3], [1, 2], [1, 2], [2, 1])

    assert (result.is_defined, result.reason) == (False, "at least two images of each kind are needed")


def test_paired_curves_of_different_images_are_refused():
    with pytest.raises(ValueError, match="Paired curves need the same images: 2 and 3 cases"):
        compare_paired_areas([1, 2], [1, 2], [1, 2, 3], [1, 2])


def test_missing_ratings_are_refused():
    with pytest.raises(ValueError, match="cases holds 1 rating"):
        compare_areas([math.nan, 1], [1, 2], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="every image rated in every curve"):
        delong_covariance([[1.0, math.nan], [1, 1]], [[1, 1], [1, 1]])


def test_a_single_exchanged_pair_of_many_is_still_tested():
    """Perfect curves but for one image: variance near 1e-16, which is not 0."""
    cases, controls = np.arange(4000.0) + 4000, np.arange(4000.0)
    other = cases.copy()
    other[0] = 3998.5

    result = compare_paired_areas(cases, controls, other, controls)

    assert result.difference == pytest.approx(1 / 4000**2)
    assert 0.3 < result.p < 0.7
