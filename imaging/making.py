"""Datasets that a job fills little by little, seen by nobody before they are whole.

Begun under its name, filled in short transactions, published in one once all is there; or discarded: from one moment to
the next nobody can go on with it, then its files and rows go in short transactions. On SQLite whoever writes waits for
each transaction, readers who answer among them: none takes longer for a larger dataset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from config.accounts.models import User
from config.projects.scope import all_projects_in_sight
from imaging import storage
from imaging.models import Dataset, Image
from imaging.reports import remove_report_files
from imaging.services import DatasetError, lock_pixel_files, remove_unreferenced_pixels, taken_dataset_name
from worker.models import Job
from worker.services import enqueue_job

REMOVE = "imaging.remove"
ROWS_AT_ONCE = 100  # that one transaction removes
KEPT_UNFINISHED = timedelta(days=7)  # after its job was cancelled or broken off, so that it can go on

State = Dataset.State


@dataclass(frozen=True)
class RemoveParameters:
    """All that was discarded: there is nothing to choose."""


@transaction.atomic
def add_images(*, dataset: Dataset, images: Sequence[Image]) -> bool:
    """Add unsaved records, some hundreds at a time. False, and nothing is added, when a pixel file is not there.

    Another job may have removed it as unused before these records needed it: store it again, and repeat. The records
    keep it from then on. Raises DatasetError when the dataset was discarded or published meanwhile.
    """
    lock_pixel_files()
    if not Dataset.everything.filter(pk=dataset.pk, state=State.MAKING).exists():
        raise DatasetError(_gone(dataset))
    if not storage.have_pixels(image.pixel_sha256 for image in images):
        return False
    for image in images:
        image.dataset = dataset
    Image.everything.bulk_create(images)
    return True


@transaction.atomic
def claim_name(*, dataset: Dataset, name: str) -> None:
    """Give an unfinished dataset its name back. Raises DatasetError when somebody else has it by now."""
    if dataset.name != name:
        dataset.name = taken_dataset_name(name)
        dataset.save(update_fields=["name"])


def check_whole(*, dataset: Dataset, counts: Mapping[str, int]) -> None:
    """Raises DatasetError unless an unfinished dataset has `counts` images of each class, and no others.

    To be asked before `publish_dataset` and not in its transaction, which would last longer the larger the dataset: its
    job alone adds to it, and nobody takes away from it without changing its state first.
    """
    found = dict(
        Image.everything.filter(dataset=dataset).order_by("label").values_list("label").annotate(n=Count("pk"))
    )
    wanted = {label: count for label, count in counts.items() if count}
    if found != wanted:
        raise DatasetError(
            f"“{dataset.name}” is not whole: it has {_in_words(found)}, wanted are {_in_words(wanted)}. Start it anew."
        )


def publish_dataset(*, dataset: Dataset, name: str) -> None:
    """Show a dataset that is whole to everybody under `name`, from the end of the transaction.

    Raises DatasetError when the name was taken or the dataset was discarded meanwhile.
    """
    try:
        with transaction.atomic():
            locked = Dataset.everything.select_for_update().get(pk=dataset.pk)
            claim_name(dataset=locked, name=name)
            if locked.state != State.MAKING:
                raise DatasetError(_gone(dataset))
            locked.state, locked.created_at = State.READY, timezone.now()
            locked.save(update_fields=["state", "created_at"])
    except IntegrityError as error:
        raise DatasetError(f"There is a dataset called “{name}” by now. Start it anew under another name.") from error
    dataset.refresh_from_db()


def unfinished_dataset(job: Job) -> Dataset | None:
    """What `job` has made so far and not published."""
    return Dataset.everything.filter(made_by=job, state=State.MAKING).first()


@transaction.atomic
def discard_dataset(*, dataset: Dataset, by_its_job: bool = False) -> None:
    """Let go of an unfinished dataset: its job, resumed, begins anew. `remove_discarded` takes it off the disk.

    Only its own job may do so while it runs; else DatasetError is raised.
    """
    job = Job.objects.select_for_update().filter(made_dataset=dataset).first()
    if job is not None and job.is_active and not by_its_job:
        raise DatasetError(f"“{dataset.name}” is being made just now. Cancel the job “{job.title}” first.")
    Dataset.everything.filter(pk=dataset.pk, state=State.MAKING).update(
        state=State.REMOVING, made_by=None, name=f"discarded {dataset.pk}"
    )


@all_projects_in_sight()
def discard_abandoned() -> int:
    """Let go of what no job has gone on with for KEPT_UNFINISHED; returns how many datasets."""
    abandoned = Dataset.anywhere.filter(
        state=State.MAKING, made_by__state__in=Job.FINAL, made_by__finished_at__lt=timezone.now() - KEPT_UNFINISHED
    )
    discarded = 0
    for dataset in abandoned:
        try:
            discard_dataset(dataset=dataset)
        except DatasetError:  # resumed this very moment
            continue
        discarded += 1
    return discarded


@all_projects_in_sight()
def remove_discarded() -> int:
    """Remove files and rows of all discarded datasets, some hundreds at a time; returns how many images.

    May be killed and run again at any time, also by several processes: a row goes after its file, the dataset last.
    """
    removed = 0
    for dataset in Dataset.anywhere.filter(state=State.REMOVING):
        images = Image.anywhere.filter(dataset=dataset).order_by("pk")
        while rows := list(images.values_list("pk", "pixel_sha256")[:ROWS_AT_ONCE]):
            remove_unreferenced_pixels(sha256 for _, sha256 in rows)
            with transaction.atomic():
                removed += Image.anywhere.filter(pk__in=[pk for pk, _ in rows]).delete()[0]
        reports = list(dataset.reports.values_list("pk", flat=True))
        quarantined = list(dataset.quarantined.values_list("pixel_sha256", flat=True))
        dataset.delete()
        remove_report_files(reports)
        remove_unreferenced_pixels(quarantined)
    return removed


@transaction.atomic
def start_removal(*, created_by: User | None) -> Job:
    """Queue the removal of what was discarded: tens of thousands of files take longer than a page may."""
    return enqueue_job(
        kind=REMOVE, parameters=RemoveParameters(), title="Remove discarded images", created_by=created_by
    )


def _gone(dataset: Dataset) -> str:
    return f"“{dataset.name}” is no longer being made: it was discarded. Start it anew."


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in sorted(counts.items())) or "no images"
