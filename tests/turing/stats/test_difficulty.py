"""Image effects: the definition, numerically; shrinkage; coverage; not estimable."""

import math

import numpy as np
import pytest
from scipy import optimize, special

from tests.turing.stats.mixed.studies import NAMES, oracle_study, simulated_study
from tests.turing.stats.oracle import answers_of
from turing.stats.difficulty import image_difficulty
from turing.stats.mixed import fit_logistic


def difficulty_of(study):
    fit = fit_logistic(*study.logistic, names=NAMES)
    return fit, image_difficulty(fit)


def test_effects_and_variances_are_the_mode_and_curvature_of_the_penalised_likelihood():
    """Definition of lme4's ranef(condVar = TRUE): written down directly and minimised by a general search."""
    study = simulated_study(10, n_images=8, n_readers=5, missing=0.1)
    fit, result = difficulty_of(study)
    t1, t2 = fit.sd_image, fit.sd_reader
    assert t1 > 0.1
    assert t2 > 0.1
    images, readers = (np.unique(labels, return_inverse=True)[1] for labels in (study.image, study.reader))
    fixed = study.design @ [part.estimate for part in fit.coefficients]

    def penalised(b):
        eta = fixed + b[:8][images] + b[8:][readers]
        return float(np.logaddexp(0, eta).sum() - study.correct @ eta + (b[:8] ** 2).sum() / t1**2 / 2
                     + (b[8:] ** 2).sum() / t2**2 / 2)  # fmt: skip

    mode = optimize.minimize(penalised, np.zeros(13), method="BFGS", options={"gtol": 1e-9}).x
    mu = special.expit(fixed + mode[:8][images] + mode[8:][readers])
    z = np.zeros((len(mu), 13))
    z[np.arange(len(mu)), images] = z[np.arange(len(mu)), 8 + readers] = 1
    hessian = (z.T * (mu * (1 - mu))) @ z + np.diag(np.r_[np.full(8, t1**-2), np.full(5, t2**-2)])
    variances = np.diag(np.linalg.inv(hessian))[:8]

    by_image = {part.image: part for part in result.images}
    assert [by_image[image].effect for image in range(8)] == pytest.approx(mode[:8], abs=1e-5)
    assert [by_image[image].sd for image in range(8)] == pytest.approx(np.sqrt(variances), rel=1e-5)


def test_effects_are_those_of_lme4():
    """R 4.2.2, lme4 1.1-31, weak_effect: `ranef(fit, condVar = TRUE)$image` of `correct ~ experience + ...` and of
    `correct ~ truth + ...`, glmer with bobyqa, rhoend 1e-9, tolPwrss 1e-13. In the first lme4 stops a little early."""
    study = oracle_study("weak_effect")
    synthetic = np.array([float(row["truth"] == "synthetic") for row in answers_of("weak_effect")])
    by_class = fit_logistic(
        study.correct, np.column_stack([np.ones(len(synthetic)), synthetic]), study.image, study.reader,
        names=("(Intercept)", "truthsynthetic"),
    )  # fmt: skip
    in_groups = {part.image: part for part in difficulty_of(study)[1].images}
    in_classes = {part.image: part for part in image_difficulty(by_class).images}

    for image, effect, sd in (("I020", -1.0669330265, 0.5992388269), ("I160", 0.9774250438, 0.6035957981)):
        assert in_groups[image].effect == pytest.approx(effect, abs=2e-5)
        assert in_groups[image].sd == pytest.approx(sd, abs=1e-5)
    for image, effect, sd in (
        ("I001", 0.14895914370, 0.5612971868),
        ("I050", 0.46785388802, 0.5705680657),
        ("I100", 0.79993000718, 0.5841489555),
        ("I150", 0.07183483437, 0.5558366134),
        ("I200", -0.23777146662, 0.5595998756),
    ):
        assert in_classes[image].effect == pytest.approx(effect, abs=1e-6)
        assert in_classes[image].sd == pytest.approx(sd, abs=1e-6)


def test_ranking_goes_from_hardest_to_easiest_and_counts_answers():
    study = oracle_study("paper_like")
    fit, result = difficulty_of(study)

    shares = [round(part.share, 10) for part in result.images]
    assert shares == sorted(shares)
    assert [part.rank for part in result.images] == [1 + sum(other < share for other in shares) for share in shares]
    assert sum(part.observed.n for part in result.images) == len(study.correct)
    assert sum(part.observed.k for part in result.images) == study.correct.sum()
    for part in result.images:
        assert part.share_low < part.share < part.share_high
        assert part.high - part.effect == pytest.approx(1.959963985 * part.sd, rel=1e-8)
    assert 0 < result.reliability < 1
    assert result.sd_image == fit.sd_image


def test_effects_are_shrunken_and_more_so_with_fewer_answers():
    """An image with one right answer out of one is less certain than one with six out of six."""
    study = simulated_study(5, n_images=40, n_readers=8, effect=0.0)
    kept = ~((study.image == 0) & (study.reader > 0))
    study = study.rows(kept).changed(correct=np.where(study.image[kept] <= 1, 1.0, study.correct[kept]))
    _, result = difficulty_of(study)
    by_image = {part.image: part for part in result.images}

    assert by_image[0].observed.n == 1
    assert 0 < by_image[0].effect < by_image[1].effect
    assert by_image[0].sd > by_image[1].sd
    assert by_image[1].share < 1


def test_intervals_hold_the_true_effects_about_as_often_as_they_say():
    """12 studies of 150 images and 12 readers, standard deviation 1: 1,800 image effects."""
    hits = 0
    for seed in range(12):
        generator = np.random.default_rng(seed)
        true, reader_effect = generator.normal(0, 1, 150), generator.normal(0, 0.3, 12)
        image, reader = (part.ravel() for part in np.meshgrid(range(150), range(12), indexing="ij"))
        correct = generator.random(1800) < special.expit(0.3 + true[image] + reader_effect[reader])
        fit = fit_logistic(correct, np.ones((1800, 1)), image, reader, names=("(Intercept)",))
        shift = fit["(Intercept)"].estimate - 0.3
        for part in image_difficulty(fit).images:
            hits += part.low <= true[part.image] - shift <= part.high

    assert 0.92 <= hits / 1800 <= 0.97


def test_no_spread_between_images_is_said_and_gives_no_ranking():
    _, result = difficulty_of(oracle_study("zero_image_var"))

    assert (result.sd_image, result.reliability) == (0, 0)
    assert result.notes[0].startswith("The standard deviation between images is estimated as 0")
    assert {part.effect for part in result.images} == {0.0}


def test_not_estimable_has_the_reason_of_the_model():
    fit, result = difficulty_of(oracle_study("separation"))

    assert (result.is_defined, result.reason) == (False, f"no image effects: {fit.reason}")
    assert "separation" in result.reason
    assert math.isnan(result.sd_image)
