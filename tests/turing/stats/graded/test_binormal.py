"""Binormal ROC curve: published values, a direct maximisation, closed forms, and every degenerate kind of data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from turing.stats.graded import fit_binormal
from turing.stats.graded.binormal import _categories, _likelihood, _observed_information

NORMAL, ABNORMAL = np.repeat([1, 2, 3, 4, 5], [33, 6, 6, 11, 2]), np.repeat([1, 2, 3, 4, 5], [3, 2, 2, 11, 33])


def test_published_example():
    """Hanley and McNeil 1982, table I (109 CT images), as fitted by Stata's rocfit (its manual, [R] rocfit): intercept
    1.656782 (SE .310456), slope .713002 (.215882), area .911331 (.029506), log likelihood -123.64855."""
    fit = fit_binormal(ABNORMAL, NORMAL)

    assert (fit.a, fit.se_a) == pytest.approx((1.656782, 0.310456), abs=1e-6)
    assert (fit.b, fit.se_b) == pytest.approx((0.713002, 0.215882), abs=1e-6)
    assert (fit.auc, fit.se_auc) == pytest.approx((0.911331, 0.029506), abs=1e-6)
    assert fit.loglik == pytest.approx(-123.64855, abs=1e-5)


def test_is_the_maximum_that_a_general_search_finds():
    generator = np.random.default_rng(4)
    cases, controls = generator.integers(1, 7, 60) + generator.integers(0, 2, 60), generator.integers(1, 7, 50)
    counts = [[(values == level).sum() for level in range(1, 8)] for values in (controls, cases)]

    def minus_loglik(parameters):
        cuts = parameters[2] + np.r_[0, np.cumsum(np.exp(parameters[3:]))]
        shares = [
            np.diff(np.r_[0, stats.norm.cdf(x), 1]) for x in (cuts, math.exp(parameters[1]) * cuts - parameters[0])
        ]
        return -sum(stats.multinomial.logpmf(c, sum(c), s) for c, s in zip(counts, shares, strict=True))

    found = optimize.minimize(
        minus_loglik, np.r_[0.5, 0, -1, -1, -1, -1, -1, -1], method="BFGS", options={"gtol": 1e-8}
    )

    fit = fit_binormal(cases, controls)
    assert (fit.a, fit.b) == pytest.approx((found.x[0], math.exp(found.x[1])), abs=1e-5)


def test_three_steps_are_fitted_through_both_points():
    """As many parameters as counts: the curve is the line through the two points on the scale of Phi^-1."""
    controls, cases = np.repeat([1, 2, 3], [20, 12, 8]), np.repeat([1, 2, 3], [6, 10, 24])
    x, y = stats.norm.ppf([8 / 40, 20 / 40]), stats.norm.ppf([24 / 40, 34 / 40])
    slope = (y[1] - y[0]) / (x[1] - x[0])

    fit = fit_binormal(cases, controls)

    assert (fit.a, fit.b) == pytest.approx((y[0] - slope * x[0], slope), abs=1e-8)
    assert (fit.misfit, fit.misfit_df) == (pytest.approx(0, abs=1e-9), 0)
    assert fit.true_positive([8 / 40, 20 / 40]) == pytest.approx([24 / 40, 34 / 40])


def test_information_is_the_second_derivative_of_the_likelihood():
    counts = _categories(ABNORMAL.astype(float), NORMAL.astype(float))
    point = np.array([1.5, -0.3, 0.1, 0.5, 0.8, 1.7])
    steps = np.eye(6) * 1e-5

    numeric = [-(_likelihood(counts, point + e)[1] - _likelihood(counts, point - e)[1]) / 2e-5 for e in steps]

    assert _observed_information(counts, point) == pytest.approx(np.array(numeric), abs=1e-5)


@given(st.integers(0, 300))
def test_only_the_order_of_ratings_matters_and_the_classes_mirror(seed):
    generator = np.random.default_rng(seed)
    cases, controls = generator.integers(1, 7, 30) + 1, generator.integers(1, 7, 25)

    fit = fit_binormal(cases, controls)
    other = fit_binormal(np.exp(cases), np.exp(controls))
    mirrored = fit_binormal(controls, cases)

    assert (fit.a, fit.b, fit.se_auc) == pytest.approx((other.a, other.b, other.se_auc), rel=1e-7)
    assert (mirrored.auc, mirrored.b) == pytest.approx((1 - fit.auc, 1 / fit.b), rel=1e-5)
    assert mirrored.se_auc == pytest.approx(fit.se_auc, rel=1e-4)
    assert fit.low < fit.auc < fit.high


def test_continuous_ratings_find_the_curve_they_were_drawn_from():
    """a = (60 - 40) / 25 = 0.8, b = 20 / 25 = 0.8; within four standard errors."""
    generator = np.random.default_rng(8)

    fit = fit_binormal(generator.normal(60, 25, 400), generator.normal(40, 20, 400))

    assert abs(fit.a - 0.8) < 4 * fit.se_a
    assert abs(fit.b - 0.8) < 4 * fit.se_b
    assert abs(fit.auc - stats.norm.cdf(0.8 / math.sqrt(1.64))) < 4 * fit.se_auc
    assert math.isnan(fit.misfit_p)


def test_interval_of_the_area_keeps_its_promise():
    """500 studies of 60 + 60 images on a scale of six steps; true area Phi(1 / sqrt(2))."""
    generator, true, hits = np.random.default_rng(6), stats.norm.cdf(1 / math.sqrt(2)), 0
    cuts = [-0.8, -0.2, 0.4, 1.0, 1.6]
    for _ in range(500):
        fit = fit_binormal(*(np.digitize(generator.normal(mean, 1, 60), cuts) for mean in (1, 0)))
        hits += fit.low <= true <= fit.high

    assert 0.92 <= hits / 500 <= 0.975


@pytest.mark.parametrize(
    ("cases", "controls", "reason"),
    [
        ([], [1, 2], "ratings of both kinds of images are needed"),
        ([2, 2], [2, 2, 2], "all ratings are equal"),
        ([4, 5, 6], [1, 2, 3], "without overlap"),
        ([1, 1, 3, 3], [1, 3, 3, 1], "one operating point only"),
        ([2, 3, 3, 3], [1, 1, 1, 2], "degenerate data"),
        ([1, 2, 3, 3], [2, 2, 2, 2], "degenerate data"),
    ],
)
def test_degenerate_data_say_which_kind(cases, controls, reason):
    fit = fit_binormal(cases, controls)

    assert fit.is_defined is False
    assert reason in fit.reason
    assert math.isnan(fit.a)


def test_missing_ratings_are_refused():
    with pytest.raises(ValueError, match="controls holds 2 rating"):
        fit_binormal([1, 2], [math.nan, math.inf, 3])
