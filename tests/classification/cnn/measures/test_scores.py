"""Shares against scikit-learn and scipy, intervals against enumeration and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats
from sklearn import metrics

from classification.cnn.measures.estimates import Draws, clustered_mean, draw_totals, exact_f1
from classification.cnn.measures.predictions import Predictions
from classification.cnn.measures.scores import measure_scores
from tests.classification.cnn.measures.builders import any_predictions, predictions_of, simulated

NAMES = ("accuracy", "sensitivity", "specificity", "f1", "ppv", "npv")


@given(any_predictions(clustered=True))
@settings(max_examples=30, deadline=None)
def test_values_are_those_of_scikit_learn(made):
    """scikit-learn: accuracy_score, recall_score, precision_score, f1_score, confusion_matrix."""
    found = measure_scores(made, threshold=0.5, draws=Draws(n=100))

    called = made.scores >= 0.5
    matrix = metrics.confusion_matrix(made.is_positive, called, labels=[True, False])
    assert found.confusion.rows == tuple(map(tuple, matrix.tolist()))
    expected = {
        "accuracy": metrics.accuracy_score(made.is_positive, called),
        "sensitivity": metrics.recall_score(made.is_positive, called),
        "specificity": metrics.recall_score(made.is_positive, called, pos_label=False),
        "f1": metrics.f1_score(made.is_positive, called),
        "ppv": metrics.precision_score(made.is_positive, called, zero_division=math.nan),
        "npv": metrics.precision_score(made.is_positive, called, pos_label=False, zero_division=math.nan),
    }
    for name in NAMES:
        estimate = getattr(found, name)
        assert estimate.value == pytest.approx(expected[name], abs=1e-14, nan_ok=True)
        assert estimate.is_defined or estimate.reason
        if estimate.has_interval:
            assert 0 <= estimate.low <= estimate.high <= 1


def test_the_interval_is_that_of_r():
    """scipy.stats.binomtest(8, 10), whose exact interval is that of R's binom.test: 0.4439045, 0.9747893."""
    found = measure_scores(predictions_of([0.9] * 8 + [0.1] * 2, [0.2] * 5))

    exact = stats.binomtest(8, 10).proportion_ci(method="exact")
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx((0.4439045, 0.9747893), abs=1e-7)
    assert (found.sensitivity.k, found.sensitivity.n) == (8, 10)
    assert "exact" in found.sensitivity.method
    assert "exact" in found.note


def test_every_title_names_the_classes():
    found = measure_scores(predictions_of([0.9], [0.1]))

    assert [one.title for one in found.estimates] == [
        "Accuracy (positive: pneumonia)",
        "Sensitivity (pneumonia called pneumonia)",
        "Specificity (normal called normal)",
        "F1 (positive: pneumonia)",
        "Positive predictive value (called pneumonia: is pneumonia)",
        "Negative predictive value (called normal: is normal)",
    ]


def test_exchanging_the_classes_exchanges_the_measures():
    made = simulated(3, n=80)
    turned = Predictions(
        scores=1 - made.scores, is_positive=~made.is_positive, positive=made.negative, negative=made.positive
    )

    one, two = measure_scores(made), measure_scores(turned)

    assert (one.sensitivity.value, one.sensitivity.low) == (two.specificity.value, two.specificity.low)
    assert (one.ppv.value, one.ppv.high) == (two.npv.value, two.npv.high)
    assert one.accuracy.value == two.accuracy.value


def test_a_score_at_the_threshold_is_positive():
    assert measure_scores(predictions_of([0.5], [0.5])).confusion.rows == ((1, 0), (1, 0))


@pytest.mark.parametrize(
    ("made", "name", "reason"),
    [
        (predictions_of([], [0.1, 0.9]), "sensitivity", "no image is pneumonia"),
        (predictions_of([0.9], []), "specificity", "no image is normal"),
        (predictions_of([0.1], [0.2]), "ppv", "no image is called pneumonia"),
        (predictions_of([0.9], [0.8]), "npv", "no image is called normal"),
        (predictions_of([], [0.2]), "f1", "no image is or is called pneumonia"),
        (predictions_of([], []), "accuracy", "there are no images"),
    ],
)
def test_what_has_no_value_says_why(made, name, reason):
    estimate = getattr(measure_scores(made), name)

    assert math.isnan(estimate.value)
    assert math.isnan(estimate.low)
    assert estimate.reason == reason


def test_without_a_threshold_nothing_is_defined():
    found = measure_scores(predictions_of([0.9], [0.1]), threshold=math.nan, threshold_words="the tuning set is empty")

    assert not any(one.is_defined for one in found.estimates)
    assert found.reason == "the tuning set is empty"


def test_the_interval_of_f1_covers_at_least_as_often_as_it_says():
    """Every outcome of 12 images in three kinds (both, one of the two, neither), with its probability."""
    p_hit, p_miss = 0.45, 0.3
    true_f1 = 2 * p_hit / (2 * p_hit + p_miss)
    covered = total = 0.0
    for hits in range(13):
        for misses in range(13 - hits):
            if hits + misses == 0:
                continue
            chance = stats.multinomial.pmf([hits, misses, 12 - hits - misses], 12, [p_hit, p_miss, 1 - p_hit - p_miss])
            found = exact_f1("F1", "F1", hits, misses, confidence=0.9, reason="")
            covered += chance * (found.low <= true_f1 <= found.high)
            total += chance

    assert covered / total >= 0.9


def test_drawing_kinds_is_drawing_patients():
    """Mean and covariance of the drawn totals are those of n draws of a patient with replacement."""
    of_patients = np.array([[1, 0], [1, 0], [0, 2], [3, 1], [0, 2], [1, 0]], dtype=float)

    totals = draw_totals(of_patients, Draws(n=40_000, seed=4))

    centred = of_patients - of_patients.mean(axis=0)
    assert totals.mean(axis=0) == pytest.approx(of_patients.sum(axis=0), abs=0.05)
    assert np.cov(totals.T) == pytest.approx(centred.T @ centred, abs=0.2)


def test_images_of_one_patient_do_not_count_as_many():
    """Each patient copied four times says nothing new: intervals stay as wide as with one image, not half as wide."""
    one = simulated(5, n=100)
    copies = Predictions(
        scores=np.repeat(one.scores, 4),
        is_positive=np.repeat(one.is_positive, 4),
        patients=tuple(np.repeat(np.array(one.patients), 4).tolist()),
        positive="pneumonia",
        negative="normal",
    )

    single, many = measure_scores(one), measure_scores(copies, draws=Draws(n=4000, seed=1))

    assert "bootstrap by patient, 4,000 draws" in many.note
    for name in NAMES:
        widths = [getattr(found, name).high - getattr(found, name).low for found in (single, many)]
        assert getattr(many, name).value == getattr(single, name).value
        assert 0.75 < widths[1] / widths[0] < 1.2


def test_the_same_seed_gives_the_same_interval():
    made = simulated(6, n=60, images_per_patient=3)

    assert measure_scores(made, draws=Draws(seed=2)) == measure_scores(made, draws=Draws(seed=2))
    assert measure_scores(made, draws=Draws(seed=2)) != measure_scores(made, draws=Draws(seed=3))


def test_all_right_has_an_interval_over_patients():
    """5 patients of 10 images, all right: the lower limit is that of 5 of 5, 0.025^(1/5), not of 10 of 10."""
    made = predictions_of([0.9] * 10, [0.1] * 2, patients=tuple("aabbccddeefg"))

    found = measure_scores(made)

    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx((0.025 ** (1 / 5), 1), abs=1e-12)
    assert found.sensitivity.method == "exact over the 5 patients"
    assert found.f1.low == pytest.approx(2 * 0.025**0.2 / (1 + 0.025**0.2), abs=1e-12)


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="at least 100"):
        Draws(n=10)


def test_standard_error_over_patients_is_the_usual_one_with_one_image_each():
    values = np.random.default_rng(0).normal(size=30)

    mean, se, low, high = clustered_mean(values, np.arange(30), confidence=0.95)

    assert (mean, se) == pytest.approx((values.mean(), stats.sem(values)), abs=1e-14)
    assert (low, high) == pytest.approx((mean - 1.959963984540054 * se, mean + 1.959963984540054 * se))
