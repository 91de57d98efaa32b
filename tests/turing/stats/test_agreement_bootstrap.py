"""Bootstrap of agreement over images: against the closed forms it approximates, and identities."""

import math

import numpy as np
import pytest

from turing.stats.agreement import MISSING, fleiss_kappa
from turing.stats.agreement_bootstrap import bootstrap_agreement
from turing.stats.gwet import gwet_agreement


def study(seed: int, *, n_images: int = 150, n_readers: int = 6, missing: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    ease = generator.normal(0, 1, (n_images, 1))
    answers = (ease + generator.normal(0, 1, (n_images, n_readers)) > 0).astype(int)
    return np.where(generator.random(answers.shape) < missing, MISSING, answers)


def test_standard_errors_are_near_the_linearised_ones():
    ratings = study(1, missing=0.15)
    complete = study(2)

    result, full = (
        bootstrap_agreement(ratings, n_draws=4000, seed=3),
        bootstrap_agreement(complete, n_draws=4000, seed=3),
    )

    gwet = gwet_agreement(ratings)
    assert result.kappa.se == pytest.approx(gwet.kappa.se, rel=0.06)
    assert result.ac1.se == pytest.approx(gwet.ac1.se, rel=0.06)
    fleiss = fleiss_kappa(complete)
    assert full.fleiss.se == pytest.approx(fleiss.se_gwet, rel=0.06)
    assert (full.fleiss.low, full.fleiss.high) == pytest.approx((fleiss.low, fleiss.high), abs=0.012)


def test_each_draw_is_the_kappa_of_images_drawn_with_replacement():
    """Three images: 27 equally likely draws, of which two (the first, the last three times) have no kappa."""
    ratings = [[0, 0], [0, 1], [1, 1]]
    possible = set()
    for i in range(3):
        for j in range(3):
            for k in range(3):
                value = fleiss_kappa([ratings[i], ratings[j], ratings[k]]).kappa
                if not math.isnan(value):
                    possible.add(round(value, 12))

    result = bootstrap_agreement(ratings, n_draws=500, seed=1, confidence=0.999)

    assert round(result.fleiss.low, 12) == min(possible)
    assert round(result.fleiss.high, 12) == max(possible)
    assert result.fleiss.n_undefined == pytest.approx(500 * 2 / 27, rel=0.5)


def test_order_of_images_and_readers_does_not_matter():
    ratings = study(4, n_images=40, missing=0.1)
    generator = np.random.default_rng(5)
    shuffled = generator.permutation(generator.permutation(ratings), axis=1)

    assert bootstrap_agreement(shuffled, n_draws=200, seed=6) == bootstrap_agreement(ratings, n_draws=200, seed=6)


def test_the_seed_decides():
    ratings = study(7, n_images=40)
    one, same, other = (bootstrap_agreement(ratings, n_draws=200, seed=seed) for seed in (1, 1, 2))

    assert one == same
    assert one.fleiss.low != other.fleiss.low


def test_many_images_are_drawn_in_chunks(monkeypatch):
    ratings = study(8, n_images=50)
    whole = bootstrap_agreement(ratings, n_draws=300, seed=9)
    monkeypatch.setattr("turing.stats.agreement_bootstrap.CHUNK", 50)

    chunked = bootstrap_agreement(ratings, n_draws=300, seed=9)
    for name in ("fleiss", "kappa", "ac1"):
        ours, theirs = getattr(chunked, name), getattr(whole, name)
        assert (ours.se, ours.low, ours.high) == pytest.approx((theirs.se, theirs.low, theirs.high), rel=1e-12)


@pytest.mark.parametrize("ratings", [[[0, 1]], [[0, 0], [0, 0], [0, 0]], np.empty((0, 4), int), [[0], [1]]])
def test_nothing_to_draw_says_why(ratings):
    result = bootstrap_agreement(np.asarray(ratings), n_draws=100, seed=1)

    assert (result.fleiss.is_defined, math.isnan(result.fleiss.se)) == (False, True)
    assert result.fleiss.reason == "in most draws of images the coefficient does not exist"


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="n_draws = 99: at least 100"):
        bootstrap_agreement([[0, 1], [1, 1]], n_draws=99, seed=1)
