"""Reads on measurements: reports, running jobs, and the pairs of the memorisation check."""

import csv
import uuid
from dataclasses import dataclass

from django.db.models import QuerySet

from generation.measuring.names import NEAREST
from generation.measuring.parameters import MEASURE
from imaging.models import Dataset, DatasetReport, Image
from imaging.reports import find_report_file
from worker.models import Job


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A synthetic image and its nearest training image; an image is None when it is not there any more."""

    rank: int
    label: str
    distance: float
    suspicion: float
    is_flagged: bool
    synthetic: Image | None
    nearest: Image | None


def measurements(dataset: Dataset) -> QuerySet[DatasetReport]:
    """Newest first."""
    return DatasetReport.objects.filter(dataset=dataset, kind=MEASURE).select_related("created_by")


def unfinished_jobs(dataset: Dataset) -> list[Job]:
    """Measurements of `dataset` that wait, run, or were cancelled or failed and can go on."""
    jobs = Job.objects.filter(kind=MEASURE, parameters__dataset_id=str(dataset.pk))
    return list(jobs.exclude(state=Job.State.SUCCEEDED).order_by("-created_at")[:5])


def read_pairs(report: DatasetReport, *, name: str = NEAREST, flagged_only: bool = False) -> list[dict[str, str]]:
    """Rows of a memorisation file, the most suspicious first; empty when the file is lost."""
    path = find_report_file(report, name)
    if path is None:
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["flagged"] == "1" or not flagged_only]


def with_images(report: DatasetReport, rows: list[dict[str, str]]) -> list[Pair]:
    """The images of some rows, in two queries."""
    training_id = report.values["images"]["training"]["id"]
    synthetic = _by_hash(report.dataset_id, [row["synthetic"][1:] for row in rows])
    training = _by_hash(uuid.UUID(training_id), [row["nearest_training"][1:] for row in rows])
    return [
        Pair(
            rank=int(row["rank"]),
            label=row["label"],
            distance=float(row["distance"]),
            suspicion=float(row["suspicion"]),
            is_flagged=row["flagged"] == "1",
            synthetic=synthetic.get(row["synthetic"][1:]),
            nearest=training.get(row["nearest_training"][1:]),
        )
        for row in rows
    ]


def _by_hash(dataset_id: uuid.UUID, hashes: list[str]) -> dict[str, Image]:
    images = Image.objects.filter(dataset=dataset_id, pixel_sha256__in=hashes).only("id", "pixel_sha256", "label")
    return {image.pixel_sha256: image for image in images}
