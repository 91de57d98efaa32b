import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics

from classification.cnn.measures.curves import operating_points
from tests.classification.cnn.measures.builders import any_predictions, predictions_of, simulated


@given(any_predictions())
@settings(max_examples=40, deadline=None)
def test_points_are_those_of_scikit_learn(made):
    """scikit-learn: roc_curve(drop_intermediate=False), precision_recall_curve, average_precision_score."""
    found = operating_points(made)

    false, true, thresholds = metrics.roc_curve(made.is_positive, made.scores, drop_intermediate=False)
    assert found.false_positive_share == pytest.approx(false, abs=1e-14)
    assert found.sensitivity == pytest.approx(true, abs=1e-14)
    assert found.thresholds[1:] == pytest.approx(thresholds[1:], abs=0)
    assert np.isinf(found.thresholds[0])
    precision, recall, _ = metrics.precision_recall_curve(made.is_positive, made.scores)
    assert found.precision[::-1] == pytest.approx(precision, abs=1e-14)
    assert found.sensitivity[::-1] == pytest.approx(recall, abs=1e-14)
    expected = metrics.average_precision_score(made.is_positive, made.scores)
    assert found.average_precision == pytest.approx(expected, abs=1e-13)


def test_no_point_is_left_out():
    made = simulated(0, n=5000)

    found = operating_points(made)

    assert len(found.thresholds) == len(np.unique(made.scores)) + 1 == 5001
    assert (found.true_positives[-1], found.false_positives[-1]) == (made.n_positive, made.n_negative)
    area = np.trapezoid(found.sensitivity, found.false_positive_share)
    assert area == pytest.approx(metrics.roc_auc_score(made.is_positive, made.scores), abs=1e-12)


def test_one_class_has_no_points():
    found = operating_points(predictions_of([0.3, 0.4], []))

    assert len(found.thresholds) == 0
    assert found.reason == "no image is normal: images of both classes are needed"
