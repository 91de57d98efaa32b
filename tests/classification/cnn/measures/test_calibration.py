"""Calibration against scikit-learn, temperature against scipy's minimiser and a grid."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import optimize, special
from sklearn import metrics

from classification.cnn.measures.auc import measure_areas
from classification.cnn.measures.calibration import fit_temperature, measure_calibration, scale_by_temperature
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.predictions import Predictions
from tests.classification.cnn.measures.builders import any_predictions, predictions_of, simulated


def made_with_temperature(seed, temperature, n=4000):
    """Images whose true log odds are z, scored by sigmoid(temperature * z): the best temperature is about that."""
    generator = np.random.default_rng(seed)
    z = generator.normal(0, 2, n)
    return Predictions(
        scores=special.expit(temperature * z),
        is_positive=generator.random(n) < special.expit(z),
        positive="pneumonia",
        negative="normal",
    )


@given(any_predictions())
@settings(max_examples=30, deadline=None)
def test_brier_and_its_parts(made):
    """scikit-learn brier_score_loss; Murphy's identity."""
    found = measure_calibration(made).table

    assert found.brier == pytest.approx(metrics.brier_score_loss(made.is_positive, made.scores))
    parts = found.reliability - found.resolution + found.brier_of_base_rate
    assert found.brier == pytest.approx(parts, abs=1e-12)
    assert sum(part.observed.n for part in found.bins) == len(made)


def test_log_loss_is_that_of_scikit_learn():
    made = simulated(0)

    assert measure_calibration(made).log_loss == pytest.approx(metrics.log_loss(made.is_positive, made.scores))


def test_patients_widen_the_interval_of_brier():
    made = simulated(1, n=300, images_per_patient=6)
    alone = Predictions(scores=made.scores, is_positive=made.is_positive, positive="pneumonia", negative="normal")

    together, apart = measure_calibration(made), measure_calibration(alone)

    assert together.table.brier_se > 1.3 * apart.table.brier_se
    assert "patients as units" in together.note
    assert apart.note == ""


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    made = made_with_temperature(3, temperature)

    found = fit_temperature(made)

    assert found.value == pytest.approx(temperature, rel=0.08)
    assert found.log_loss_after <= found.log_loss_before
    scaled = scale_by_temperature(made, found.value)
    assert metrics.log_loss(made.is_positive, scaled.scores) == pytest.approx(found.log_loss_after, rel=1e-10)


@given(any_predictions(max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_other_temperature_is_better(made):
    found = fit_temperature(made)
    if not found.was_fitted:
        assert found.value == 1
        return
    z = special.logit(np.clip(made.scores, 1e-12, 1 - 1e-12))
    towards = np.where(made.is_positive, 1, -1) * z

    def loss(log_b):
        return float(np.logaddexp(0, -math.exp(log_b) * towards).mean())

    best = min(
        optimize.minimize_scalar(loss, bounds=ends, method="bounded").fun for ends in ((-30, -5), (-5, 2), (2, 12))
    )
    assert found.log_loss_after <= best + 1e-9


def test_scaling_keeps_order_area_and_calls():
    made = simulated(2, n=100)

    scaled = scale_by_temperature(made, 2.5)

    assert np.array_equal(np.argsort(scaled.scores), np.argsort(made.scores))
    assert np.array_equal(scaled.called_positive(0.5), made.called_positive(0.5))
    few = Draws(n=100)
    assert measure_areas(scaled, draws=few).auc == measure_areas(made, draws=few).auc
    assert scaled.scores == pytest.approx(special.expit(special.logit(made.scores) / 2.5))


@pytest.mark.parametrize(
    ("tuning", "reason"),
    [
        (predictions_of([], []), "there are no tuning images"),
        (predictions_of([0.9], []), "no tuning image is normal"),
        (predictions_of([0.5], [0.5]), "every tuning score is 0.5"),
        (predictions_of([0.9, 0.6], [0.1, 0.4]), "no tuning image is on the wrong side of 0.5"),
        (predictions_of([0.9, 0.5], [0.1, 0.5]), "no tuning image is on the wrong side of 0.5"),
        (predictions_of([0.1, 0.6], [0.9, 0.4]), "point to the wrong class"),
        (predictions_of([0.0], [0.1]), "point to the wrong class"),
    ],
)
def test_what_has_no_best_temperature_says_why(tuning, reason):
    found = fit_temperature(tuning)

    assert found.value == 1
    assert not found.was_fitted
    assert reason in found.reason


def test_separable_but_not_at_half_has_one():
    """All positives above all negatives, yet some below 0.5: a temperature exists, since 0.5 stays where it is."""
    found = fit_temperature(predictions_of([0.9, 0.8, 0.45], [0.1, 0.2, 0.4]))

    assert found.was_fitted
    assert 0 < found.value < 1


def test_certain_scores_stay_certain():
    scaled = scale_by_temperature(predictions_of([1.0, 0.9], [0.0]), 3.0)

    assert scaled.scores[[0, 2]].tolist() == [1, 0]


def test_a_temperature_must_be_positive():
    with pytest.raises(ValueError, match="temperature is 0"):
        scale_by_temperature(simulated(0), 0)
