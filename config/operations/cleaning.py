"""What nobody needs any more, of every kind, in one list; and its removal by the sweepers that each kind has.

Every kind says by itself what is too young to be judged: a row may be about to be committed that names the file.
"""

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Model, Q
from django.utils import timezone

from config.projects.scope import all_projects_in_sight
from generation.models import ForeignGenerator
from imaging.deleting import KEPT_DELETED, let_go_of_old
from imaging.making import KEPT_UNFINISHED, discard_abandoned, remove_discarded
from imaging.models import Dataset, DatasetReport, Image, QuarantinedImage
from imaging.resumable import remove_forgotten_parts
from imaging.services import sweep_pixel_files
from imaging.staging import FOLDER as STAGING
from imaging.staging import FORGOTTEN_SECONDS
from imaging.storage import INCOMING, local_path, pixel_name, stored_hashes
from imaging.uploads import KEPT_SECONDS, remove_forgotten_uploads, wanted_uploads
from turing import stimuli
from turing.models import AnswerTable, Report, Trial
from turing.reports.files import PENDING_SECONDS, sweep_files
from turing.services.sweeping import LONGEST_OPENING, sweep_stimuli
from worker.models import Job

HOUR, DAY = 3600, 24 * 3600
KEPT_JOB_FOLDERS = 7 * DAY  # since the last change in it
BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One thing that can go."""

    name: str  # of a file or folder below DATA_DIR; of a row its key
    path: Path | None = None
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    name: str
    words: str
    find: Callable[[], Iterator[Leftover]]
    remove: Callable[[list[Leftover]], Any]


Progress = Callable[[str, int, int], None]


@all_projects_in_sight()
def find_leftovers(*, progress: Progress) -> dict[str, list[Leftover]]:
    """By kind; removes nothing."""
    found = {}
    for done, cleaner in enumerate(CLEANERS):
        progress(f"Looking for {cleaner.words}", done, len(CLEANERS))
        found[cleaner.name] = list(cleaner.find())
    return found


@all_projects_in_sight()
def remove_leftovers(*, progress: Progress) -> dict[str, list[Leftover]]:
    """What is gone afterwards, by kind. Safe at any time: a kind's sweeper judges anew what it removes."""
    found = find_leftovers(progress=progress)  # of all kinds first: a sweeper may take what another kind has counted
    removed = {}
    for done, cleaner in enumerate(CLEANERS):
        progress(f"Removing {cleaner.words}", done, len(CLEANERS))
        here = found[cleaner.name]
        if here:
            cleaner.remove(here)
        removed[cleaner.name] = [one for one in here if one.path is None or not one.path.exists()]
    progress("Removed", len(CLEANERS), len(CLEANERS))
    return removed


def summary(found: dict[str, list[Leftover]]) -> dict[str, dict[str, int]]:
    return {name: {"number": len(each), "bytes": sum(one.bytes for one in each)} for name, each in found.items()}


def _datasets() -> Iterator[Leftover]:
    now = timezone.now()
    let_go = Q(state=Dataset.State.REMOVING) | Q(state=Dataset.State.DELETED, deleted_at__lt=now - KEPT_DELETED)
    abandoned = Q(
        state=Dataset.State.MAKING,
        made_by__state__in=Job.FINAL,
        made_by__finished_at__lt=now - KEPT_UNFINISHED,
    )
    for key in Dataset._base_manager.filter(let_go | abandoned).values_list("pk", flat=True):
        yield Leftover(name=str(key))


def _remove_datasets(_: list[Leftover]) -> None:
    discard_abandoned()
    let_go_of_old()
    remove_discarded()


def _images() -> Iterator[Leftover]:
    for hashes in _batches(stored_hashes()):
        needed: set[str] = set()
        for model in (Image, QuarantinedImage):
            rows = _rows(model).filter(pixel_sha256__in=hashes)
            needed |= set(rows.values_list("pixel_sha256", flat=True))
        for sha256 in hashes:
            if sha256 not in needed:
                yield _leftover(local_path(pixel_name(sha256)), pixel_name(sha256))
    yield from _old_children(local_path(INCOMING), HOUR)
    active = {str(key) for key in _rows(Job).filter(state__in=Job.ACTIVE).values_list("pk", flat=True)}
    yield from _old_children(local_path(STAGING), FORGOTTEN_SECONDS, known=active)


def _stimuli() -> Iterator[Leftover]:
    before = timezone.now() - LONGEST_OPENING
    old = (name for name in stimuli.stored_stimuli() if stimuli.made_at(name) <= before)
    for names in _batches(old):
        needed = {
            name
            for column in ("stimulus_file", "right_file")
            for name in _rows(Trial).filter(**{f"{column}__in": names}).values_list(column, flat=True)
        }
        for name in names:
            if name not in needed:
                yield _leftover(local_path(name), name)


def _uploads() -> Iterator[Leftover]:
    folder = Path(settings.DATA_DIR) / "uploads"
    wanted = wanted_uploads()
    for path in folder.glob("*.upload"):
        if str(path) not in wanted and _age(path) > KEPT_SECONDS:
            yield _leftover(path)
    for pattern, kept in (("*.part", KEPT_SECONDS), ("*.answers", PENDING_SECONDS)):
        for path in folder.glob(pattern):
            if _age(path) > kept:
                yield _leftover(path)
    yield from _old_children(Path(settings.FILE_UPLOAD_TEMP_DIR), DAY)


def _remove_uploads(found: list[Leftover]) -> None:
    remove_forgotten_uploads()
    remove_forgotten_parts()
    sweep_files()
    _remove_paths(one for one in found if one.path and one.path.parent == Path(settings.FILE_UPLOAD_TEMP_DIR))


def _reports() -> Iterator[Leftover]:
    media = Path(settings.MEDIA_ROOT)
    yield from _without_row(media / "reports", Report)
    yield from _without_row(media / "dataset-reports", DatasetReport)
    yield from _without_row(media / "answers", AnswerTable)


def _job_folders() -> Iterator[Leftover]:
    for one in _without_row(Path(settings.MEDIA_ROOT) / "jobs", Job):
        if one.path is not None and _last_change(one.path) > KEPT_JOB_FOLDERS:
            yield one


def _generators() -> Iterator[Leftover]:
    known = set(_rows(ForeignGenerator).values_list("sha256", flat=True))
    for one in _old_children(Path(settings.MEDIA_ROOT) / "generators", DAY):
        if one.path is not None and one.path.stem not in known:
            yield one


def _sessions() -> Iterator[Leftover]:
    """By number alone: the key of a session is a secret."""
    for number in range(Session.objects.filter(expire_date__lt=timezone.now()).count()):
        yield Leftover(name=str(number + 1))


def _remove_sessions(_: list[Leftover]) -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def _remove_paths(found: Iterable[Leftover]) -> None:
    for one in found:
        if one.path is not None and one.path.is_dir():
            shutil.rmtree(one.path, ignore_errors=True)
        elif one.path is not None:
            one.path.unlink(missing_ok=True)


def _remove_without_row(model: type[Model]) -> Callable[[list[Leftover]], None]:
    """Asks once more, right before: whose row has come meanwhile stays."""

    def remove(found: list[Leftover]) -> None:
        keys = [uuid.UUID(one.path.stem) for one in found if one.path is not None]
        known = {str(key) for key in _rows(model).filter(pk__in=keys).values_list("pk", flat=True)}
        _remove_paths(one for one in found if one.path is not None and one.path.stem not in known)

    return remove


def _remove_reports(found: list[Leftover]) -> None:
    sweep_files()
    of_datasets = [one for one in found if one.path is not None and one.path.parent.name == "dataset-reports"]
    _remove_without_row(DatasetReport)(of_datasets)


def _without_row(folder: Path, model: type[Model]) -> Iterator[Leftover]:
    """What is named after the key of a row that is not there, and older than a day."""
    for paths in _batches(path for path in _children(folder) if _is_key(path.stem) and _age(path) > DAY):
        keys = [uuid.UUID(path.stem) for path in paths]
        known = {str(key) for key in _rows(model).filter(pk__in=keys).values_list("pk", flat=True)}
        for path in paths:
            if path.stem not in known:
                yield _leftover(path)


def _old_children(folder: Path | None, seconds: float, known: Iterable[str] = ()) -> Iterator[Leftover]:
    kept = set(known)
    for path in _children(folder):
        if path.name not in kept and _age(path) > seconds:
            yield _leftover(path)


def _children(folder: Path | None) -> list[Path]:
    return sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []


def _leftover(path: Path | None, name: str = "") -> Leftover:
    if path is None:
        return Leftover(name=name)
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    data = Path(settings.DATA_DIR)
    shown = path.relative_to(data).as_posix() if path.is_relative_to(data) else path.name
    return Leftover(name=name or shown, path=path, bytes=sum(one.stat().st_size for one in files))


def _last_change(folder: Path) -> float:
    return min((_age(path) for path in (folder, *folder.rglob("*"))), default=0.0)


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:  # somebody else removed it
        return 0.0


def _is_key(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _rows(model: type[Model]) -> Any:
    """Deleted ones, too."""
    return model._base_manager.all()


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


CLEANERS = (
    Cleaner(name="datasets", words="datasets that were deleted", find=_datasets, remove=_remove_datasets),
    Cleaner(name="images", words="pictures of no dataset", find=_images, remove=lambda _: sweep_pixel_files()),
    Cleaner(name="stimuli", words="pictures of no study", find=_stimuli, remove=lambda _: sweep_stimuli()),
    Cleaner(name="uploads", words="uploads that were left", find=_uploads, remove=_remove_uploads),
    Cleaner(name="reports", words="files of reports without a record", find=_reports, remove=_remove_reports),
    Cleaner(
        name="job folders", words="folders of jobs without a record", find=_job_folders, remove=_remove_without_row(Job)
    ),
    Cleaner(name="generators", words="files of no generator", find=_generators, remove=_remove_paths),
    Cleaner(name="sessions", words="sessions that have expired", find=_sessions, remove=_remove_sessions),
)
