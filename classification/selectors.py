"""Reads on experiments and on the images that they use."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from classification.cnn.config import ClassifierConfig, JangSettings, SingleSettings, SweepSettings
from classification.models import Classifier, Experiment
from imaging.lineage import NOTHING, Lineage, trace_dataset
from imaging.models import Dataset

Design = SweepSettings | JangSettings | SingleSettings
DESIGNS: dict[Experiment.Kind, type[Design]] = {
    Experiment.Kind.KONG: SweepSettings,
    Experiment.Kind.JANG: JangSettings,
    Experiment.Kind.SINGLE: SingleSettings,
    Experiment.Kind.ORIGIN: SingleSettings,
}
REAL, SYNTHETIC = "real", "synthetic"  # the classes of a machine reader


@dataclass(frozen=True, kw_only=True)
class ImageRow:
    """One image of a set, as far as an experiment needs to know."""

    sha256: str  # of its pixels
    label: str
    patient: str  # pseudonym; "" where it is not known
    synthetic: bool = False


def split_table(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Split ("" for none) -> label -> images."""
    rows = dataset.images.order_by("split", "label").values("split", "label").annotate(n=Count("id"))
    table: dict[str, dict[str, int]] = {}
    for row in rows:
        table.setdefault(row["split"], {})[row["label"]] = row["n"]
    return table


def image_rows(
    dataset: Dataset, *, split: str | None = None, limits: Mapping[str, int] | None = None, seed: int = 0
) -> list[ImageRow]:
    """Images of a dataset, or of one of its splits, sorted by pixel hash: the same order on every database.

    `limits` (label -> number) keeps no more of a label: the first ones in the order of SHA-256("<seed>/<pixel hash>").
    """
    images = dataset.images.order_by("pixel_sha256")
    if split is not None:
        images = images.filter(split=split)
    made = dataset.origin == Dataset.Origin.SYNTHETIC
    rows = [
        ImageRow(sha256=sha256, label=label, patient=patient, synthetic=made)
        for sha256, label, patient in images.values_list("pixel_sha256", "label", "patient_pseudonym")
    ]
    for label, most in (limits or {}).items():
        of_label = sorted((row for row in rows if row.label == label), key=lambda row: _drawn(row, seed))
        dropped = set(of_label[most:])
        rows = [row for row in rows if row not in dropped]
    return rows


def _drawn(row: ImageRow, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{row.sha256}".encode()).digest()


def origin_rows(experiment: Experiment) -> dict[str, list[ImageRow]]:
    """Real and synthetic images of a machine reader by split, as many of one as of the other.

    The synthetic ones are drawn by the seed of the settings; where there are fewer than real ones, real ones are left
    out too, the same share of every split.
    """
    assert experiment.synthetic is not None  # noqa: S101
    seed = experiment.config["seed"]

    def shuffled(rows: list[ImageRow]) -> list[ImageRow]:
        return sorted(rows, key=lambda row: _drawn(row, seed))

    made = shuffled(image_rows(experiment.synthetic))
    real = {split: shuffled(image_rows(experiment.dataset, split=split)) for split in ("train", "tune", "test")}
    share = min(1.0, len(made) / sum(len(rows) for rows in real.values()))
    found, begin = {}, 0
    for split, rows in real.items():
        count = int(len(rows) * share)
        found[split] = [*rows[:count], *made[begin : begin + count]]
        begin += count
    return found


def seen_by(classifier: Classifier) -> Lineage:
    """The real images behind a classifier: its own, and those of the classifiers that it began with.

    Tuning images count: early stopping and the best K were chosen on them. What stands behind its synthetic images
    counts too.
    """
    experiment = classifier.experiment
    rows = [row for split in ("train", "tune") for row in image_rows(experiment.dataset, split=split)]
    seen = Lineage(
        images=frozenset(row.sha256 for row in rows),
        patients=frozenset(row.patient for row in rows if row.patient),
        unknown=0,
    )
    if experiment.synthetic is not None:
        seen |= trace_dataset(experiment.synthetic)
    return seen | seen_before(experiment)


def seen_before(experiment: Experiment) -> Lineage:
    """The real images behind the classifier that an experiment begins with, and the one that chooses for it."""
    seen = NOTHING
    for other in (earlier_classifier(experiment), experiment.chooser):
        if other is not None:
            seen |= seen_by(other)
    return seen


def earlier_classifier(experiment: Experiment) -> Classifier | None:
    """The classifier that the backbone began with, where it did."""
    if experiment.weights.get("kind") != "classifier":
        return None
    return Classifier.objects.select_related("experiment__job").get(pk=experiment.weights["classifier"])


def test_rows(dataset: Dataset) -> list[ImageRow]:
    """What an external dataset is tested on: its test images where it is split, else all of them."""
    has_test = dataset.images.filter(split="test").exists()
    return image_rows(dataset, split="test" if has_test else None)


def list_experiments() -> QuerySet[Experiment]:
    """All experiments, newest first, with datasets and job."""
    return Experiment.objects.select_related("dataset", "synthetic", "job").order_by("-created_at", "id")


def classifier_config(experiment: Experiment) -> ClassifierConfig:
    return ClassifierConfig.from_dict(experiment.config)


def design_of(experiment: Experiment) -> Design:
    """What its kind settles beside the classifier."""
    return DESIGNS[Experiment.Kind(experiment.kind)].from_dict(experiment.design)


def starting_classifiers() -> QuerySet[Classifier]:
    """Those whose file holds a whole network, which another experiment can begin with; newest first."""
    return Classifier.objects.filter(fine_tuned=True).select_related("experiment").order_by("-created_at", "id")


def experiment_in_words(pk: str) -> tuple[list[tuple[str, str]], str]:
    """What its job's page says, and the address of its own."""
    experiment = Experiment.objects.select_related("dataset", "synthetic").get(pk=pk)
    facts = [
        ("Question", experiment.get_kind_display()),
        ("Real images", experiment.dataset.name),
        ("Synthetic images", experiment.synthetic.name if experiment.synthetic else "none"),
        ("Positive class", experiment.positive),
    ]
    return facts, experiment.get_absolute_url()
