"""Reads on searches for duplicates: reports, running jobs, and pairs with their images."""

import csv
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from imaging.duplicates.pairs import PAIRS, Pair
from imaging.duplicates.parameters import SEARCH
from imaging.models import Dataset, DatasetReport, Image
from imaging.reports import find_report_file
from worker.models import Job


@dataclass(frozen=True, kw_only=True)
class ShownPair:
    """A pair with its images; one is None when it is not there any more."""

    pair: Pair
    first: Image | None
    second: Image | None


def searches(dataset: Dataset) -> QuerySet[DatasetReport]:
    """Newest first."""
    return DatasetReport.objects.filter(dataset=dataset, kind=SEARCH).select_related("created_by")


def unfinished_searches(dataset: Dataset) -> list[Job]:
    """Searches that wait, run, or were cancelled or failed and can go on."""
    jobs = Job.objects.filter(kind=SEARCH, parameters__dataset_id=str(dataset.pk))
    return list(jobs.exclude(state=Job.State.SUCCEEDED).order_by("-created_at")[:5])


def read_pairs(report: DatasetReport, *, show: str = "") -> list[Pair]:
    """Pairs with the finding `show` (of `pairs.FILTERS`), in the order of the report; [] when its file is lost."""
    path = find_report_file(report, PAIRS)
    if path is None:
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [pair for pair in _read(file) if not show or show in pair.findings]


def _read(file: Iterator[str]) -> Iterator[Pair]:
    return (Pair.from_row(row) for row in csv.DictReader(file))


def with_images(report: DatasetReport, pairs: Sequence[Pair]) -> list[ShownPair]:
    """The images of some pairs, in one query."""
    wanted = {(report.dataset_id, pair.first) for pair in pairs}
    wanted |= {(uuid.UUID(pair.dataset), pair.second) for pair in pairs}
    condition = Q(pk__in=[])
    for dataset_id in {pk for pk, _ in wanted}:
        hashes = [sha256 for pk, sha256 in wanted if pk == dataset_id]
        condition |= Q(dataset=dataset_id, pixel_sha256__in=hashes)
    images = {
        (one.dataset_id, one.pixel_sha256): one for one in Image.objects.filter(condition).select_related("dataset")
    }
    return [
        ShownPair(
            pair=pair,
            first=images.get((report.dataset_id, pair.first)),
            second=images.get((uuid.UUID(pair.dataset), pair.second)),
        )
        for pair in pairs
    ]
