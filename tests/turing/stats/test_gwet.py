"""Agreement with missing answers kept: against published values and irrCAC, and identities."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.turing.stats.oracle import answers_of
from turing.stats.agreement import MISSING, fleiss_kappa
from turing.stats.gwet import gwet_agreement

CODES = {"real": 0, "synthetic": 1}
tables = hnp.arrays(int, st.tuples(st.integers(3, 12), st.integers(2, 6)), elements=st.integers(-1, 1))
# Krippendorff's reliability data, 4 readers x 12 images, 5 categories; data `cac.raw4raters` of R irrCAC 1.0
FOUR_READERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def table_of(name: str, part: str) -> np.ndarray:
    rows = [row for row in answers_of(name) if part in ("all", row["truth"])]
    readers, images = sorted({row["reader"] for row in rows}), sorted({row["image"] for row in rows})
    ratings = np.full((len(images), len(readers)), MISSING)
    for row in rows:
        ratings[images.index(row["image"]), readers.index(row["reader"])] = CODES[row["answer"]]
    return ratings


def test_published_values():
    """The vignette of R irrCAC 1.0, `pa.coeff.raw`, `fleiss.kappa.raw`, `gwet.ac1.raw` of `cac.raw4raters`."""
    ratings = np.array([[MISSING if code is None else code - 1 for code in row] for row in FOUR_READERS]).T

    result = gwet_agreement(ratings, n_categories=5)

    assert (result.n_readers, result.n_images, result.n_answered, result.n_used, result.n_answers) == (
        4,
        12,
        12,
        11,
        40 + 1,
    )
    assert round(result.observed.estimate, 7) == 0.8181818
    assert [round(value, 5) for value in (result.kappa.estimate, result.kappa.se)] == [0.76117, 0.15302]
    assert [round(value, 5) for value in (result.ac1.estimate, result.ac1.se)] == [0.77544, 0.14295]
    assert [round(value, 3) for value in (result.kappa.low, result.kappa.high)] == [0.424, 1.0]
    assert [round(value, 3) for value in (result.ac1.low, result.ac1.high)] == [0.461, 1.0]
    assert round(result.kappa.p, 6) == 0.000419
    assert round(result.ac1.p, 6) == 0.000209


# irrCAC 0.4.4 (Python, PyPI) on the reference studies: CAC(table, digits=12).fleiss(), .gwet(): value, se, low, p
@pytest.mark.parametrize(
    ("name", "part", "kappa", "ac1"),
    [
        (
            *("unbalanced", "all"),
            (0.056487496398, 0.032870689514, -0.008376413835, 0.08743880608490917),
            (0.093031585747, 0.035945262801, 0.022100603341, 0.01044184203423737),
        ),
        (
            *("unbalanced", "real"),
            (-0.007830608653, 0.033829798398, -0.074763693325, 0.8173158660650697),
            (0.152048586933, 0.049572898497, 0.053967393145, 0.0026335566421800127),
        ),
        (
            *("unbalanced", "synthetic"),
            (-0.001342904, 0.048135684189, -0.098075182842, 0.9778565766757592),
            (0.122952865312, 0.079780736, -0.037372525943, 0.12971784698246092),
        ),
        (
            *("paper_like", "real"),
            (0.048350851758, 0.02894097014, -0.009074311787, 0.09794519875866303),
            (0.4087818059, 0.04907735796, 0.311401680301, 4.705125178361413e-13),
        ),
    ],
)
def test_irrcac(name, part, kappa, ac1):
    result = gwet_agreement(table_of(name, part))

    for ours, (value, se, low, p) in ((result.kappa, kappa), (result.ac1, ac1)):
        assert (ours.estimate, ours.se) == pytest.approx((value, se), abs=6e-12)
        assert ours.low == pytest.approx(low, abs=1e-9)
        assert ours.p == pytest.approx(p, rel=1e-3, abs=1e-12)


@given(tables)
def test_without_missing_answers_kappa_is_that_of_fleiss(ratings):
    complete = np.abs(ratings)
    assume(len(np.unique(complete)) == 2)

    result, fleiss = gwet_agreement(complete), fleiss_kappa(complete)

    assert result.kappa.estimate == pytest.approx(fleiss.kappa, abs=1e-12)
    assert result.observed.estimate == pytest.approx(fleiss.observed_agreement, abs=1e-12)
    if not math.isnan(result.kappa.se):
        assert result.kappa.se == pytest.approx(fleiss.se_gwet, abs=1e-12)


@given(tables)
def test_observed_agreement_is_the_share_of_agreeing_pairs_within_images(ratings):
    shares = []
    for row in ratings:
        given_codes = row[row != MISSING]
        pairs = [(i, j) for i in range(len(given_codes)) for j in range(len(given_codes)) if i != j]
        if pairs:
            shares.append(np.mean([given_codes[i] == given_codes[j] for i, j in pairs]))
    assume(shares)

    result = gwet_agreement(ratings)

    assert result.observed.estimate == pytest.approx(np.mean(shares), abs=1e-12)
    assert result.n_used == len(shares)


@given(tables, st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(ratings, random):
    shuffled = ratings[random.sample(range(len(ratings)), len(ratings))]
    shuffled = shuffled[:, random.sample(range(ratings.shape[1]), ratings.shape[1])]
    swapped = np.where(shuffled == MISSING, MISSING, 1 - shuffled)

    result, other = gwet_agreement(ratings), gwet_agreement(swapped)

    for name in ("observed", "kappa", "ac1"):
        ours, theirs = getattr(result, name), getattr(other, name)
        assert (theirs.estimate, theirs.se) == pytest.approx((ours.estimate, ours.se), abs=1e-9, nan_ok=True)
        assert theirs.reason == ours.reason


@given(tables)
def test_an_interval_contains_its_estimate(ratings):
    result = gwet_agreement(ratings)

    for coefficient in (result.observed, result.kappa, result.ac1):
        if not math.isnan(coefficient.low):
            assert coefficient.low <= coefficient.estimate <= coefficient.high


def test_the_paradox_of_kappa_and_not_of_ac1():
    """Nearly everybody says the same: 95 % agreement, kappa below 0, AC1 near 1 (Gwet 2008, section 1)."""
    ratings = np.zeros((100, 2), int)
    ratings[:3, 0] = 1
    ratings[3:5, 1] = 1

    result = gwet_agreement(ratings)

    assert result.observed.estimate == pytest.approx(0.95)
    assert result.kappa.estimate < 0
    assert result.ac1.estimate > 0.94


def test_all_answers_equal_have_no_kappa():
    result = gwet_agreement([[0, 0], [0, 0], [MISSING, MISSING]])

    assert result.kappa.reason == "all answers are equal, so chance agreement is 1 and kappa is 0/0"
    assert math.isnan(result.kappa.estimate)
    assert (result.observed.estimate, result.ac1.estimate) == (1.0, 1.0)
    assert result.ac1.reason == "the standard error is 0, so there is no interval"


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([[0], [1]], "agreement needs at least two readers"),
        ([[0, MISSING], [MISSING, 1]], "no image has two answers"),
        (np.empty((0, 3), int), "no image has two answers"),
        (np.empty((0, 0), int), "agreement needs at least two readers"),
    ],
)
def test_undefined_says_why(ratings, reason):
    result = gwet_agreement(np.asarray(ratings))

    assert {result.observed.reason, result.kappa.reason, result.ac1.reason} == {reason}
    assert not result.kappa.is_defined


def test_one_image_has_no_standard_error():
    result = gwet_agreement([[0, 1, 1]])

    assert result.kappa.estimate == pytest.approx(-0.5)
    assert (math.isnan(result.kappa.se), result.kappa.reason) == (True, "one image alone gives no standard error")


@pytest.mark.parametrize(
    ("ratings", "options", "message"),
    [
        ([0, 1], {}, "ratings has 1 dimension"),
        ([[0, 2]], {}, "whole numbers from 0 to 1"),
        ([[0, 0.5]], {}, "whole numbers from 0 to 1"),
        ([[0, 1]], {"n_categories": 1}, "n_categories = 1"),
        ([[0, 1]], {"confidence": 1.0}, "confidence = 1.0 is out of range"),
    ],
)
def test_impossible_input_is_refused(ratings, options, message):
    with pytest.raises(ValueError, match=message):
        gwet_agreement(ratings, **options)
