import json

import pytest
from numpy.testing import assert_array_equal

from classification.cnn.measures.auc import measure_areas
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.predictions import Predictions
from classification.cnn.measures.scores import measure_scores
from classification.cnn.measures.threshold import youden_threshold
from classification.cnn.measures.whole import ClassifierMeasures, Comparisons, compare_experiments, measure_classifier
from tests.classification.cnn.measures.builders import predictions_of, simulated
from tests.classification.cnn.measures.test_comparison import other_scores

FEW = Draws(n=100)


def tuning_set(seed=9):
    made = simulated(seed, n=120)
    return Predictions(
        scores=made.scores,
        is_positive=made.is_positive,
        patients=tuple(f"T{patient}" for patient in made.patients),
        positive="pneumonia",
        negative="normal",
    )


def test_thresholds_come_from_the_tuning_set_and_measures_from_the_test_set():
    test, tuning = simulated(0), tuning_set()

    found = measure_classifier(test, name="OD", tuning=tuning, sensitivity=0.95, draws=FEW)

    assert [one.rule for one in found.thresholds] == ["fixed", "youden", "specificity", "sensitivity"]
    assert found.thresholds[1] == youden_threshold(tuning)
    expected = measure_scores(
        test, threshold=found.thresholds[1].value, threshold_words=found.thresholds[1].words, draws=FEW
    )
    assert found.at[1] == expected
    assert found.areas == measure_areas(test, draws=FEW)
    assert found.n_tuning == 120
    assert found.reliability_scaled.log_loss != found.reliability.log_loss


@pytest.mark.parametrize("tuning", [None, tuning_set(), predictions_of([0.9], [])])
@pytest.mark.parametrize(
    "test", [simulated(1, n=60, images_per_patient=2), predictions_of([], [0.2]), predictions_of([], [])]
)
def test_json_gives_the_same_record(test, tuning):
    found = measure_classifier(test, name="GCB", tuning=tuning, draws=FEW)

    text = json.dumps(found.to_dict(), allow_nan=False)
    again = ClassifierMeasures.from_dict(json.loads(text))

    assert json.dumps(again.to_dict()) == text
    assert_array_equal(again.points.thresholds, found.points.thresholds)
    assert again.points.sensitivity.shape == found.points.sensitivity.shape


def test_without_a_tuning_set_only_the_usual_threshold():
    found = measure_classifier(simulated(0), name="OD", draws=FEW)

    assert [one.value for one in found.thresholds] == [0.5]
    assert found.temperature is None
    assert found.reliability_scaled is None


def test_a_patient_of_both_sets_is_refused():
    with pytest.raises(
        ValueError, match=r"120 patient\(s\) are in the test set and in the tuning set \(P00000, P00001"
    ):
        measure_classifier(simulated(0), name="OD", tuning=simulated(1, n=120))


def test_other_classes_in_the_tuning_set_are_refused():
    turned = predictions_of([0.1], [0.2], positive="normal", negative="pneumonia")
    with pytest.raises(ValueError, match="same classes in the same roles"):
        measure_classifier(simulated(0), name="OD", tuning=turned)


def test_experiments_against_a_reference():
    weak = simulated(2, shift=0.5, n=300)
    better = Predictions(
        scores=0.7 * weak.scores + 0.3 * weak.is_positive,
        is_positive=weak.is_positive,
        patients=weak.patients,
        positive="pneumonia",
        negative="normal",
    )

    found = compare_experiments(
        {"OD": weak, "GCB": other_scores(weak, 1), "copy": weak, "GCB+OMGDA": better}, reference="OD"
    )

    assert [one.name for one in found.against] == ["GCB", "copy", "GCB+OMGDA"]
    by_name = {one.name: one for one in found.against}
    assert by_name["copy"].auc.p == by_name["copy"].decisions.p_mid == 1
    assert by_name["GCB+OMGDA"].auc.difference > 0
    assert by_name["GCB+OMGDA"].decisions.difference > 0
    assert found.auc_p.p == tuple(one.auc.p for one in found.against)
    assert found.auc_p.holm[2] == pytest.approx(3 * found.auc_p.p[2])
    assert Comparisons.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_wrong_sets_are_refused_by_name():
    made = simulated(0)
    with pytest.raises(ValueError, match="“OD” is not among the experiments: A, B"):
        compare_experiments({"A": made, "B": made}, reference="OD")
    with pytest.raises(ValueError, match="at least two"):
        compare_experiments({"A": made}, reference="A")
    with pytest.raises(ValueError, match=r"“B” and “A” cannot be compared\. 100 and 200 images"):
        compare_experiments({"A": made, "B": simulated(0, n=100)}, reference="A")
    with pytest.raises(ValueError, match="No threshold is given for B"):
        compare_experiments({"A": made, "B": made}, reference="A", thresholds={"A": youden_threshold(made)})
