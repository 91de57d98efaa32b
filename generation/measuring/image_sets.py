"""The images of a measurement: which they are, in an order that is the same on every database, and their pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.measuring.parameters import MAX_SIDE, MeasureParameters
from imaging.models import Dataset
from imaging.rendering import render_square
from imaging.selectors import filter_images
from imaging.storage import load_pixels
from worker.registry import JobError


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Sorted by pixel hash."""

    dataset: Dataset
    filters: dict[str, Any]
    hashes: list[str]
    labels: list[str]
    patients: list[str]  # pseudonyms, "" where not known

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, kept: list[bool]) -> "ImageSet":
        def chosen(values: list[str]) -> list[str]:
            return [value for value, keep in zip(values, kept, strict=True) if keep]

        return ImageSet(
            dataset=self.dataset,
            filters=self.filters,
            hashes=chosen(self.hashes),
            labels=chosen(self.labels),
            patients=chosen(self.patients),
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredSets:
    synthetic: ImageSet
    training: ImageSet
    held_out: ImageSet | None
    n_left_out: int  # of held-out images: of a patient who was trained on, or the same picture
    n_copies: int  # synthetic images whose pixels are those of a training image
    side: int  # px: all pictures are rendered to this square


def find_sets(parameters: MeasureParameters) -> MeasuredSets:
    """Raises JobError when a dataset is gone or holds nothing."""
    synthetic = _set(parameters.dataset_id, {})
    training = _set(parameters.training_id, parameters.training_filters)
    held_out, n_left_out = None, 0
    if parameters.held_out_id:
        everything = _set(parameters.held_out_id, parameters.held_out_filters)
        patients, hashes = set(training.patients) - {""}, set(training.hashes)
        kept = [
            patient not in patients and sha256 not in hashes
            for patient, sha256 in zip(everything.patients, everything.hashes, strict=True)
        ]
        held_out = everything.take(kept)
        n_left_out = len(everything) - len(held_out)
    sides = synthetic.dataset.images.values_list("width", "height")
    return MeasuredSets(
        synthetic=synthetic,
        training=training,
        held_out=held_out,
        n_left_out=n_left_out,
        n_copies=len(set(synthetic.hashes) & set(training.hashes)),
        side=min(MAX_SIDE, *(min(width, height) for width, height in sides)),
    )


def load_square(sha256: str, side: int) -> np.ndarray:
    """The picture as studies render it, (side, side) uint8. Raises JobError when it cannot be read."""
    try:
        return render_square(load_pixels(sha256), side)
    except (OSError, ValueError) as error:
        raise JobError(f"Image {sha256[:12]} cannot be read: {error}") from error


def _set(dataset_id: str, filters: Mapping[str, Any]) -> ImageSet:
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        raise JobError("A dataset of this measurement is not there any more. Start a new measurement.")
    rows = list(
        filter_images(dataset, filters)
        .order_by("pixel_sha256")
        .values_list("pixel_sha256", "label", "patient_pseudonym")
    )
    if not rows:
        raise JobError(f"No image of “{dataset.name}” is left with these filters. Choose others.")
    hashes, labels, patients = (list(column) for column in zip(*rows, strict=True))
    return ImageSet(dataset=dataset, filters=dict(filters), hashes=hashes, labels=labels, patients=patients)
