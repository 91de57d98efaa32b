"""Clopper-Pearson and per-reader accuracy against R's binom.test, published values, and identities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.turing.stats.oracle import READER_SETS, answers_of, expected_of
from turing.stats.accuracy import clopper_pearson, pair_accuracy, reader_accuracy
from turing.stats.roc import roc_area

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


# From R 4.2.2: binom.test(k, n)$conf.int
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (55, 120, 0.367059927795314, 0.551711910505359),
        (35, 86, 0.302244598839299, 0.518305307281828),
        (20, 34, 0.406969432970848, 0.753529264702249),
    ],
)
def test_clopper_pearson_equals_r(k, n, low, high):
    result = clopper_pearson(k, n)

    assert result.low == pytest.approx(low, abs=1e-13)
    assert result.high == pytest.approx(high, abs=1e-13)


@pytest.mark.parametrize("n", [1, 10, 200])
def test_all_or_none_right_have_the_closed_form(n):
    """P(X = 0 | p) = (1 - p)^n = 0.025 solved for p."""
    limit = 1 - 0.025 ** (1 / n)

    none, every = clopper_pearson(0, n), clopper_pearson(n, n)

    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(limit, abs=1e-12)
    assert every.low == pytest.approx(1 - limit, abs=1e-12)


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_each_limit_leaves_half_the_error_in_its_tail(pair, confidence):
    """The definition: P(X >= k | low) = P(X <= k | high) = (1 - confidence) / 2."""
    k, n = pair

    result = clopper_pearson(k, n, confidence=confidence)

    tail = (1 - confidence) / 2
    if k > 0:
        assert stats.binom.sf(k - 1, n, result.low) == pytest.approx(tail, rel=1e-6)
    if k < n:
        assert stats.binom.cdf(k, n, result.high) == pytest.approx(tail, rel=1e-6)


@given(counts)
def test_counting_the_other_answer_mirrors_the_interval(pair):
    k, n = pair

    result, mirrored = clopper_pearson(k, n), clopper_pearson(n - k, n)

    assert mirrored.low == pytest.approx(1 - result.high, abs=1e-9)
    assert mirrored.high == pytest.approx(1 - result.low, abs=1e-9)


def test_no_answers_have_no_estimate_and_the_widest_interval():
    result = clopper_pearson(0, 0)

    assert math.isnan(result.estimate)
    assert (result.low, result.high, result.is_defined) == (0.0, 1.0, False)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match=rf"k = {k}, n = {n} are not possible"):
        clopper_pearson(k, n)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match=f"confidence = {confidence} is out of range"):
        clopper_pearson(1, 2, confidence=confidence)


@pytest.mark.parametrize("name", READER_SETS)
def test_every_reader_of_the_oracle(name):
    answers, expected = answers_of(name), expected_of(name)["readers"]

    assert {row["reader"] for row in answers} == set(expected)
    for reader, values in expected.items():
        rows = [row for row in answers if row["reader"] == reader]
        truth, answer = [row["truth"] for row in rows], [row["answer"] for row in rows]
        real_positive = reader_accuracy(truth, answer, positive_class="real")
        synthetic_positive = reader_accuracy(truth, answer, positive_class="synthetic")
        _assert_equals(real_positive.accuracy, values["accuracy"])
        _assert_equals(real_positive.sensitivity, values["real"])
        _assert_equals(real_positive.specificity, values["synthetic"])
        assert (synthetic_positive.sensitivity, synthetic_positive.specificity) == (
            real_positive.specificity,
            real_positive.sensitivity,
        )


def _assert_equals(proportion, expected):
    assert (proportion.k, proportion.n) == (expected["k"], expected["n"])
    assert proportion.estimate == pytest.approx(expected["estimate"], abs=1e-13)
    assert proportion.low == pytest.approx(expected["low"], abs=1e-11)
    assert proportion.high == pytest.approx(expected["high"], abs=1e-11)


def test_positive_class_decides_what_is_called_sensitivity():
    truth = ["real", "real", "real", "synthetic"]
    answer = ["real", "real", "synthetic", "real"]

    result = reader_accuracy(truth, answer, positive_class="real")

    assert (result.sensitivity.k, result.sensitivity.n) == (2, 3)
    assert (result.specificity.k, result.specificity.n) == (0, 1)
    assert (result.accuracy.k, result.accuracy.n) == (2, 4)
    assert result.positive_class == "real"


def test_a_class_without_images_is_undefined_not_zero():
    result = reader_accuracy(["real"], ["real"], positive_class="real")

    assert result.specificity.is_defined is False


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="truth has 2 values and answer 1"):
        reader_accuracy(["real", "real"], ["real"], positive_class="real")


def test_a_third_class_is_refused():
    with pytest.raises(ValueError, match="More than two classes: real, synthetic, unsure"):
        reader_accuracy(["real", "synthetic"], ["real", "unsure"], positive_class="real")


def test_pairs_by_hand():
    result = pair_accuracy(["left", "left", "right", "right"], ["left", "right", "left", "left"])

    assert (result.accuracy.k, result.accuracy.n) == (1, 4)
    assert (result.chose_left.k, result.chose_left.n) == (3, 4)
    assert result.chose_left.high == clopper_pearson(3, 4).high


def test_proportion_correct_of_pairs_is_the_area_under_the_curve():
    """The area theorem: one evidence for each image; of a pair the reader takes the one with more."""
    generator = np.random.default_rng(8)
    synthetic, real = generator.normal(1, 1, 4000), generator.normal(0, 1, 4000)
    sides = np.where(generator.random(4000) < 0.5, "left", "right")
    chosen = np.where((synthetic > real) == (sides == "left"), "left", "right")

    result = pair_accuracy(list(sides), list(chosen))

    area = roc_area(synthetic, real)
    assert result.accuracy.estimate == pytest.approx(area.auc, abs=0.02)
    assert abs(result.chose_left.estimate - 0.5) < 0.03


def test_pairs_have_two_sides():
    with pytest.raises(ValueError, match="Neither left nor right: none"):
        pair_accuracy(["left"], ["none"])
    with pytest.raises(ValueError, match="truth has 1 values and answer 0"):
        pair_accuracy(["left"], [])
