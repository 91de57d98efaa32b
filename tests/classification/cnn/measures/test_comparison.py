"""Comparisons against R's pROC, against statsmodels-free enumeration, and identities."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from classification.cnn.measures.comparison import (
    compare_auc_paired,
    compare_auc_unpaired,
    compare_decisions,
    correct_for_many,
    exchange_test,
)
from classification.cnn.measures.predictions import Predictions
from tests.classification.cnn.measures.builders import any_predictions, predictions_of, simulated
from tests.classification.cnn.measures.test_auc import oracle_predictions
from tests.turing.stats.oracle import expected_of

SETS = ("roc_continuous", "roc_ties", "roc_small_perfect")


def with_patients(made, patients):
    return Predictions(
        scores=made.scores,
        is_positive=made.is_positive,
        patients=tuple(patients),
        positive=made.positive,
        negative=made.negative,
    )


def other_scores(made, seed):
    scores = np.clip(made.scores + np.random.default_rng(seed).normal(0, 0.2, len(made)), 0, 1)
    return Predictions(
        scores=scores,
        is_positive=made.is_positive,
        patients=made.patients,
        positive=made.positive,
        negative=made.negative,
    )


@pytest.mark.parametrize("name", SETS)
def test_paired_is_that_of_r(name):
    """R 4.2.2, pROC 1.18.0: roc.test(paired = TRUE, method = "delong")."""
    expected = expected_of(name)["paired"]

    found = compare_auc_paired(oracle_predictions(name, "a"), oracle_predictions(name, "b"))

    assert found.statistic == pytest.approx(expected["statistic"], abs=1e-10)
    assert found.p == pytest.approx(expected["p"], abs=1e-10)
    assert found.difference == pytest.approx(expected["difference"], abs=1e-10)
    assert (found.low, found.high) == pytest.approx(expected["conf_int"], abs=1e-10)
    assert found.method == "DeLong, paired"


@pytest.mark.parametrize("name", SETS)
def test_unpaired_is_that_of_r(name):
    """pROC: roc.test(paired = FALSE) of the first half's images by a and the second half's by b."""
    expected = expected_of(name)["unpaired_halves"]

    found = compare_auc_unpaired(oracle_predictions(name, "a", "first"), oracle_predictions(name, "b", "second"))

    assert found.statistic == pytest.approx(expected["statistic"], abs=1e-10)
    assert found.df == pytest.approx(expected["df"], rel=1e-10)
    assert found.p == pytest.approx(expected["p"], abs=1e-10)


@given(any_predictions(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_identical_classifiers_are_not_different(made, clustered):
    if clustered:
        made = with_patients(made, [f"P{number // 2}" for number in range(len(made))])

    areas, decisions = compare_auc_paired(made, made), compare_decisions(made, made)

    assert areas.difference == 0
    assert areas.p == 1 or areas.reason
    assert (decisions.p_exact, decisions.difference) == (1, 0)


@pytest.mark.parametrize("images_per_patient", [1, 4])
def test_identical_classifiers_have_p_of_one(images_per_patient):
    made = simulated(0, images_per_patient=images_per_patient)

    found = compare_auc_paired(made, made)

    assert (found.p, found.low, found.high, found.reason) == (1, 0, 0, "")


def test_two_without_error_are_not_different_but_have_no_interval():
    found = compare_auc_paired(predictions_of([0.9, 0.8], [0.1, 0.2]), predictions_of([0.6, 0.7], [0.5, 0.2]))

    assert (found.difference, found.p) == (0, 1)
    assert math.isnan(found.low)
    assert found.reason == "both have an AUC of 1: there is no interval"


def test_exchanging_the_classifiers_changes_the_sign_only():
    made = simulated(1, images_per_patient=2)
    other = other_scores(made, 2)

    one, two = compare_auc_paired(made, other), compare_auc_paired(other, made)

    assert (one.difference, one.p, one.low) == pytest.approx((-two.difference, two.p, -two.high), abs=1e-14)
    assert "patient" in one.method


def test_copies_of_patients_leave_p_as_it_was():
    made = simulated(4, n=80)
    other = other_scores(made, 3)
    copied = []
    for one in (made, other):
        copied.append(
            Predictions(
                scores=np.repeat(one.scores, 3),
                is_positive=np.repeat(one.is_positive, 3),
                patients=tuple(np.repeat(np.array(one.patients), 3).tolist()),
                positive="pneumonia",
                negative="normal",
            )
        )

    assert compare_auc_paired(*copied).p == pytest.approx(compare_auc_paired(made, other).p, rel=1e-10)
    assert compare_decisions(*copied).p_exact == pytest.approx(compare_decisions(made, other).p_exact, abs=1e-12)


def test_unpaired_with_several_images_of_a_patient():
    first, second = simulated(5, n=120, images_per_patient=4), simulated(6, n=120, shift=0.4)
    second = with_patients(second, [f"Q{number}" for number in range(len(second))])

    found = compare_auc_unpaired(first, second)

    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.statistic), found.df), abs=1e-14)
    assert found.df < 148
    assert "unpaired" in found.method


def test_unpaired_refuses_patients_of_both():
    with pytest.raises(ValueError, match=r"200 patient\(s\) are in both test sets \(such as P00000\)"):
        compare_auc_unpaired(simulated(1), simulated(2))


def test_other_images_cannot_be_paired():
    with pytest.raises(ValueError, match="same images"):
        compare_auc_paired(predictions_of([0.9], [0.1]), predictions_of([0.9], [0.1, 0.2]))


def test_too_few_images_say_why():
    found = compare_auc_paired(predictions_of([0.9], [0.1, 0.2]), predictions_of([0.3], [0.1, 0.5]))

    assert math.isnan(found.p)
    assert "at least two images" in found.reason


def test_mcnemar_is_the_binomial_test():
    """scipy.stats.binomtest(2, 9): exact McNemar's p of 2 against 7 discordant images, 0.1796875."""
    first = predictions_of([0.9] * 7 + [0.1] * 2 + [0.9] * 5, [0.1] * 6)
    second = predictions_of([0.1] * 7 + [0.9] * 2 + [0.9] * 5, [0.1] * 6)

    found = compare_decisions(first, second)

    assert (found.both_right, found.first_only, found.second_only, found.both_wrong) == (11, 7, 2, 0)
    assert found.p_exact == pytest.approx(stats.binomtest(2, 9).pvalue)
    assert found.p_exact == pytest.approx(0.1796875)
    assert found.p_mid == pytest.approx(0.1796875 - stats.binom.pmf(2, 9, 0.5))
    assert found.difference == pytest.approx(5 / 20)
    assert found.low < 5 / 20 < found.high


def test_each_classifier_has_its_own_threshold():
    first, second = predictions_of([0.9, 0.8], [0.7]), predictions_of([0.4, 0.35], [0.1])

    found = compare_decisions(first, second, first_threshold=0.75, second_threshold=0.3)

    assert (found.both_right, found.difference) == (3, 0)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
@settings(deadline=None)
def test_exchange_within_patients_is_every_exchange(differences):
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    observed = abs(sum(differences))
    at_least = np.mean([one >= observed for one in sums])
    at = np.mean([one == observed for one in sums])

    assert exchange_test(np.array(differences)) == pytest.approx((at_least, at_least - at / 2), abs=1e-12)


def test_without_a_threshold_decisions_are_not_compared():
    found = compare_decisions(simulated(0), simulated(0), first_threshold=math.nan)

    assert math.isnan(found.p_exact)
    assert found.reason == "a threshold is not known"


def test_corrections():
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02; "BH" = 0.02 0.04 0.04 0.02."""
    found = correct_for_many([0.01, 0.04, 0.03, 0.005])

    assert found.holm == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert found.benjamini_hochberg == pytest.approx((0.02, 0.04, 0.04, 0.02))
