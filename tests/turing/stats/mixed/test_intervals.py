"""Profile likelihood and parametric bootstrap, against their definitions."""

import numpy as np
import pytest
from scipy import optimize, stats

from tests.turing.stats.mixed.studies import NAMES, oracle_study, simulated_study
from turing.stats.mixed import (
    Bootstrap,
    LogisticFit,
    bootstrap_coefficient,
    fit_logistic,
    profile_interval,
    simulate_answers,
)

MORE = "experiencemore"


def fit_oracle(name: str, part: str = "all") -> LogisticFit:
    return fit_logistic(*oracle_study(name, part).logistic, names=NAMES)


def profile_deviance(fit: LogisticFit, name: str, value: float) -> float:
    """The deviance with one coefficient held at a value, minimised by another optimiser from several places."""
    position, back = fit.model.design.names.index(name), fit.model.design.back
    others = [k for k in range(len(back)) if k != position]

    def deviance(free):
        beta = np.empty(len(back))
        beta[position], beta[others] = value, free[2:]
        point = fit.model.deviance(np.r_[free[:2], np.linalg.solve(back, beta)])
        gradient = np.linalg.solve(back.T, point.gradient[2:])
        return point.value, np.r_[point.gradient[:2], gradient[others]]

    start = [fit.coefficients[k].estimate for k in others]
    bounds = [(0, 10)] * 2 + [(None, None)] * len(others)
    return min(
        optimize.minimize(deviance, [*sds, *start], jac=True, method="L-BFGS-B", bounds=bounds,
                          options={"ftol": 1e-15, "gtol": 1e-9}).fun
        for sds in ([0.5, 0.5], [1, 0.1], [0.1, 1], [0.8, 1.5])
    )  # fmt: skip


@pytest.mark.parametrize("study", ["paper_like", "weak_effect", "one_reader_perfect", "zero_image_var", "tiny"])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_profile_limits_are_where_the_deviance_has_risen_by_a_quantile(study, confidence):
    """In paper_like sd_reader leaves the boundary on the way."""
    fit = fit_oracle(study)

    interval = profile_interval(fit, MORE, confidence=confidence)

    assert interval.low < fit[MORE].estimate < interval.high
    for limit in (interval.low, interval.high):
        risen = profile_deviance(fit, MORE, limit) - fit.minimum.value
        assert risen == pytest.approx(stats.chi2.ppf(confidence, 1), abs=1e-5)


@pytest.mark.parametrize(
    ("study", "low", "high"),
    [
        ("weak_effect", -0.8808394918, 1.619422331),
        ("paper_like", 1.819496349, 2.500416659),
        ("one_reader_perfect", -0.5125868154, 5.647948838),
    ],
)
def test_profile_limits_are_near_those_of_lme4(study, low, high):
    """R 4.2.2, lme4 1.1-31: `confint(fit, method = "profile")`, the fit with bobyqa, rhoend 1e-9, tolPwrss 1e-13. Its
    limits are read off a spline through a few points of the profile, hence the tolerance; ours are solved for (above).
    """
    interval = profile_interval(fit_oracle(study), MORE)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=2e-3)


def test_profile_of_any_coefficient():
    study = simulated_study(41, n_images=40)
    position = np.linspace(-1, 1, len(study.more))
    design = np.column_stack([np.ones(len(position)), study.more, position])
    fit = fit_logistic(study.correct, design, study.image, study.reader, names=("1", "more", "position"))

    for name in fit.model.design.names:
        interval = profile_interval(fit, name)

        for limit in (interval.low, interval.high):
            risen = profile_deviance(fit, name, limit) - fit.minimum.value
            assert risen == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)


def test_profile_is_the_wald_interval_in_a_large_study():
    fit = fit_logistic(*simulated_study(42, n_images=400, n_readers=40, sd_reader=0.3).logistic, names=NAMES)

    interval = profile_interval(fit, MORE)

    assert (interval.low, interval.high) == pytest.approx((fit[MORE].low, fit[MORE].high), abs=0.12 * fit[MORE].se)
    assert (interval.or_low, interval.or_high) == pytest.approx(
        (np.exp(interval.low), np.exp(interval.high)), rel=1e-14
    )


def test_profile_and_bootstrap_without_a_fit():
    fit = fit_oracle("separation")

    assert np.isnan(profile_interval(fit, MORE).low)
    with pytest.raises(ValueError, match=r"This fit has no estimates \(quasi-complete separation"):
        bootstrap_coefficient(fit, MORE, seed=1)


def test_unknown_coefficient_is_refused():
    with pytest.raises(ValueError, match="There is no coefficient 'less'"):
        profile_interval(fit_oracle("paper_like"), "less")


def test_simulated_answers_have_the_models_moments():
    """Shares of right answers by group, and agreement within readers and images, of 400 studies against quadrature."""
    fit = fit_oracle("weak_effect")
    generator = np.random.default_rng(1)
    studies = np.array([simulate_answers(fit.model, fit.minimum.parameters, generator) for _ in range(400)])

    more = fit.model.design.matrix[:, 1] == 1
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    spread = np.hypot(fit.sd_image, fit.sd_reader)
    for group, eta in ((~more, fit["(Intercept)"].estimate), (more, fit["(Intercept)"].estimate + fit[MORE].estimate)):
        assert studies[:, group].mean() == pytest.approx(
            weights @ (1 / (1 + np.exp(-(eta + spread * nodes)))), abs=0.015
        )
    eta = fit["(Intercept)"].estimate
    given_reader = weights @ (1 / (1 + np.exp(-(eta + fit.sd_image * nodes[:, None] + fit.sd_reader * nodes))))
    readers = np.unique(fit.model.grid.reader_of_row[~more])
    shares = np.array([studies[:, fit.model.grid.reader_of_row == reader].mean(axis=1) for reader in readers])
    variance = weights @ given_reader**2 - (weights @ given_reader) ** 2
    assert shares.var() == pytest.approx(variance + 0.25 / 200, rel=0.15)


def test_bootstrap_is_made_again_from_its_seed():
    fit = fit_oracle("paper_like", "real")
    steps = []

    first = bootstrap_coefficient(fit, MORE, n_studies=12, seed=3, progress=lambda *step: steps.append(step))
    second = bootstrap_coefficient(fit, MORE, n_studies=12, seed=3)

    assert (first.estimates == second.estimates).all()
    assert steps == [(done, 12) for done in range(1, 13)]
    assert first.n_estimable == 12
    assert np.std(first.estimates) == pytest.approx(fit[MORE].se, rel=0.6)


def test_bootstrap_can_be_stopped():
    calls = iter([False, False, True])

    stopped = bootstrap_coefficient(fit_oracle("tiny"), MORE, n_studies=50, seed=1, abort=lambda: next(calls))

    assert len(stopped.estimates) == 2


def test_bootstrap_intervals_by_hand():
    """Estimates 1 .. 99 around 50 with a standard error of 2, the study's own estimate 40 with 3."""
    estimates = np.arange(1.0, 100.0)
    result = Bootstrap(MORE, 40.0, 3.0, estimates, np.full(99, 2.0), np.zeros((99, 2)))

    def limits(kind):
        interval = result.interval(kind, confidence=0.5)
        return interval.low, interval.high

    assert limits("percentile") == (25.5, 74.5)
    assert limits("basic") == (80 - 74.5, 80 - 25.5)
    assert limits("studentised") == (40 - 3 * (74.5 - 40) / 2, 40 - 3 * (25.5 - 40) / 2)


def test_simulated_studies_without_estimate_are_counted():
    """With 3 readers and 12 images many a simulated study is separated."""
    result = bootstrap_coefficient(fit_oracle("tiny"), MORE, n_studies=20, seed=1)

    (remark,) = result.interval("percentile").warnings

    assert result.n_estimable < 20
    assert remark.code == "simulated-not-estimable"
    assert remark.text.startswith(f"{20 - result.n_estimable} of 20 simulated studies")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fit: bootstrap_coefficient(fit, MORE, n_studies=0, seed=1), "n_studies = 0"),
        (lambda fit: bootstrap_coefficient(fit, MORE, n_studies=1, seed=1).interval("best"), "kind = 'best'"),
        (lambda fit: profile_interval(fit, MORE, confidence=0.0), "confidence = 0.0"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(fit_oracle("tiny"))
