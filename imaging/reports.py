"""Reports on datasets: their files, their record, and what a study's export takes along.

Investigators alone see them, and a study's export has them once the study is closed: they tell which images are which.
"""

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from config.accounts.models import User
from imaging.models import Dataset, DatasetReport


def report_folder(report_id: uuid.UUID | str) -> Path:
    """Under MEDIA_ROOT, reached through views alone."""
    return Path(settings.MEDIA_ROOT) / "dataset-reports" / str(report_id)


def find_report_file(report: DatasetReport, name: str) -> Path | None:
    """A file that belongs to the report, from inside its folder and nowhere else; None: there is none."""
    folder = report_folder(report.pk).resolve()
    path = (folder / name).resolve()
    return path if name in report.files and path.is_relative_to(folder) and path.is_file() else None


@transaction.atomic
def record_report(
    *,
    pk: uuid.UUID,
    dataset: Dataset,
    kind: str,
    title: str,
    values: dict[str, Any],
    files: Iterable[str],
    created_by: User | None,
) -> DatasetReport:
    """Keep a report whose files lie in its folder. Recording it again, after a crash, changes nothing.

    Raises ValueError for a file that is not there, or values without a "summary".
    """
    names = sorted(files)
    missing = [name for name in names if not (report_folder(pk) / name).is_file()]
    if missing:
        raise ValueError(f"The report's folder has no {', '.join(missing)}")
    if not isinstance(values.get("summary"), list):
        raise ValueError("values needs a summary: a list of sentences")
    report, _ = DatasetReport.objects.get_or_create(
        pk=pk,
        defaults={
            "dataset": dataset,
            "kind": kind,
            "title": title[:300],
            "values": values,
            "files": names,
            "created_by": created_by,
        },
    )
    return report


@transaction.atomic
def remove_dataset_report(*, report: DatasetReport) -> None:
    key = report.pk
    report.delete()
    transaction.on_commit(lambda: remove_report_files([key]))


def remove_report_files(report_ids: Iterable[uuid.UUID]) -> None:
    for report_id in report_ids:
        shutil.rmtree(report_folder(report_id), ignore_errors=True)


def newest_reports(dataset_ids: Iterable[uuid.UUID]) -> list[DatasetReport]:
    """The last report of each kind on each of these datasets, in the order of their names."""
    found: dict[tuple[uuid.UUID, str], DatasetReport] = {}
    reports = DatasetReport.objects.filter(dataset__in=list(dataset_ids)).select_related("dataset")
    for report in reports.order_by("created_at", "id"):
        found[report.dataset_id, report.kind] = report
    return sorted(found.values(), key=lambda report: (report.dataset.name, report.kind))
