import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classification.cnn.measures.scores import measure_scores
from classification.cnn.measures.threshold import (
    fixed_threshold,
    threshold_for_sensitivity,
    threshold_for_specificity,
    youden_threshold,
)
from tests.classification.cnn.measures.builders import any_predictions, predictions_of


def every_threshold(made):
    """Sensitivity and specificity of each way to divide the images."""
    found = []
    for cut in [*np.unique(made.scores), 2.0]:
        called = made.scores >= cut
        found.append((called[made.is_positive].mean(), (~called)[~made.is_positive].mean()))
    return found


@given(any_predictions())
@settings(max_examples=60, deadline=None)
def test_youden_is_the_best_of_all(made):
    chosen = youden_threshold(made)

    best = max(sensitivity + specificity for sensitivity, specificity in every_threshold(made))
    assert chosen.tuning_sensitivity + chosen.tuning_specificity == pytest.approx(best, abs=1e-12)
    there = measure_scores(made, threshold=chosen.value)
    assert there.sensitivity.value == pytest.approx(chosen.tuning_sensitivity)
    assert there.specificity.value == pytest.approx(chosen.tuning_specificity)


@given(any_predictions(), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
@settings(max_examples=60, deadline=None)
def test_a_fixed_share_is_kept_and_the_other_is_the_best_possible(made, share):
    for_specificity = threshold_for_specificity(made, at_least=share)
    for_sensitivity = threshold_for_sensitivity(made, at_least=share)

    pairs = every_threshold(made)
    best = max(pair for pair in pairs if pair[1] >= share - 1e-12)
    assert (for_specificity.tuning_sensitivity, for_specificity.tuning_specificity) == pytest.approx(best)
    best = max(pair[::-1] for pair in pairs if pair[0] >= share - 1e-12)
    assert (for_sensitivity.tuning_specificity, for_sensitivity.tuning_sensitivity) == pytest.approx(best)
    there = measure_scores(made, threshold=for_specificity.value)
    assert there.specificity.value == pytest.approx(for_specificity.tuning_specificity)


def test_it_lies_halfway_between_scores():
    chosen = youden_threshold(predictions_of([0.8, 0.6], [0.4, 0.2]))

    assert chosen.value == pytest.approx(0.5)
    assert chosen.words == "0.5 (Youden on 4 tuning images)"


def test_scores_that_touch_stay_apart():
    low = 0.3
    chosen = youden_threshold(predictions_of([math.nextafter(low, 1)], [low]))

    assert chosen.value > low


def test_a_classifier_that_is_always_wrong_calls_nothing():
    chosen = youden_threshold(predictions_of([0.1], [1.0, 0.9]))

    assert chosen.value > 1
    assert measure_scores(predictions_of([1.0], [0.2]), threshold=chosen.value).confusion.true_positive == 0
    assert "no image is called pneumonia" in chosen.words


def test_without_a_class_there_is_none():
    for found in (
        youden_threshold(predictions_of([0.1], [])),
        threshold_for_specificity(predictions_of([], [0.1]), at_least=0.9),
        threshold_for_sensitivity(predictions_of([], []), at_least=0.9),
    ):
        assert math.isnan(found.value)
        assert "the tuning set gives no threshold" in found.reason


def test_half_is_the_usual_one():
    assert (fixed_threshold().value, fixed_threshold().words) == (0.5, "0.5 (fixed)")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fixed_threshold(1.2), "threshold is 1.2"),
        (lambda: threshold_for_specificity(predictions_of([0.1], [0.2]), at_least=90), "specificity asked for is 90"),
        (lambda: threshold_for_sensitivity(predictions_of([0.1], [0.2]), at_least=-1), "sensitivity asked for is -1"),
    ],
)
def test_shares_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
