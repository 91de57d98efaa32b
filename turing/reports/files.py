"""Where reports and uploaded answers lie: under MEDIA_ROOT, reached through views alone."""

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings

from config.projects.scope import all_projects_in_sight
from turing.models import AnswerTable, Report

PENDING_SECONDS = 24 * 3600  # an upload whose columns nobody has mapped by then is forgotten


def report_folder(report_id: UUID | str) -> Path:
    return Path(settings.MEDIA_ROOT) / "reports" / str(report_id)


def table_path(table_id: UUID | str) -> Path:
    return Path(settings.MEDIA_ROOT) / "answers" / f"{table_id}.csv"


def pending_path(token: UUID | str) -> Path:
    """Of an upload that is no record yet: its columns are still to be mapped."""
    return Path(settings.DATA_DIR) / "uploads" / f"{token}.answers"


def find_file(report: Report, name: str) -> Path | None:
    """A file that belongs to the report, from inside its folder and nowhere else; None: there is none."""
    folder = report_folder(report.pk).resolve()
    path = (folder / name).resolve()
    return path if name in report.files and path.is_relative_to(folder) and path.is_file() else None


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def remove_files(*, reports: Iterable[UUID], tables: Iterable[UUID] = ()) -> None:
    for report_id in reports:
        shutil.rmtree(report_folder(report_id), ignore_errors=True)
    for table_id in tables:
        table_path(table_id).unlink(missing_ok=True)


@all_projects_in_sight()
def sweep_files() -> None:
    """Remove what no row names (its report, table or owner is gone), and uploads that were never finished. Only what is
    a day old: a row may be about to be committed.
    """
    media = Path(settings.MEDIA_ROOT)
    reports = {str(key) for key in Report.anywhere.values_list("pk", flat=True)}
    for folder in (media / "reports").glob("*"):
        if folder.name not in reports and _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
    tables = {str(key) for key in AnswerTable.anywhere.values_list("pk", flat=True)}
    for path in (media / "answers").glob("*.csv"):
        if path.stem not in tables and _is_old(path):
            path.unlink(missing_ok=True)
    for path in (Path(settings.DATA_DIR) / "uploads").glob("*.answers"):
        if _is_old(path):
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # somebody else swept it
        return time.time() - path.stat().st_mtime > PENDING_SECONDS
    return False
