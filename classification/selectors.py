"""Reads on experiments and on the images that they use."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from classification.cnn.config import ClassifierConfig, SweepSettings
from classification.models import Experiment
from imaging.models import Dataset


@dataclass(frozen=True, kw_only=True)
class ImageRow:
    """One image of a set, as far as an experiment needs to know."""

    sha256: str  # of its pixels
    label: str
    patient: str  # pseudonym; "" where it is not known


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
    rows = [
        ImageRow(sha256=sha256, label=label, patient=patient)
        for sha256, label, patient in images.values_list("pixel_sha256", "label", "patient_pseudonym")
    ]
    for label, most in (limits or {}).items():
        of_label = sorted((row for row in rows if row.label == label), key=lambda row: _drawn(row, seed))
        dropped = set(of_label[most:])
        rows = [row for row in rows if row not in dropped]
    return rows


def _drawn(row: ImageRow, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{row.sha256}".encode()).digest()


def test_rows(dataset: Dataset) -> list[ImageRow]:
    """What an external dataset is tested on: its test images where it is split, else all of them."""
    has_test = dataset.images.filter(split="test").exists()
    return image_rows(dataset, split="test" if has_test else None)


def list_experiments() -> QuerySet[Experiment]:
    """All experiments, newest first, with datasets and job."""
    return Experiment.objects.select_related("dataset", "synthetic", "job").order_by("-created_at", "id")


def classifier_config(experiment: Experiment) -> ClassifierConfig:
    return ClassifierConfig.from_dict(experiment.config)


def sweep_settings(experiment: Experiment) -> SweepSettings:
    return SweepSettings.from_dict(experiment.design)
