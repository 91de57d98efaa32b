"""Logistic mixed models against R (lme4, glmmTMB), degenerate studies, and identities."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from tests.turing.stats.mixed.studies import NAMES, PARTS, indicators, oracle_study, simulated_study
from tests.turing.stats.oracle import READER_SETS, expected_of
from turing.stats.mixed import LogisticFit, fit_logistic

WITHOUT_ESTIMATE = {
    **{("separation", part): "quasi-complete separation" for part in PARTS},
    ("tiny", "real"): "quasi-complete separation",
    ("tiny", "synthetic"): "the standard deviation between images grows without end",
}
CASES = [(name, part) for name in READER_SETS for part in PARTS]
ESTIMABLE = [case for case in CASES if case not in WITHOUT_ESTIMATE]
# coefficients, their standard errors, standard deviations, log likelihood
REFERENCE = (2e-5, 3e-6, 2e-5, 3e-8)  # glmmTMB: as in the README beside the reference values
# lme4 itself is that far from glmmTMB, a little more than the README says (SE of the tight setting: 5e-4 there)
TIGHT, DEFAULT = (4e-5, 1.3e-3, 4e-5, 4e-6), (6.3e-3, 2e-2, 4.1e-3, 3e-3)
TRAPPED = ("table1_counts", "synthetic")  # there lme4's tight setting stopped at sd_image = 0, a stationary point
AT_ZERO = 1e-3  # glmmTMB works on the log scale: below this it means 0


def fit_oracle(name: str, part: str) -> LogisticFit:
    return fit_logistic(*oracle_study(name, part).logistic, names=NAMES)


def check_against(fit: LogisticFit, expected: dict, tolerances: tuple[float, ...], *, with_se: bool = True) -> None:
    coef_off, se_off, sd_off, loglik_off = tolerances
    for name in NAMES:
        assert fit[name].estimate == pytest.approx(expected["coef"][name], abs=coef_off)
        if with_se:
            assert fit[name].se == pytest.approx(expected["se"][name], abs=se_off)
    for sd in ("sd_image", "sd_reader"):
        at_zero = expected[sd] < AT_ZERO
        assert getattr(fit, sd) == (0 if at_zero else pytest.approx(expected[sd], abs=sd_off)), sd
    assert fit.loglik == pytest.approx(expected["loglik"], abs=loglik_off)


@pytest.mark.parametrize(("name", "part"), ESTIMABLE)
def test_oracle_glmmtmb(name, part):
    fit = fit_oracle(name, part)

    assert (fit.estimable, fit.converged, fit.reason) == (True, True, "")
    check_against(fit, expected_of(name)["glmer"][part]["glmmtmb"], REFERENCE)
    assert fit.gradient_norm < 2e-6


@pytest.mark.parametrize(
    ("name", "part", "setting", "tolerances"),
    [
        *((*case, "tight", TIGHT) for case in ESTIMABLE if case != TRAPPED),  # see the test of the trap
        *((*case, "default", DEFAULT) for case in ESTIMABLE),
    ],
)
def test_oracle_lme4(name, part, setting, tolerances):
    expected = expected_of(name)["glmer"][part][setting]

    fit = fit_oracle(name, part)

    # in a singular fit lme4's finite differences at the edge give wrong standard errors
    singular = 0 in (fit.sd_image, fit.sd_reader)
    check_against(fit, expected, tolerances, with_se=not singular)
    assert fit.loglik >= expected["loglik"] - 1e-6
    if singular:
        return
    coef_off, se_off, *_ = tolerances
    for term in NAMES:
        ours, theirs = fit[term], expected["z"][term]
        z_off = (coef_off + abs(theirs) * se_off) / ours.se
        assert ours.z == pytest.approx(theirs, abs=z_off)
        assert special.ndtri(ours.p / 2) == pytest.approx(special.ndtri(expected["p"][term] / 2), abs=z_off)
    more = fit["experiencemore"]
    assert math.log(more.odds_ratio) == pytest.approx(math.log(expected["or"]), abs=coef_off)
    assert math.log(more.or_low) == pytest.approx(math.log(expected["or_low"]), abs=coef_off + 2 * se_off)
    assert math.log(more.or_high) == pytest.approx(math.log(expected["or_high"]), abs=coef_off + 2 * se_off)


def test_the_trap_at_zero():
    """0 is a stationary point of the likelihood in each standard deviation; here lme4 stops there, 8e-5 too low."""
    trapped, reference = (expected_of(TRAPPED[0])["glmer"][TRAPPED[1]][by] for by in ("tight", "glmmtmb"))
    assert (trapped["sd_image"], round(reference["sd_image"], 3)) == (0, 0.04)

    fit = fit_oracle(*TRAPPED)
    at_zero = fit.model.deviance(fit.minimum.parameters * [0, 1, 1, 1])

    assert at_zero.gradient[0] == 0
    assert at_zero.hessian[0, 0] < 0
    assert fit.loglik > trapped["loglik"] + 8e-5


@pytest.mark.parametrize(("name", "part"), [case for case in ESTIMABLE if case != TRAPPED])
def test_oracle_conditional_standard_errors(name, part):
    """lme4's `use.hessian = FALSE`: the standard errors if the standard deviations were known, from the weights."""
    expected = expected_of(name)["glmer"][part]["tight"]["se_rx"]
    study = oracle_study(name, part)

    fit = fit_oracle(name, part)

    weight = fit.minimum.weight.reshape(-1)[fit.model.grid.place]
    z = np.column_stack([fit.sd_image * indicators(study.image), fit.sd_reader * indicators(study.reader)])
    both = np.column_stack([z, study.design])
    joint = (both.T * weight) @ both + np.diag(np.r_[np.ones(z.shape[1]), 0, 0])
    se = np.sqrt(np.diag(np.linalg.inv(joint))[-2:])
    assert se == pytest.approx([expected[term] for term in NAMES], abs=3e-5)


@pytest.mark.parametrize("case", WITHOUT_ESTIMATE)
def test_oracle_without_estimate(case):
    fit = fit_oracle(*case)

    assert not fit.estimable
    assert fit.reason.startswith(WITHOUT_ESTIMATE[case])
    numbers = [fit.sd_image, fit.sd_reader, fit.loglik, *fit.covariance.ravel()]
    for coefficient in fit.coefficients:
        numbers += [value for key, value in vars(coefficient).items() if key != "name"]
    assert all(math.isnan(number) for number in numbers)


def test_a_variance_on_the_boundary_is_said():
    assert [remark.code for remark in fit_oracle("paper_like", "all").warnings] == ["singular-reader"]
    assert [remark.code for remark in fit_oracle("zero_image_var", "all").warnings] == ["singular-image"]
    assert fit_oracle("paper_like", "real").warnings == ()


def test_groups_that_cannot_be_told_from_readers_are_said():
    two = [remark.code for remark in fit_oracle("two_readers", "all").warnings]
    assert two == ["two-readers", "one-reader-in-group", "few-answers-per-image", "singular-reader"]
    (alone,) = fit_oracle("one_vs_five", "all").warnings
    assert alone.code == "one-reader-in-group"
    assert "experiencemore" in alone.text


def test_a_covariate_that_every_reader_has_for_himself_is_no_group():
    study = simulated_study(5)
    years = np.linspace(1, 9, 6)[study.reader]

    fit = fit_logistic(study.correct, np.column_stack([np.ones(len(years)), years]), study.image, study.reader,
                       names=("(Intercept)", "years"))  # fmt: skip

    assert fit.warnings == ()


def test_reference_group_of_one_reader_is_said():
    """Three groups, two columns: no column has one reader, the group where both are 0 has."""
    study = simulated_study(6)
    group = np.array([0, 1, 1, 1, 2, 2])[study.reader]
    design = np.column_stack([np.ones(len(group)), group == 1, group == 2])

    fit = fit_logistic(study.correct, design, study.image, study.reader, names=("(Intercept)", "b", "c"))

    assert [remark.code for remark in fit.warnings] == ["one-reader-in-group"]


@pytest.mark.parametrize("seed", range(6))
def test_no_start_of_another_optimiser_ends_lower(seed):
    """Covariates of readers and of answers, an interaction, missing answers; L-BFGS-B from five places."""
    study = simulated_study(seed, n_images=40, n_readers=7, missing=0.2, sd_reader=0.4)
    position = np.random.default_rng(seed).uniform(0, 200, len(study.more))
    design = np.column_stack([np.ones(len(position)), study.more, position, study.more * position])
    fit = fit_logistic(study.correct, design, study.image, study.reader, names=("1", "more", "position", "both"))

    def deviance(parameters):
        point = fit.model.deviance(parameters)
        return point.value, point.gradient

    for sds in ([0.05, 0.05], [1.5, 0.05], [0.05, 1.5], [1.5, 1.5], [4.0, 1.0]):
        found = optimize.minimize(
            deviance, [*sds, 0, 0, 0, 0], jac=True, method="L-BFGS-B", bounds=[(0, 20)] * 2 + [(None, None)] * 4
        )
        assert fit.minimum.value <= found.fun + 1e-8


def test_units_of_a_covariate_change_its_coefficient_and_nothing_else():
    study = simulated_study(7)
    seconds = np.random.default_rng(7).uniform(1, 60, len(study.more))
    fits = [
        fit_logistic(study.correct, np.column_stack([np.ones(len(seconds)), study.more, seconds * unit]), study.image,
                     study.reader, names=("1", "more", "time"))
        for unit in (1.0, 1e-6)
    ]  # fmt: skip

    assert fits[1].loglik == pytest.approx(fits[0].loglik, abs=1e-9)
    assert fits[1]["more"].se == pytest.approx(fits[0]["more"].se, rel=1e-8)
    assert fits[1]["time"].estimate == pytest.approx(fits[0]["time"].estimate * 1e6, rel=1e-7)
    assert fits[1]["time"].p == pytest.approx(fits[0]["time"].p, rel=1e-6)


def test_interaction_is_the_callers_column():
    """With group x class saturated by 0/1 columns, the class coded the other way round changes only its names."""
    study = simulated_study(8, n_images=40)
    real = (study.image % 2).astype(float)
    ones = np.ones(len(real))
    fits = [
        fit_logistic(study.correct, np.column_stack([ones, study.more, c, study.more * c]), study.image, study.reader,
                     names=("1", "more", "class", "more:class"))
        for c in (real, 1 - real)
    ]  # fmt: skip

    assert fits[1]["more"].estimate == pytest.approx(
        fits[0]["more"].estimate + fits[0]["more:class"].estimate, abs=1e-7
    )
    assert fits[1]["more:class"].se == pytest.approx(fits[0]["more:class"].se, abs=1e-8)


def test_repeated_answers_count_each():
    study = simulated_study(9, n_images=40, repeats=60)

    fit = fit_logistic(*study.logistic, names=NAMES)

    assert (fit.n_answers, fit.n_images, fit.n_readers) == (300, 40, 6)
    assert fit.gradient_norm < 1e-6


def test_estimates_recover_the_truth():
    """One large study: every parameter within four standard errors (those of the sds from the profile's curvature)."""
    study = simulated_study(10, n_images=300, n_readers=30, effect=1.0)

    fit = fit_logistic(*study.logistic, names=NAMES)

    assert abs(fit["experiencemore"].estimate - 1.0) < 4 * fit["experiencemore"].se
    assert fit.sd_image == pytest.approx(0.8, abs=0.2)
    assert fit.sd_reader == pytest.approx(0.6, abs=0.35)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_of_rows_and_names_do_not_matter(seed, random):
    study = simulated_study(seed, n_images=20, missing=0.1)
    fit = fit_logistic(*study.logistic, names=NAMES)
    assume(fit.estimable)
    shuffled = study.rows(np.array(random.sample(range(len(study.correct)), len(study.correct))))
    images, readers = (np.array(random.sample(range(1000), 30)).astype(str) for _ in range(2))
    shuffled = shuffled.changed(image=images[shuffled.image], reader=readers[shuffled.reader])

    other = fit_logistic(*shuffled.logistic, names=NAMES)

    assert (other.sd_image, other.sd_reader) == pytest.approx((fit.sd_image, fit.sd_reader), abs=1e-6)
    assert other.loglik == pytest.approx(fit.loglik, abs=1e-9)
    for name in NAMES:
        assert other[name].estimate == pytest.approx(fit[name].estimate, abs=1e-6)
        assert other[name].se == pytest.approx(fit[name].se, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_swapped_answers_swap_the_signs(seed):
    study = simulated_study(seed, n_images=20)
    fit = fit_logistic(*study.logistic, names=NAMES)
    assume(fit.estimable)

    other = fit_logistic(*study.changed(correct=1 - study.correct).logistic, names=NAMES)

    assert other.loglik == pytest.approx(fit.loglik, abs=1e-9)
    for name in NAMES:
        assert other[name].estimate == pytest.approx(-fit[name].estimate, abs=1e-6)
        assert other[name].se == pytest.approx(fit[name].se, abs=1e-6)
        assert other[name].or_low == pytest.approx(1 / fit[name].or_high, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 0.999))
def test_interval_contains_the_estimate(seed, confidence):
    fit = fit_logistic(*simulated_study(seed, n_images=15).logistic, names=NAMES, confidence=confidence)
    assume(fit.estimable)

    for coefficient in fit.coefficients:
        assert coefficient.low < coefficient.estimate < coefficient.high
        assert coefficient.or_low < coefficient.odds_ratio < coefficient.or_high


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"correct": np.ones(180)}, "all answers are 1"),
        ({"correct": np.zeros(180)}, "all answers are 0"),
        ({"image": np.zeros(180)}, "there is only one image"),
    ],
)
def test_nothing_to_estimate_says_why(changes, reason):
    fit = fit_logistic(*simulated_study(11).changed(**changes).logistic, names=NAMES)

    assert not fit.estimable
    assert fit.reason.startswith(reason)
    assert math.isnan(fit["experiencemore"].estimate)


def test_one_reader_is_not_enough():
    study = simulated_study(12)
    one = study.rows(study.reader == 0)

    fit = fit_logistic(one.correct, np.ones((30, 1)), one.image, one.reader, names=("(Intercept)",))

    assert fit.reason.startswith("there is only one reader")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y, x, i, r: (y * 2, x, i, r), "y is 2 in row"),
        (lambda y, x, i, r: (np.where(np.arange(180) == 4, np.nan, y), x, i, r), "y is nan in row 4"),
        (lambda y, x, i, r: (y, [[1, np.inf], *x[1:]], i, r), "'experiencemore' of design is inf in row 0"),
        (lambda y, x, i, r: (y, np.ones((180, 2)), i, r), "'.Intercept.', 'experiencemore' of design depend on each"),
        (lambda y, x, i, r: (y, x * [1, 0], i, r), "'experiencemore' of design is 0 everywhere"),
        (lambda y, x, i, r: (y, x[:-1], i, r), r"design has shape \(179, 2\)"),
        (lambda y, x, i, r: (y, x, i[:-1], r), r"image has shape \(179,\)"),
        (lambda y, x, i, r: (y, x, np.where(i == 3, np.nan, i), r), "image has no label in row 18"),
        (lambda y, x, i, r: (y, x, i, [None, *r[1:]]), "reader has no label in row 0"),
        (lambda y, x, i, r: (y, x, i, np.array(["R1", *r[1:]], dtype=object)), "reader mixes kinds of labels"),
        (lambda y, x, i, r: (["yes"] * 180, x, i, r), "y must hold numbers"),
        (lambda y, x, i, r: ([], x, i, r), "at least one answer"),
        (lambda y, x, i, r: (y[:2], x[:2], i[:2], r[:2]), "2 answers for 2 coefficients"),
    ],
)  # fmt: skip
def test_impossible_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fit_logistic(*change(*simulated_study(13).logistic), names=NAMES)


def test_names_must_fit():
    with pytest.raises(ValueError, match="2 different names are needed"):
        fit_logistic(*simulated_study(13).logistic, names=("a", "a"))
    with pytest.raises(ValueError, match=r"confidence = 1.5 is out of range"):
        fit_logistic(*simulated_study(13).logistic, names=NAMES, confidence=1.5)
