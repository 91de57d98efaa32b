"""What an experiment is said to come to: right words for what was shown, and for what was not."""

import numpy as np
import pytest

from classification.cnn.arms import Arm, Outcome
from classification.cnn.experiments import LARGER, MIXED, REAL
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.predictions import Predictions
from classification.cnn.measures.whole import compare_experiments, measure_classifier
from classification.summary import NOT_EQUAL, Measured, summarise
from tests.classification.cnn.measures.builders import predictions_of


def scores_of(shift: float, *, n: int = 200, positive: str = "pneumonia", negative: str = "normal") -> Predictions:
    """The same images each time, half of them positive; `shift` tells how well they are told apart."""
    noise = np.random.default_rng(0).normal(size=n)
    truth = np.arange(n) % 2 == 0
    scores = 1 / (1 + np.exp(-(noise + shift * truth)))
    return predictions_of(scores[truth], scores[~truth], positive=positive, negative=negative)


def arm(name: str, *, real=(6, 6), synthetic=(0, 0)) -> Arm:
    labels = ("normal", "pneumonia")
    return Arm(
        name=name, title="", positive="pneumonia", real=dict(zip(labels, real, strict=True)),
        synthetic=dict(zip(labels, synthetic, strict=True)), augmented=False, trained=(), data=None,
    )  # fmt: skip


def summary(kind: str, said: dict[str, Predictions], arms: list[Arm]) -> list[str]:
    measures = tuple(measure_classifier(one, name=name, draws=Draws(n=100)) for name, one in said.items())
    comparisons = compare_experiments(said, reference=arms[0].name) if len(arms) > 1 else None
    outcome = Outcome(arms=tuple(arms), sweep=None, seeds=(0,), warnings=())
    return summarise(kind, outcome, {"test set": Measured(measures=measures, comparisons=comparisons)})


def test_half_replaced_and_nothing_shown():
    said = {REAL: scores_of(1.0, n=2000), MIXED: scores_of(1.01, n=2000)}
    said[MIXED] = predictions_of(*(np.clip(part + np.random.default_rng(1).normal(0, 0.05, len(part)), 0, 1)
                                   for part in (said[MIXED].cases, said[MIXED].controls)))  # fmt: skip

    first, last = summary("jang", said, [arm(REAL), arm(MIXED, real=(6, 3), synthetic=(0, 3))])

    assert first.startswith(
        "Test set: replacing half of the pneumonia images by synthetic ones was not shown to change the AUC: "
    )
    assert "with real images alone, difference " in first
    assert "95 % CI −0." in first  # the interval holds 0 and has both ends
    assert last == NOT_EQUAL


@pytest.mark.parametrize(("shift", "verdict"), [(2.5, "raised"), (0.2, "lowered")])
def test_a_share_replaced_and_a_change_shown(shift, verdict):
    said = {REAL: scores_of(1.0, n=2000), MIXED: scores_of(shift, n=2000)}

    (only,) = summary("jang", said, [arm(REAL), arm(MIXED, real=(6, 4), synthetic=(0, 2))])

    assert f"replacing 33.3 % of the pneumonia images by synthetic ones {verdict} the AUC: " in only
    assert "p < 0.001 by DeLong’s test)" in only


def test_added_images_are_counted_by_class():
    said = {REAL: scores_of(1.0, n=2000), LARGER: scores_of(2.5, n=2000)}

    (only,) = summary("jang", said, [arm(REAL), arm(LARGER, synthetic=(1200, 5))])

    assert "adding synthetic images (1,200 of normal and 5 of pneumonia) to the real ones raised the AUC" in only


@pytest.mark.parametrize(("shift", "verdict"), [(2.5, "is better than"), (0.2, "is worse than")])
def test_kongs_arms_are_compared_with_the_first(shift, verdict):
    said = {"OD": scores_of(1.0, n=2000), "GCB": scores_of(shift, n=2000), "GCB+CDA": scores_of(1.0, n=2000)}

    found = summary("kong", said, [arm("OD"), arm("GCB"), arm("GCB+CDA")])

    assert found[0].startswith(f"Test set: GCB {verdict} OD: AUC ")
    assert "of this comparison alone; p < 0.001 by DeLong’s test, corrected for 2 comparisons by Holm" in found[0]
    assert "GCB+CDA is not shown to differ from OD" in found[1]  # the same scores
    assert found[-1] == NOT_EQUAL


def test_one_classifier_has_its_area_and_shares():
    (only,) = summary("single", {"Classifier": scores_of(2.0, n=2000)}, [arm("Classifier")])

    assert only.startswith("Test set: AUC 0.")
    assert "at the threshold 0.5 sensitivity (pneumonia called pneumonia) 0." in only
    assert "and specificity (normal called normal) 0." in only


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (2.0, "better than guessing, which would be 0.5."),
        (-2.0, "worse than guessing, which would be 0.5; look at the images."),
        (0.0, "not shown to be better than guessing, which would be 0.5. That does not show that nobody can tell"),
    ],
)
def test_a_machine_reader_is_compared_with_guessing(shift, words):
    said = {"Machine reader": scores_of(shift, n=4000, positive="synthetic", negative="real")}

    (only,) = summary("origin", said, [arm("Machine reader")])

    assert only.startswith("Test set: the machine reader tells synthetic from real images with an AUC of 0.")
    assert words in only


def test_a_small_test_set_is_called_so():
    said = {"OD": scores_of(1.0, n=40), "GCB": scores_of(1.2, n=40)}
    comparisons = compare_experiments(said, reference="OD")

    found = summary("kong", said, [arm("OD"), arm("GCB")])

    reach = (comparisons.against[0].auc.high - comparisons.against[0].auc.low) / 2
    few = next(sentence for sentence in found if "are few" in sentence)
    assert few.startswith("Test set: 20 pneumonia and 20 normal images are few: an AUC is known only roughly (")
    assert few.endswith(f"differences of less than about {reach:.2g} are more often missed than found.")


def test_what_cannot_be_compared_is_said_with_the_reason():
    said = {"OD": predictions_of([], [0.2, 0.3]), "GCB": predictions_of([], [0.2, 0.4])}

    found = summary("kong", said, [arm("OD"), arm("GCB")])

    assert len(found) == 1
    assert found[0].startswith("Test set: GCB cannot be compared with OD: ")


def test_areas_below_one_half_are_said_to_point_the_wrong_way():
    said = {REAL: scores_of(-1.5, n=400), MIXED: scores_of(-1.0, n=400)}

    sentences = summary("jang", said, [arm(REAL), arm(MIXED, real=(6, 3), synthetic=(0, 3))])

    (turned,) = [one for one in sentences if "point the wrong way" in one]
    assert turned.startswith("Test set: the AUC of Real and Real + synthetic is below 0.5")
    assert not [one for one in summary("single", {"One": scores_of(1.0)}, [arm("One")]) if "wrong way" in one]
