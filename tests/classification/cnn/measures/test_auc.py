"""AUC against R's pROC, average precision against scikit-learn, intervals against simulation and enumeration."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics

from classification.cnn.measures.auc import delong_area, exact_limit, independent_pairs, measure_areas
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.predictions import Predictions
from tests.classification.cnn.measures.builders import any_predictions, predictions_of, simulated
from tests.turing.stats.oracle import answers_of, expected_of

FEW = Draws(n=100)


def oracle_predictions(name, score, half=None):
    """Scores of the reference file as probabilities: the order alone matters, so any rising map will do."""
    rows = [row for row in answers_of(name) if half in (None, row["half"])]
    values = np.array([float(row[f"score_{score}"]) for row in rows])
    levels = np.unique(np.array([float(row[f"score_{score}"]) for row in answers_of(name)]))
    return Predictions(
        scores=np.searchsorted(levels, values) / len(levels),
        is_positive=np.array([row["truth"] == "synthetic" for row in rows]),
        positive="synthetic",
        negative="real",
    )


@pytest.mark.parametrize("name", ["roc_continuous", "roc_ties"])
@pytest.mark.parametrize("score", ["a", "b"])
def test_area_and_interval_are_those_of_r(name, score):
    """R 4.2.2, pROC 1.18.0: ci.auc(method = "delong")."""
    expected = expected_of(name)[score]

    found = measure_areas(oracle_predictions(name, score), draws=FEW)

    assert found.auc.value == pytest.approx(expected["auc"], abs=1e-10)
    assert found.se**2 == pytest.approx(expected["var_delong"], abs=1e-10)
    assert (found.auc.low, found.auc.high) == pytest.approx((expected["ci_low"], expected["ci_high"]), abs=1e-10)
    assert found.auc.method == "DeLong"


def test_without_error_the_interval_is_exact():
    """R says [1, 1] of these 9 and 12 images, and warns that it can be misleading."""
    found = measure_areas(oracle_predictions("roc_small_perfect", "a"), draws=FEW)

    assert found.auc.value == 1
    assert (found.auc.low, found.auc.high) == pytest.approx((0.025 ** (1 / 9), 1), abs=1e-12)
    assert found.auc.method == "exact over 9 independent pairs of images"
    assert math.isnan(found.auc_bootstrap.low)
    assert "same value" in found.auc_bootstrap.reason


def test_always_wrong_mirrors_always_right():
    wrong = measure_areas(predictions_of([0.1, 0.2, 0.3], [0.7, 0.8]), draws=FEW).auc

    assert (wrong.value, wrong.low) == (0, 0)
    assert wrong.high == pytest.approx(1 - exact_limit(2))


def test_the_exact_limit_holds_whatever_the_order():
    """P(no error) <= AUC^(pairs), in every mixture of two orders of 3 cases and 3 controls."""
    orders = []
    for order in set(permutations([1, 1, 1, 0, 0, 0])):
        ranks = np.array(order)
        cases, controls = np.flatnonzero(ranks), np.flatnonzero(1 - ranks)
        orders.append((cases[:, None] > controls).mean())
    assert len(orders) == 20
    # scores drawn independently: with chance q a case is above all controls, else uniform among them
    generator = np.random.default_rng(0)
    for q in (0.2, 0.5, 0.8):
        controls = generator.random((40_000, 3))
        cases = np.where(generator.random((40_000, 3)) < q, 2.0, generator.random((40_000, 3)))
        perfect = (cases.min(axis=1) > controls.max(axis=1)).mean()
        assert perfect <= (q + (1 - q) / 2) ** 3 + 0.01


def test_pairs_share_no_patient():
    made = predictions_of([0.9, 0.8, 0.7], [0.1, 0.2, 0.3], patients=("a", "a", "b", "a", "c", "c"))

    assert independent_pairs(made) == 1  # three patients: one pair, and one is left over
    assert independent_pairs(predictions_of([0.9, 0.8], [0.1, 0.2, 0.3])) == 2


@given(any_predictions(clustered=True))
@settings(max_examples=30, deadline=None)
def test_values_are_those_of_scikit_learn(made):
    found = measure_areas(made, draws=FEW)

    assert found.auc.value == pytest.approx(metrics.roc_auc_score(made.is_positive, made.scores), abs=1e-12)
    expected = metrics.average_precision_score(made.is_positive, made.scores)
    assert found.average_precision.value == pytest.approx(expected, abs=1e-12)
    assert found.auc.title == "AUC (positive: pneumonia)"


def test_the_bootstrap_is_a_plain_loop_over_patients():
    """The same draws, each patient's images copied out and given to scikit-learn."""
    made = simulated(1, n=60, images_per_patient=3)
    draws = Draws(n=100, seed=5)
    generator = np.random.default_rng(5)
    of_patient = [np.flatnonzero(made.patient_codes == code) for code in range(20)]
    areas, precisions = [], []
    for _ in range(100):
        chosen = np.concatenate([of_patient[code] for code in generator.integers(0, 20, 20)])
        areas.append(metrics.roc_auc_score(made.is_positive[chosen], made.scores[chosen]))
        precisions.append(metrics.average_precision_score(made.is_positive[chosen], made.scores[chosen]))

    found = measure_areas(made, draws=draws)

    assert (found.auc_bootstrap.low, found.auc_bootstrap.high) == pytest.approx(np.quantile(areas, [0.025, 0.975]))
    ends = found.average_precision.low, found.average_precision.high
    assert ends == pytest.approx(np.quantile(precisions, [0.025, 0.975]))


def test_bootstrap_and_delong_agree():
    found = measure_areas(simulated(2, n=400), draws=Draws(n=1000, seed=1))

    assert found.auc_bootstrap.low == pytest.approx(found.auc.low, abs=0.008)
    assert found.auc_bootstrap.high == pytest.approx(found.auc.high, abs=0.008)


def test_several_images_of_a_patient_widen_the_interval():
    made = simulated(3, n=300, images_per_patient=5)
    alone = Predictions(
        scores=made.scores, is_positive=made.is_positive, positive=made.positive, negative=made.negative
    )

    together = measure_areas(made, draws=FEW)

    assert "patient" in together.auc.method
    assert together.se > 1.3 * delong_area(alone).se
    assert "300 images of 60 patients" in together.note


@pytest.mark.parametrize(("cases", "controls", "reason"), [([], [0.1], "no image is pneumonia"), ([0.2], [], "normal")])
def test_one_class_has_no_area(cases, controls, reason):
    found = measure_areas(predictions_of(cases, controls))

    assert math.isnan(found.auc.value)
    assert math.isnan(found.average_precision.value)
    assert reason in found.auc.reason
