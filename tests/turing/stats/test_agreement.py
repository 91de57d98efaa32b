"""Fleiss' kappa against R, a published example, and identities."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.turing.stats.oracle import READER_SETS, answers_of, expected_of
from turing.stats.agreement import MISSING, fleiss_kappa

CODES = {"real": 0, "synthetic": 1}
tables = hnp.arrays(int, st.tuples(st.integers(3, 12), st.integers(2, 6)), elements=st.integers(0, 1))


def kappa_of(ratings: np.ndarray) -> float:
    """Straight from the definition: the share of agreeing pairs of readers, against two draws from the pool."""
    n_readers = ratings.shape[1]
    pairs = [(i, j) for i in range(n_readers) for j in range(n_readers) if i != j]
    observed = np.mean([ratings[:, i] == ratings[:, j] for i, j in pairs])
    chance = sum((ratings == category).mean() ** 2 for category in np.unique(ratings))
    return (observed - chance) / (1 - chance)


def test_published_example():
    """Wikipedia, "Fleiss' kappa", worked example: 14 raters, 10 subjects, 5 categories; kappa = 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = [np.repeat(range(5), row) for row in counts]

    result = fleiss_kappa(ratings, n_categories=5)

    assert round(result.observed_agreement, 3) == 0.378
    assert round(result.chance_agreement, 3) == 0.213
    assert round(result.kappa, 3) == 0.210
    assert (result.n_readers, result.n_images, result.n_used) == (14, 10, 10)


@pytest.mark.parametrize("name", READER_SETS)
@pytest.mark.parametrize("part", ["fleiss", "fleiss_real", "fleiss_synthetic"])
def test_oracle(name, part):
    truth = part.removeprefix("fleiss").strip("_")
    rows = [row for row in answers_of(name) if truth in ("", row["truth"])]
    readers = sorted({row["reader"] for row in rows})
    images = sorted({row["image"] for row in rows})
    ratings = np.full((len(images), len(readers)), MISSING)
    for row in rows:
        ratings[images.index(row["image"]), readers.index(row["reader"])] = CODES[row["answer"]]
    expected = expected_of(name)[part]

    result = fleiss_kappa(ratings)

    assert (result.n_readers, result.n_used) == (expected["readers"], expected["images_used"])
    for ours, theirs in {
        "kappa": "kappa",
        "observed_agreement": "observed_agreement",
        "chance_agreement": "chance_agreement",
        "se_null": "se_null",
        "p_null": "p_null",
        "se_gwet": "se_gwet",
        "se_jackknife": "se_jackknife",
    }.items():
        assert getattr(result, ours) == pytest.approx(_number(expected[theirs]), abs=1e-11, nan_ok=True), ours
    assert (result.low, result.high) == pytest.approx(_numbers(expected["ci_gwet_normal"]), abs=1e-11, nan_ok=True)
    assert (result.low_null, result.high_null) == pytest.approx(_numbers(expected["ci_null"]), abs=1e-11, nan_ok=True)


def _number(value):
    return math.nan if value is None else value


def _numbers(values):
    return tuple(_number(value) for value in values)


@given(tables)
def test_kappa_is_the_agreement_of_pairs_beyond_chance(ratings):
    assume(len(np.unique(ratings)) == 2)

    assert fleiss_kappa(ratings).kappa == pytest.approx(kappa_of(ratings), abs=1e-12)


@given(tables, st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(ratings, random):
    assume(len(np.unique(ratings)) == 2)
    shuffled = ratings[random.sample(range(len(ratings)), len(ratings))]
    shuffled = 1 - shuffled[:, random.sample(range(ratings.shape[1]), ratings.shape[1])]

    result, other = fleiss_kappa(ratings), fleiss_kappa(shuffled)

    for field in ("kappa", "se_gwet", "se_null", "se_jackknife"):
        assert getattr(other, field) == pytest.approx(getattr(result, field), abs=1e-12, nan_ok=True)


@given(tables)
def test_jackknife_leaves_out_one_image_at_a_time(ratings):
    assume(all(len(np.unique(np.delete(ratings, i, axis=0))) == 2 for i in range(len(ratings))))
    n = len(ratings)
    kappas = np.array([kappa_of(np.delete(ratings, i, axis=0)) for i in range(n)])

    result = fleiss_kappa(ratings)

    assert result.se_jackknife == pytest.approx(
        math.sqrt((n - 1) / n * ((kappas - kappas.mean()) ** 2).sum()), abs=1e-12
    )


def test_two_categories_have_a_null_error_that_depends_on_numbers_only():
    ratings = np.random.default_rng(1).integers(0, 2, (40, 6))

    assert fleiss_kappa(ratings).se_null == pytest.approx(math.sqrt(2 / (40 * 6 * 5)), abs=1e-15)


def test_null_error_is_the_spread_of_kappa_when_readers_guess():
    """Three categories, where the formula has a term that vanishes for two; 4,000 studies of guesses."""
    generator = np.random.default_rng(2)
    guesses = generator.choice(3, p=[0.6, 0.3, 0.1], size=(4000, 60, 5))

    results = [fleiss_kappa(study, n_categories=3) for study in guesses]

    spread = np.std([result.kappa for result in results])
    assert spread == pytest.approx(np.mean([result.se_null for result in results]), rel=0.04)


def test_full_agreement_on_two_answers_is_one():
    result = fleiss_kappa([[0, 0, 0], [1, 1, 1], [0, 0, 0]])

    assert result.kappa == 1
    assert result.se_gwet == 0


def test_an_image_that_somebody_did_not_answer_is_left_out_and_counted():
    complete = [[0, 0, 1], [1, 1, 0], [0, 0, 0]]

    result = fleiss_kappa([*complete, [0, MISSING, 0]])

    assert (result.n_images, result.n_used) == (4, 3)
    assert result.kappa == fleiss_kappa(complete).kappa


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([[0, 0], [0, 0]], "all answers are equal, so chance agreement is 1 and kappa is 0/0"),
        ([[0], [1]], "agreement needs at least two readers"),
        (np.empty((0, 3), int), "no image was answered by every reader"),
        ([[0, MISSING], [MISSING, 1]], "no image was answered by every reader"),
    ],
)
def test_undefined_says_why(ratings, reason):
    result = fleiss_kappa(ratings)

    assert (result.is_defined, result.reason) == (False, reason)
    assert all(math.isnan(value) for value in (result.kappa, result.low, result.high, result.se_gwet, result.se_null))


def test_one_image_has_a_kappa_but_no_standard_error():
    result = fleiss_kappa([[0, 1, 1]])

    assert result.kappa == pytest.approx(-0.5)
    assert math.isnan(result.se_gwet)
    assert result.reason == "one image alone gives no standard error"


@pytest.mark.parametrize(
    ("ratings", "options", "message"),
    [
        ([0, 1], {}, "ratings has 1 dimension"),
        ([[0, 2]], {}, "whole numbers from 0 to 1"),
        ([[0, -2]], {}, "whole numbers from 0 to 1"),
        ([[0, 0.5]], {}, "whole numbers from 0 to 1"),
        ([[0, 1]], {"n_categories": 1}, "n_categories = 1"),
        ([[0, 1]], {"confidence": 1.0}, "confidence = 1.0 is out of range"),
    ],
)
def test_impossible_input_is_refused(ratings, options, message):
    with pytest.raises(ValueError, match=message):
        fleiss_kappa(ratings, **options)
