"""Linear mixed models against R (lmerTest), degenerate studies, and identities."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tests.turing.stats.mixed.studies import PARTS, TIME_NAMES, oracle_study, simulated_study
from tests.turing.stats.mixed.test_reml import sums_of, textbook_criterion
from tests.turing.stats.oracle import READER_SETS, expected_of
from turing.stats.mixed import LinearFit, fit_linear
from turing.stats.mixed.reml import RemlPoint

MODELS = {"crossed": True, "image_only": False}
AT_ZERO = 1e-6


def fit_oracle(name: str, part: str, model: str) -> LinearFit:
    return fit_linear(*oracle_study(name, part).linear, names=TIME_NAMES, reader_effect=MODELS[model])


def oracle_cases(function):
    for argument, values in {"name": READER_SETS, "part": PARTS, "model": MODELS}.items():
        function = pytest.mark.parametrize(argument, values)(function)
    return function


@oracle_cases
def test_oracle_lmertest(name, part, model):
    expected = expected_of(name)["lmer"][part][model]["tight"]

    fit = fit_oracle(name, part, model)

    for sd in ("sd_image", "sd_reader", "sd_residual"):
        if sd in expected:
            at_zero = expected[sd] < AT_ZERO
            assert getattr(fit, sd) == (0 if at_zero else pytest.approx(expected[sd], abs=4e-7)), sd
    assert fit.reml_criterion == pytest.approx(expected["reml_criterion"], abs=3e-9)
    assert fit.loglik == pytest.approx(expected["loglik_reml"], abs=3e-9)
    for term in TIME_NAMES:
        ours = fit[term]
        assert ours.estimate == pytest.approx(expected["coef"][term], abs=1e-8)
        # lmer's standard deviations are off by up to 2e-7, and its standard errors with them
        assert ours.se == pytest.approx(expected["se"][term], abs=1e-7)
        assert ours.df == pytest.approx(expected["df_satterthwaite"][term], rel=4e-6)
        assert ours.t == pytest.approx(expected["t"][term], rel=2e-6)
        assert ours.p == pytest.approx(expected["p_satterthwaite"][term], rel=1e-4, abs=1e-300)
        assert 2 * special.ndtr(-abs(ours.t)) == pytest.approx(expected["p_wald_z"][term], rel=1e-3, abs=1e-100)
        wald = 1.959964 * ours.se
        assert ours.estimate - wald == pytest.approx(expected["ci_low_wald_z"][term], abs=2e-7)
        assert ours.estimate + wald == pytest.approx(expected["ci_high_wald_z"][term], abs=2e-7)
    assert fit.gradient_norm < 2e-6
    assert any(remark.code.startswith("singular") for remark in fit.warnings) == expected["singular"]


@oracle_cases
def test_oracle_standard_errors_at_the_standard_deviations_of_r(name, part, model):
    """At the very point where lmer stopped, its standard errors hold to 1e-9."""
    expected = expected_of(name)["lmer"][part][model]["tight"]
    sums = sums_of(oracle_study(name, part), reader_effect=MODELS[model])
    sds = np.array([expected["sd_image"], expected.get("sd_reader", 0.0)])

    point = RemlPoint(sums, sds / expected["sd_residual"])

    se = np.sqrt(point.sigma2 * np.diag(point.unscaled))
    assert se == pytest.approx([expected["se"][term] for term in TIME_NAMES], abs=1e-9)


@oracle_cases
def test_oracle_default_settings_of_lmer(name, part, model):
    """lmer stops a little early by default."""
    expected = expected_of(name)["lmer"][part][model]["default"]

    fit = fit_oracle(name, part, model)

    assert fit.reml_criterion <= expected["reml_criterion"] + 1e-9
    assert fit.reml_criterion == pytest.approx(expected["reml_criterion"], abs=1e-5)
    for term in TIME_NAMES:
        assert fit[term].estimate == pytest.approx(expected["coef"][term], abs=1e-5)
        assert fit[term].se == pytest.approx(expected["se"][term], abs=1e-4)
        assert fit[term].df == pytest.approx(expected["df_satterthwaite"][term], rel=1e-2)


def test_balanced_study_is_the_analysis_of_variance():
    """Complete data: REML is the classical estimate from mean squares, and the intercept's F test is exact."""
    study = simulated_study(21, n_images=25, n_readers=6)
    y = study.log_seconds.reshape(25, 6)

    fit = fit_linear(study.log_seconds, np.ones((150, 1)), study.image, study.reader, names=("(Intercept)",))

    images, readers, mean = y.mean(axis=1), y.mean(axis=0), y.mean()
    rest = ((y - images[:, None] - readers + mean) ** 2).sum() / (24 * 5)
    of_images, of_readers = 6 * ((images - mean) ** 2).sum() / 24, 25 * ((readers - mean) ** 2).sum() / 5
    assert fit.sd_residual == pytest.approx(math.sqrt(rest), rel=1e-7)
    assert fit.sd_image == pytest.approx(math.sqrt((of_images - rest) / 6), rel=1e-7)
    assert fit.sd_reader == pytest.approx(math.sqrt((of_readers - rest) / 25), rel=1e-7)
    # Satterthwaite 1946: variance of the mean as a sum of mean squares
    parts = np.array([of_images / 150, of_readers / 150, -rest / 150])
    assert fit["(Intercept)"].se ** 2 == pytest.approx(parts.sum(), rel=1e-7)
    assert fit["(Intercept)"].df == pytest.approx(parts.sum() ** 2 / (parts**2 / [24, 5, 120]).sum(), rel=1e-6)


def test_interval_is_the_t_test_turned_round():
    fit = fit_linear(*simulated_study(22).linear, names=TIME_NAMES, confidence=0.9)
    correct = fit["correct"]

    quantile = stats.t.ppf(0.95, correct.df)

    assert (correct.low, correct.high) == pytest.approx(
        (correct.estimate - quantile * correct.se, correct.estimate + quantile * correct.se)
    )
    assert correct.p == pytest.approx(2 * stats.t.sf(abs(correct.estimate / correct.se), correct.df))


def test_no_grid_point_is_lower():
    for seed in range(8):
        study = simulated_study(seed, n_images=12, n_readers=4, sd_image=0.2 * (seed % 3), missing=0.2)
        fit = fit_linear(*study.linear, names=TIME_NAMES)

        grid = [
            RemlPoint(sums_of(study), np.array([a, b])).value
            for a in np.linspace(0, 3, 25)
            for b in (0, 0.2, 0.5, 1, 2)
        ]

        assert fit.reml_criterion <= min(grid) + 1e-9
        at = np.array([fit.sd_image, fit.sd_reader]) / fit.sd_residual
        assert fit.reml_criterion == pytest.approx(textbook_criterion(study, at), abs=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_of_rows_and_names_do_not_matter(seed, random):
    study = simulated_study(seed, n_images=15, missing=0.1)
    fit = fit_linear(*study.linear, names=TIME_NAMES)
    shuffled = study.rows(np.array(random.sample(range(len(study.correct)), len(study.correct))))
    images, readers = (np.array(random.sample(range(1000), 30)).astype(str) for _ in range(2))
    shuffled = shuffled.changed(image=images[shuffled.image], reader=readers[shuffled.reader])

    other = fit_linear(*shuffled.linear, names=TIME_NAMES)

    assert other.reml_criterion == pytest.approx(fit.reml_criterion, abs=1e-8)
    for name in TIME_NAMES:
        assert other[name].estimate == pytest.approx(fit[name].estimate, abs=1e-7)
        assert other[name].se == pytest.approx(fit[name].se, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(-100, 100), st.floats(0.01, 100))
def test_shift_and_unit_of_the_outcome(seed, shift, unit):
    """a + b y: slopes and standard deviations times b, the intercept shifted as well, the tests the same."""
    study = simulated_study(seed, n_images=15)
    fit = fit_linear(*study.linear, names=TIME_NAMES)

    other = fit_linear(*study.changed(log_seconds=shift + unit * study.log_seconds).linear, names=TIME_NAMES)

    assert other["correct"].estimate == pytest.approx(unit * fit["correct"].estimate, abs=1e-6 * unit)
    assert other["(Intercept)"].estimate == pytest.approx(shift + unit * fit["(Intercept)"].estimate, abs=1e-6 * unit)
    assert other.sd_residual == pytest.approx(unit * fit.sd_residual, rel=1e-6)
    assert other["correct"].df == pytest.approx(fit["correct"].df, rel=1e-4)


def test_groups_that_cannot_be_told_from_readers_are_said():
    study = oracle_study("two_readers")

    crossed, alone = (
        fit_linear(
            study.log_seconds, study.design, study.image, study.reader, names=("1", "more"), reader_effect=effect
        )
        for effect in (True, False)
    )

    assert {"two-readers", "one-reader-in-group"} <= {remark.code for remark in crossed.warnings}
    assert all(remark.code == "singular-image" for remark in alone.warnings)
    assert math.isnan(alone.sd_reader)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_seconds": np.full(180, 2.0)}, "the covariates explain every value of y"),
        ({"image": np.zeros(180)}, "there is only one image"),
        ({"image": np.arange(180)}, "every image has one answer"),
        ({"reader": np.zeros(180)}, "there is only one reader"),
        ({"reader": np.arange(180)}, "every reader gave one answer"),
    ],
)
def test_nothing_to_estimate_says_why(changes, reason):
    fit = fit_linear(*simulated_study(23).changed(**changes).linear, names=TIME_NAMES)

    assert not fit.estimable
    assert fit.reason.startswith(reason)
    assert math.isnan(fit["correct"].p)


def test_impossible_input_is_refused():
    y, x, image, reader = simulated_study(24).linear

    with pytest.raises(ValueError, match="y is nan in row 3"):
        fit_linear(np.where(np.arange(180) == 3, np.nan, y), x, image, reader, names=TIME_NAMES)
    with pytest.raises(ValueError, match=r"'again' of design depend on each other"):
        fit_linear(y, np.column_stack([x, x[:, 1]]), image, reader, names=(*TIME_NAMES, "again"))
