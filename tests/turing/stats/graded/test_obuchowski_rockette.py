"""Obuchowski and Rockette's analysis: published results, and what it must reduce to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turing.stats.graded import combine_readers, delong_covariance, obuchowski_rockette
from turing.stats.graded.obuchowski_rockette import jackknife_covariance
from turing.stats.roc import roc_area


@pytest.mark.parametrize(
    ("estimate", "ms", "covariance", "se", "df", "low", "high"),
    [
        (0.8970370, 0.003082629, 0.0004839618, 0.03317360, 12.74465, 0.8252236, 0.9688505),
        (0.9408374, 0.001304602, 0.0002041879, 0.02156637, 12.71019, 0.8941378, 0.9875369),
    ],
)
def test_published_analysis(estimate, ms, covariance, se, df, low, high):
    """Van Dyke's study, 5 readers, either treatment alone: R MRMCaov 0.1.2, its README (mean square, covariance -> the
    rest). Readers' areas are any five with that mean and mean square."""
    pattern = np.array([-2, -1, 0, 1, 2]) / math.sqrt(2.5)

    result = combine_readers(estimate + math.sqrt(ms) * pattern, 0.001, covariance, n_cases=45, n_controls=69)

    assert result.se == pytest.approx(se, abs=1e-8)
    assert result.df == pytest.approx(df, abs=1e-5)
    assert (result.low, result.high) == pytest.approx((low, high), abs=1e-7)


def drawn(seed, n_readers=4):
    generator = np.random.default_rng(seed)
    return generator.integers(1, 7, (12, n_readers)) + 1.0, generator.integers(1, 7, (10, n_readers)) + 0.0


@given(st.integers(0, 10_000))
def test_readers_who_rate_alike_have_the_interval_of_one_of_them(seed):
    """No variance between readers: the covariance is DeLong's variance, and t has infinite degrees of freedom."""
    cases, controls = (np.repeat(table, 5, axis=1) for table in drawn(seed, n_readers=1))
    one = roc_area(cases[:, 0], controls[:, 0])

    result = obuchowski_rockette(cases, controls)

    assert math.isinf(result.df)
    assert (result.estimate, result.se, result.low, result.high) == pytest.approx((one.auc, one.se, one.low, one.high))


@given(st.integers(0, 10_000))
def test_variance_holds_that_of_the_mean_over_these_readers(seed):
    """With MS = Var - Cov2, which is what it is if readers are equally good, it is the variance of the mean."""
    areas, covariance = delong_covariance(*drawn(seed))
    own = np.trace(covariance) / 4
    between = max((covariance.sum() - np.trace(covariance)) / 12, 0.0)
    pattern = np.array([-1, -1, 1, 1]) / math.sqrt(4 / 3)

    result = combine_readers(0.5 + pattern * math.sqrt(own - between), own, between, n_cases=12, n_controls=10)

    assert result.se**2 == pytest.approx((own + 3 * between) / 4)
    assert result.reader_variance == pytest.approx(0, abs=1e-12)
    assert len(areas) == 4


@given(st.integers(0, 10_000), st.sampled_from(["delong", "jackknife"]))
def test_order_and_scale_do_not_matter(seed, method):
    cases, controls = drawn(seed)
    result = obuchowski_rockette(cases, controls, method=method)
    other = obuchowski_rockette(cases[::-1, ::-1] ** 3, controls[::-1, ::-1] ** 3, method=method)

    assert (other.estimate, other.se, other.df) == pytest.approx((result.estimate, result.se, result.df), nan_ok=True)


@given(st.integers(0, 10_000))
def test_jackknife_is_that_of_leaving_images_out(seed):
    cases, controls = drawn(seed)

    def areas(x, y):
        return [roc_area(x[:, r], y[:, r]).auc for r in range(4)]

    left_out = np.array(
        [areas(np.delete(cases, k, axis=0), controls) for k in range(12)]
        + [areas(cases, np.delete(controls, k, axis=0)) for k in range(10)]
    )

    assert jackknife_covariance(cases, controls) == pytest.approx(21 * np.cov(left_out.T, ddof=0), abs=1e-12)


def test_interval_is_students():
    result = obuchowski_rockette(*drawn(3))

    quantile = stats.t.ppf(0.975, result.df)
    assert result.high - result.estimate == pytest.approx(quantile * result.se)
    assert result.p_half == pytest.approx(2 * stats.t.sf(abs(result.estimate - 0.5) / result.se, result.df))


def test_images_not_rated_by_all_are_left_out_and_counted():
    cases, controls = drawn(1)
    cases[0, 0] = controls[2, 3] = math.nan

    result = obuchowski_rockette(cases, controls)

    assert (result.n_cases, result.n_controls) == (11, 9)
    assert result.notes == ("2 of 22 images were not rated by every reader and were left out",)


@pytest.mark.parametrize(
    ("cases", "controls", "reason"),
    [
        (np.ones((3, 1)), np.zeros((3, 1)), "one reader does not show how readers differ"),
        (np.ones((1, 3)), np.zeros((3, 3)), "a single image of one kind gives no standard error"),
        (np.ones((3, 3)), np.zeros((3, 3)), "the standard error is 0"),
        (np.full((3, 3), math.nan), np.zeros((3, 3)), "no images of both kinds that every reader rated"),
    ],
)
def test_without_interval_says_why(cases, controls, reason):
    result = obuchowski_rockette(cases, controls)

    assert result.has_interval is False
    assert reason in result.reason


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method = 'magic'"):
        obuchowski_rockette([[1.0]], [[1.0]], method="magic")
