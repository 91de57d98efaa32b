"""Verbs that write datasets and images, and the one that starts an import."""

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from config.accounts.models import User
from config.projects.scope import all_projects_in_sight
from imaging import staging, storage
from imaging.intake.parameters import KIND, ImportParameters
from imaging.models import Dataset, Fingerprint, Image, QuarantinedImage
from imaging.reports import remove_report_files
from imaging.splitting import SPLITS, assign_splits
from worker.compute.settings import MAX_SEED
from worker.models import Job
from worker.services import enqueue_job

_PIXEL_LOCK = 0x7472_7078  # an arbitrary number of our own: the advisory lock on the pixel files (PostgreSQL)


class DatasetError(ValueError):
    """A change that a dataset does not allow; its text says why and what to do."""


@transaction.atomic
def create_synthetic_dataset(
    *,
    name: str,
    description: str,
    created_by: User | None,
    is_phantom: bool = False,
    licence: str = "",
    citation: str = "",
) -> Dataset:
    """An empty dataset for generated images. Raises DatasetError when the name is taken or empty."""
    return create_dataset(
        name=name,
        origin=Dataset.Origin.SYNTHETIC,
        description=description,
        licence=licence,
        citation=citation,
        created_by=created_by,
        is_phantom=is_phantom,
    )


@transaction.atomic
def create_dataset(
    *,
    name: str,
    origin: str,
    created_by: User | None,
    description: str = "",
    licence: str = "",
    citation: str = "",
    is_phantom: bool = False,
    pk: uuid.UUID | None = None,
    made_by: Job | None = None,
) -> Dataset:
    """An empty dataset; with `made_by` one that nobody sees before that job publishes it (see `imaging.making`).

    Raises DatasetError when the name is taken, empty or longer than 200 characters.
    """
    return Dataset.objects.create(
        pk=pk or uuid.uuid4(),
        state=Dataset.State.READY if made_by is None else Dataset.State.MAKING,
        made_by=made_by,
        name=taken_dataset_name(name),
        origin=origin,
        description=description,
        licence=licence,
        citation=citation,
        is_phantom=is_phantom,
        created_by=created_by,
    )


def checked_dataset_name(name: str) -> str:
    """`name` without blanks around it. Raises DatasetError when it is taken, empty, too long or not all to be seen.

    Taken is also the name of a dataset that a waiting or running job makes; one whose job has ended gives it up.
    """
    name = name.strip()
    if not name:
        raise DatasetError("The dataset needs a name.")
    if len(name) > 200:
        raise DatasetError(f"The name has {len(name)} characters; 200 are allowed.")
    if not name.isprintable():
        raise DatasetError("The name has a character that cannot be seen, such as a line break. Write it anew.")
    holder = Dataset.everything.select_related("made_by").filter(name=name).first()
    if holder is not None and holder.state == Dataset.State.READY:
        raise DatasetError(f"There is a dataset called “{name}” already. Choose another name.")
    if holder is not None and holder.state == Dataset.State.DELETED:
        raise DatasetError(
            f"A dataset called “{name}” was deleted and can still be restored. Choose another name, or remove that one "
            "for good under “Deleted datasets”."
        )
    if holder is not None and holder.made_by is not None and holder.made_by.is_active:
        raise DatasetError(
            f"A dataset called “{name}” is being made just now, by the job “{holder.made_by.title}”. Choose another "
            "name, or cancel that job first."
        )
    return name


def taken_dataset_name(name: str) -> str:
    """`name` checked, and free from now until the end of the transaction. Raises DatasetError as above."""
    name = checked_dataset_name(name)
    unfinished = Dataset.everything.filter(name=name, state=Dataset.State.MAKING, made_by__state__in=Job.FINAL).first()
    if unfinished is not None:  # it takes its name back when it goes on, if it is free then
        unfinished.name = f"unfinished {unfinished.pk}"
        unfinished.save(update_fields=["name"])
    return name


@transaction.atomic
def add_image(
    *, dataset: Dataset, pixels: np.ndarray, label: str, provenance: dict[str, Any] | None = None, **metadata: Any
) -> tuple[Image, bool]:
    """Store `pixels` (uint8 or uint16, shape (H, W)) as an image of `dataset`.

    `metadata`: other fields of Image (age_years, sex, view_position, split, ...). Returns the image and whether it is
    new; False means that the dataset had these very pixels already, and nothing was changed.
    Raises DatasetError when the dataset is frozen, ValueError for pixels or a label that cannot be stored.
    """
    if not label.strip():
        raise ValueError("An image needs a label")
    _refuse_frozen(dataset)
    lock_pixel_files()
    stored = storage.store_pixels(pixels)
    return Image.objects.get_or_create(
        dataset=dataset,
        pixel_sha256=stored.sha256,
        defaults={
            "width": stored.width,
            "height": stored.height,
            "bit_depth": stored.bit_depth,
            "label": label,
            "provenance": provenance or {},
            **metadata,
        },
    )


def plan_splits(*, dataset: Dataset, shares: Mapping[str, float], seed: int, keep_test: bool) -> dict[uuid.UUID, str]:
    """Image id -> split, as `split_dataset` would write it. Raises DatasetError and ValueError as it does."""
    images = dataset.images.order_by("pixel_sha256")
    if keep_test:
        _check_kept_test_set(dataset, shares)
        images = images.exclude(split=Image.Split.TEST)
    rows = list(images.values_list("pk", "label", "patient_pseudonym", "pixel_sha256"))
    if not rows:
        raise DatasetError(f"“{dataset.name}” has no image to split.")
    splits = assign_splits(
        [label for _, label, _, _ in rows],
        [patient or f"image {sha256}" for _, _, patient, sha256 in rows],  # not known: counts as a patient of its own
        shares=shares,
        seed=seed,
    )
    return {row[0]: split for row, split in zip(rows, splits, strict=True)}


def _check_kept_test_set(dataset: Dataset, shares: Mapping[str, float]) -> None:
    tested = dataset.images.filter(split=Image.Split.TEST)
    if not tested.exists():
        raise DatasetError(f"“{dataset.name}” has no test images to keep. Give the test set a share instead.")
    if shares.get("test"):
        raise DatasetError("The test images stay as they are: the share of the test set must be 0.")
    patients = tested.exclude(patient_pseudonym="").order_by().values("patient_pseudonym")
    others = dataset.images.exclude(split=Image.Split.TEST).filter(patient_pseudonym__in=patients)
    both = others.order_by().values("patient_pseudonym").distinct().count()
    if both:
        raise DatasetError(
            f"{both} patient{'s have' if both > 1 else ' has'} images inside and outside the test set. "
            "Split all images anew, the test set with them."
        )


@transaction.atomic
def split_dataset(*, dataset: Dataset, shares: Mapping[str, float], seed: int, keep_test: bool = False) -> None:
    """Say of each image whether it trains, tunes or tests: stratified by class, all images of a patient in one split.

    `shares` ("train", "tune", "test") add up to 1. With `keep_test` the images that are test images stay so, and the
    others are shared out among train and tune. May be repeated until the dataset is first used. Raises DatasetError
    when it is frozen, empty or cannot be split so; ValueError for shares or a seed that make no sense.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to {MAX_SEED}")
    _refuse_frozen(dataset)
    planned = plan_splits(dataset=dataset, shares=shares, seed=seed, keep_test=keep_test)
    for split in SPLITS:
        chosen = [pk for pk, wanted in planned.items() if wanted == split]
        for start in range(0, len(chosen), 500):
            Image.objects.filter(pk__in=chosen[start : start + 500]).update(split=split)
    dataset.split_record = {"shares": dict(shares), "seed": seed, "keep_test": keep_test}
    dataset.save(update_fields=["split_record"])


@transaction.atomic
def freeze_dataset(*, dataset: Dataset) -> None:
    """From now on nothing is added to `dataset` or taken away. Freezing again keeps the first date.

    Raises DatasetError when it is not whole yet, deleted, or gone.
    """
    if not Dataset.objects.filter(pk=dataset.pk).exists():
        raise DatasetError(
            f"There is no dataset “{dataset.name}”, or it is deleted or still being made. Choose another one."
        )
    Dataset.objects.filter(pk=dataset.pk, frozen_at=None).update(frozen_at=timezone.now())
    dataset.refresh_from_db(fields=["frozen_at"])


@transaction.atomic
def delete_dataset(*, dataset: Dataset) -> None:
    """Remove a dataset, its images, quarantine and reports, and the pixel files that no other dataset has.

    Raises DatasetError, naming the users, when a study or a training run uses it.
    """
    hashes = list(Image.everything.filter(dataset=dataset).values_list("pixel_sha256", flat=True))
    hashes += dataset.quarantined.values_list("pixel_sha256", flat=True)
    reports = list(dataset.reports.values_list("pk", flat=True))
    try:
        with transaction.atomic():
            dataset.delete()
    except ProtectedError as error:
        raise DatasetError(
            f"The dataset “{dataset.name}” cannot be deleted: it is used by {_users_in_words(error)}. "
            "Delete those first; a dataset stays as long as results rest on it."
        ) from error
    transaction.on_commit(lambda: remove_unreferenced_pixels(hashes))
    transaction.on_commit(lambda: remove_report_files(reports))


def lock_pixel_files(*, exclusive: bool = False) -> None:
    """Until the end of the transaction no pixel file is removed (or, exclusive: nobody relies on one being there).

    Without it, one process could see a file that is stored already while another, whose import has failed, removes it.
    SQLite needs nothing: transactions that write follow one another there.
    """
    if connection.vendor == "postgresql":
        function = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [_PIXEL_LOCK])


@all_projects_in_sight()
def remove_unreferenced_pixels(hashes: Iterable[str]) -> int:
    """Remove those of the pixel files that no image, in quarantine or not, needs any more; returns how many."""
    candidates = sorted(set(hashes))
    removed = 0
    for start in range(0, len(candidates), 500):
        chunk = candidates[start : start + 500]
        with transaction.atomic():
            lock_pixel_files(exclusive=True)
            needing = Image.anywhere.exclude(dataset__state=Dataset.State.REMOVING)
            kept = set(needing.filter(pixel_sha256__in=chunk).values_list("pixel_sha256", flat=True))
            waiting = QuarantinedImage.anywhere.filter(pixel_sha256__in=chunk)
            kept |= set(waiting.values_list("pixel_sha256", flat=True))
            unused = [sha256 for sha256 in chunk if sha256 not in kept and storage.has_pixels(sha256)]
            storage.delete_pixels(unused)
            Fingerprint.objects.filter(pixel_sha256__in=[sha256 for sha256 in chunk if sha256 not in kept]).delete()
            removed += len(unused)
    return removed


@all_projects_in_sight()
def sweep_pixel_files() -> int:
    """Remove every pixel file that no image record needs, and writes that never ended; returns how many files.

    Such files are left when a process is killed and its job is then cancelled, so that no attempt comes after. Safe
    while imports run: they store again what is taken from under them.
    """
    active = {str(pk) for pk in Job.anywhere.filter(state__in=Job.ACTIVE).values_list("pk", flat=True)}
    removed = remove_unreferenced_pixels(storage.stored_hashes())
    return removed + storage.delete_stale_incoming() + staging.clear_forgotten(active)


def _refuse_frozen(dataset: Dataset) -> None:
    """Holds the dataset's row until the end of the transaction, so that it cannot be frozen in between."""
    frozen_at = Dataset.objects.select_for_update().values_list("frozen_at", flat=True).get(pk=dataset.pk)
    if frozen_at is not None:
        raise DatasetError(
            f"The dataset “{dataset.name}” is frozen since {frozen_at:%Y-%m-%d %H:%M} because a study or a training "
            "run uses it. Import the images as a new dataset."
        )


def _users_in_words(error: ProtectedError) -> str:
    named = {
        f"{item._meta.verbose_name} “{item}”"
        for item in error.protected_objects
        if type(item).__str__ is not models.Model.__str__  # else only a number, which tells nobody anything
    }
    words = sorted(named or {f"a {item._meta.verbose_name}" for item in error.protected_objects})
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return ", ".join(words[:5]) + more


@transaction.atomic
def start_import(
    *,
    source: Path,
    dataset_name: str,
    skip_bad: bool = False,
    licence: str = "",
    citation: str = "",
    description: str = "",
    is_phantom: bool = False,
    created_by: User | None,
    delete_source: bool = False,
    source_name: str = "",
    origin: str = Dataset.Origin.REAL,
    made_with: str = "",
    label_names: str = "",
    **choices: Any,
) -> Job:
    """Queue the import of a ZIP archive, an NPZ or a folder (a path on the server) as a new dataset.

    With `origin` synthetic, `made_with` says which program, model or group made the images. The job's result is
    `intake.report.Report.as_result`. `delete_source` removes the source once it is imported. `choices`: how the
    pictures are prepared, the fields of `intake.preparing.Choices`, and what folders mean (see ImportParameters).
    Raises DatasetError when the name cannot be used, ValueError when there is no such file.
    """
    if not source.exists():
        raise ValueError(f"There is no file or folder {source}")
    name = checked_dataset_name(dataset_name)
    parameters = ImportParameters(
        source=str(source.resolve()),
        source_name=source_name,
        dataset_name=name,
        skip_bad=skip_bad,
        licence=licence,
        citation=citation,
        description=description,
        is_phantom=is_phantom,
        delete_source=delete_source,
        origin=origin,
        made_with=made_with.strip(),
        label_names=label_names,
        created_by_id=created_by.pk if created_by is not None else None,
        **choices,
    )
    return enqueue_job(kind=KIND, parameters=parameters, title=f"Import “{name}”", created_by=created_by)


def retry_import(*, job: Job, skip_bad: bool, created_by: User | None, dataset_name: str = "") -> Job:
    """Import the same source again, without another upload, under the same name unless another one is given.

    Raises ValueError when the source is no longer there or the first import has not failed; DatasetError as
    `start_import`.
    """
    if job.kind != KIND or job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        raise ValueError("Only an import that was refused or cancelled can be tried again.")
    source = Path(job.parameters["source"])
    if not source.exists():
        raise ValueError("The uploaded file is no longer on the server. Upload it again.")
    same = ("source_name", "licence", "citation", "description", "is_phantom", "delete_source", "origin", "made_with",
            "label_names", "window", "bits", "size", "fit", "folders",
            "one_class")  # fmt: skip
    return start_import(
        source=source,
        dataset_name=dataset_name or job.parameters["dataset_name"],
        skip_bad=skip_bad,
        created_by=created_by,
        **{key: job.parameters[key] for key in same if key in job.parameters},
    )
