"""The jobs: perceptual hashes of what has none yet; all duplicates of a dataset, as a report.

Both go on where they were after a cancel or a crash: hashes are kept as they are computed, and comparing is quick.
"""

import csv
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from imaging.duplicates.fingerprints import compute_fingerprints, dataset_fingerprints, missing_fingerprints
from imaging.duplicates.matching import Near, near_pairs, pack_hashes
from imaging.duplicates.pairs import COLUMNS, PAIRS, Pair, describe_pair, summary_of
from imaging.duplicates.parameters import SEARCH, FingerprintParameters, SearchParameters
from imaging.duplicates.services import dataset_ids
from imaging.models import Dataset, DatasetReport, Image
from imaging.reports import record_report, remove_report_files, report_folder
from worker.models import Job
from worker.registry import JobContext, JobError

KEPT = 20_000  # pairs of one report, the most alike first; the counts are of all


def run_fingerprints(context: JobContext, parameters: FingerprintParameters) -> dict[str, Any]:
    wanted = (
        [uuid.UUID(parameters.dataset_id)] if parameters.dataset_id else Dataset.objects.values_list("pk", flat=True)
    )
    return _compute(context, list(wanted))


def run_search(context: JobContext, parameters: SearchParameters) -> dict[str, Any]:
    """Raises JobError when a dataset is gone."""
    report_id = uuid.UUID(context.job_id)
    if DatasetReport.objects.filter(pk=report_id).exists():  # killed between the last transaction and the verdict
        return {"report_id": str(report_id)}
    computed = _compute(context, dataset_ids(parameters))
    sets = [_read_set(pk) for pk in dataset_ids(parameters)]
    found = _Found()
    comparisons = [(sets[0], other) for other in sets]
    rows_in_all = sum(len(first.hashes) for first, _ in comparisons)
    done = 0
    for first, second in comparisons:
        other = None if second is first else second
        for rows, near in near_pairs(first.words, other.words if other else None, limit=parameters.limit):
            found.add(first, second, near)
            context.raise_if_stopped()
            context.progress(done + rows, rows_in_all, "images", f"Comparing with “{second.dataset.name}”")
        done += len(first.hashes)
    values = {
        "limit": parameters.limit,
        "datasets": [
            {"id": str(one.dataset.pk), "name": one.dataset.name, "images": one.images, "compared": len(one.hashes)}
            for one in sets
        ],
        "unreadable": computed["unreadable"],
        "counts": dict(found.counts),
        "kept": min(KEPT, found.counts["pairs"]),
    }
    values["summary"] = summary_of(values)
    _record(context, report_id, sets[0].dataset, values, found.nearest())
    return {"report_id": str(report_id), **values["counts"]}


def _compute(context: JobContext, ids: list[uuid.UUID]) -> dict[str, Any]:
    missing = missing_fingerprints(ids)

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Looking at the images")

    computed = asdict(compute_fingerprints(missing, step=step))
    if computed["unreadable"]:
        context.log(f"{computed['unreadable']} images cannot be read from the disk and are left out", level="warning")
    return computed


@dataclass(frozen=True, kw_only=True, eq=False)
class _Set:
    """What is compared of one dataset, images in the order of their pixel hashes."""

    dataset: Dataset
    images: int
    hashes: list[str]
    words: np.ndarray
    labels: list[str]
    splits: list[str]
    patients: list[str]


def _read_set(pk: uuid.UUID) -> _Set:
    dataset = Dataset.objects.filter(pk=pk).first()
    if dataset is None:
        raise JobError("A dataset that was to be compared is no longer there. Start the search again without it.")
    known = dataset_fingerprints(pk)
    rows = Image.objects.filter(dataset=pk).order_by("pixel_sha256")
    columns = list(rows.values_list("pixel_sha256", "label", "split", "patient_pseudonym"))
    compared = [row for row in columns if row[0] in known]
    hashes, labels, splits, patients = map(list, zip(*compared, strict=True)) if compared else ([], [], [], [])
    return _Set(
        dataset=dataset,
        images=len(columns),
        hashes=hashes,
        words=pack_hashes([known[sha256] for sha256 in hashes]),
        labels=labels,
        splits=splits,
        patients=patients,
    )


@dataclass
class _Found:
    """Counts of all pairs, and the pairs that are most alike, in bounded memory."""

    counts: Counter[str] = field(default_factory=Counter)
    pairs: list[Pair] = field(default_factory=list)

    def add(self, first: _Set, second: _Set, near: Near) -> None:
        for pair in _pairs(first, second, near):
            self.counts.update(["pairs", *pair.findings])
            self.pairs.append(pair)
            if len(self.pairs) >= 2 * KEPT:
                self.pairs = self.nearest()

    def nearest(self) -> list[Pair]:
        """Test images with training images first, then the most alike."""
        return sorted(self.pairs, key=_rank)[:KEPT]


def _rank(pair: Pair) -> tuple[Any, ...]:
    return not pair.is_test_train, not pair.is_exact, pair.distance, pair.first, pair.second


def _pairs(first: _Set, second: _Set, near: Near) -> Iterator[Pair]:
    for i, j, distance in zip(near.first.tolist(), near.second.tolist(), near.distance.tolist(), strict=True):
        yield describe_pair(
            distance=distance,
            first=(first.hashes[i], first.labels[i], first.splits[i], first.patients[i]),
            second=(second.hashes[j], second.labels[j], second.splits[j], second.patients[j]),
            dataset_id=str(second.dataset.pk),
        )


def _record(
    context: JobContext, report_id: uuid.UUID, dataset: Dataset, values: dict[str, Any], pairs: list[Pair]
) -> None:
    folder = report_folder(report_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with (folder / PAIRS).open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(pair.as_row() for pair in pairs)
            file.flush()
            os.fsync(file.fileno())
        with context.fenced():
            record_report(
                pk=report_id,
                dataset=dataset,
                kind=SEARCH,
                title=f"Duplicates of “{dataset.name}”",
                values=values,
                files=[PAIRS],
                created_by=Job.objects.select_related("created_by").get(pk=context.job_id).created_by,
            )
    except BaseException:
        if not DatasetReport.objects.filter(pk=report_id).exists():
            remove_report_files([report_id])
        raise
