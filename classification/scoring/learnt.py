"""What a classifier has learnt from: scores of these images, or of other images of these patients, flatter it."""

from dataclasses import dataclass

from classification.models import Classifier
from classification.selectors import image_rows


@dataclass(frozen=True, kw_only=True)
class Learnt:
    images: frozenset[str]  # pixel hashes
    patients: frozenset[str]  # pseudonyms, of those whose patient is known


def learnt_from(classifier: Classifier) -> Learnt:
    """Training images and synthetic images of the classifier's experiment, and of those that its backbone began with.

    Which of them a repetition drew is not kept, so all count that it could draw from. An arm that took no synthetic
    images has learnt from none.
    """
    images: set[str] = set()
    patients: set[str] = set()
    seen: set[str] = set()
    waiting: Classifier | None = classifier
    while waiting is not None and str(waiting.pk) not in seen:
        seen.add(str(waiting.pk))
        experiment = waiting.experiment
        rows = image_rows(experiment.dataset, split="train", limits=experiment.limits, seed=experiment.config["seed"])
        if experiment.synthetic is not None and _took_synthetic(waiting):
            rows += image_rows(experiment.synthetic)
        images |= {row.sha256 for row in rows}
        patients |= {row.patient for row in rows if row.patient}
        earlier = experiment.weights.get("classifier") if experiment.weights.get("kind") == "classifier" else None
        waiting = Classifier.objects.select_related("experiment").filter(pk=earlier).first() if earlier else None
    return Learnt(images=frozenset(images), patients=frozenset(patients))


def _took_synthetic(classifier: Classifier) -> bool:
    """True as well when the experiment's record does not say."""
    for arm in classifier.experiment.results.get("arms", []):
        if arm["name"] == classifier.arm:
            return any(count.get("synthetic", 1) for count in arm.get("counts", [{}]))
    return True
