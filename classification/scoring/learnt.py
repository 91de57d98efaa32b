"""What a classifier has learnt from: scores of these images, or of other images of these patients, flatter it."""

from dataclasses import dataclass

from classification.models import Classifier, Experiment
from classification.selectors import ImageRow, earlier_classifier, image_rows, origin_rows


@dataclass(frozen=True, kw_only=True)
class Learnt:
    images: frozenset[str]  # pixel hashes
    patients: frozenset[str]  # pseudonyms, of those whose patient is known


def learnt_from(classifier: Classifier) -> Learnt:
    """Training, tuning and synthetic images of the classifier's experiment, and of those that its backbone began with.

    Tuning images count: early stopping and the best K were chosen on them. Which synthetic images a repetition drew is
    not kept, so all count that it could draw from; an arm that took none has learnt from none.
    """
    images: set[str] = set()
    patients: set[str] = set()
    waiting: Classifier | None = classifier
    while waiting is not None:  # an experiment begins with classifiers that are older, so this ends
        rows = _rows(waiting)
        images |= {row.sha256 for row in rows}
        patients |= {row.patient for row in rows if row.patient}
        waiting = earlier_classifier(waiting.experiment)
    return Learnt(images=frozenset(images), patients=frozenset(patients))


def _rows(classifier: Classifier) -> list[ImageRow]:
    experiment = classifier.experiment
    if experiment.kind == Experiment.Kind.ORIGIN:
        drawn = origin_rows(experiment)
        return drawn["train"] + drawn["tune"]
    rows = image_rows(experiment.dataset, split="train", limits=experiment.limits, seed=experiment.config["seed"])
    rows += image_rows(experiment.dataset, split="tune")
    if experiment.synthetic is not None and _took_synthetic(classifier):
        rows += image_rows(experiment.synthetic)
    return rows


def _took_synthetic(classifier: Classifier) -> bool:
    """True as well when the experiment's record does not say."""
    for arm in classifier.experiment.results.get("arms", []):
        if arm["name"] == classifier.arm:
            return any(count["synthetic"] for count in arm["counts"])
    return True
