"""The odds ratio between studies is that of the fitter on both studies' rows."""

import math

import numpy as np
import pytest

from turing.stats.mixed import fit_logistic
from turing.stats.study_effect import TERM, study_effect


def study(seed, *, n_images=60, n_readers=6, level=0.0, readers=None, images=None):
    generator = np.random.default_rng(seed)
    image, reader = (part.ravel() for part in np.meshgrid(range(n_images), range(n_readers), indexing="ij"))
    by_image = generator.normal(0, 0.7, n_images) if images is None else images
    by_reader = generator.normal(0, 0.3, n_readers) if readers is None else readers
    eta = level + by_image[image] + by_reader[reader]
    return (generator.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float), image, reader


def test_is_the_fit_of_both_studies_rows():
    first, second = study(1), study(2, level=0.8)
    labels = [np.concatenate([first[k], second[k] + shift]) for k, shift in ((1, 1000), (2, 0))]
    design = np.column_stack([np.ones(720), np.repeat([0, 1], 360)])
    expected = fit_logistic(np.concatenate([first[0], second[0]]), design, *labels, names=("(Intercept)", TERM))

    result = study_effect(first, second, same_readers=True, same_images=False)

    assert result.effect.estimate == pytest.approx(expected[TERM].estimate, abs=1e-6)
    assert result.effect.se == pytest.approx(expected[TERM].se, rel=1e-5)
    assert (result.fit.n_images, result.fit.n_readers) == (120, 6)


def test_names_are_kept_apart_unless_said_to_be_the_same():
    first, second = study(1), study(2)

    result = study_effect(first, second, same_readers=False, same_images=False)

    assert (result.fit.n_images, result.fit.n_readers) == (120, 12)
    assert result.notes == ()


def test_exchanging_the_studies_turns_the_odds_ratio():
    first, second = study(3), study(4, level=1)

    forth = study_effect(first, second, same_readers=True, same_images=True).effect
    back = study_effect(second, first, same_readers=True, same_images=True).effect

    assert forth.odds_ratio == pytest.approx(1 / back.odds_ratio, rel=1e-5)
    assert (forth.or_low, forth.or_high) == pytest.approx((1 / back.or_high, 1 / back.or_low), rel=1e-4)


def test_the_effect_that_was_put_in_comes_out():
    """20 pairs of studies, the same 8 readers, other images, log odds ratio 0.8: about 95 % of intervals hold it."""
    hits, estimates = 0, []
    for seed in range(20):
        readers = np.random.default_rng(seed).normal(0, 0.3, 8)
        first = study(100 + seed, n_readers=8, n_images=100, readers=readers)
        second = study(200 + seed, n_readers=8, n_images=100, readers=readers, level=0.8)
        effect = study_effect(first, second, same_readers=True, same_images=False).effect
        hits += effect.low <= 0.8 <= effect.high
        estimates.append(effect.estimate)

    assert hits >= 17
    assert abs(np.mean(estimates) - 0.8) < 3 * np.std(estimates, ddof=1) / math.sqrt(20)


def test_separation_is_not_estimable():
    correct, image, reader = study(1)

    result = study_effect((correct, image, reader), (np.ones(360), image, reader), same_readers=True, same_images=True)

    assert (result.estimable, result.effect) == (False, None)
    assert "separation" in result.reason


def test_few_other_readers_are_warned_of():
    result = study_effect(study(1, n_readers=3), study(2), same_readers=False, same_images=False)

    assert result.notes[0].startswith("One of the studies has 3 readers")


def test_names_that_do_not_meet_are_said():
    correct, image, reader = study(1)

    result = study_effect((correct, image, reader), (correct, image + 500, reader + 50), same_readers=True,
                          same_images=True)  # fmt: skip

    assert "No reader's name is in both studies" in result.notes[1]
    assert "No image's name is in both studies" in result.notes[2]


def test_no_answers_say_so():
    nothing = np.full(3, math.nan)

    result = study_effect((nothing, [1, 2, 3], [1, 1, 2]), study(1), same_readers=False, same_images=False)

    assert (result.fit, result.reason) == (None, "one of the studies has too few answers")
