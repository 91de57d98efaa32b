"""Opening freezes a study and makes what readers will see; closing ends the reading. Neither can be undone."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from config.accounts.models import User
from imaging.models import Dataset, Image
from imaging.rendering import render_square
from imaging.selectors import filter_images
from imaging.services import freeze_dataset
from imaging.storage import load_pixels
from turing import stimuli
from turing.audit.records import RowRecord, describe_row
from turing.audit.services import record_event
from turing.blinding import DEFAULT_ALPHA
from turing.drawing import DrawnImage, draw_images
from turing.errors import LeaksFound, StudyError
from turing.models import LeakReport, Study, Trial, TrialTruth
from turing.protocol import ManifestEntry, document_sha256, manifest_document, protocol_document
from turing.services.leaks import audit_as_reader
from turing.services.studies import lock_study

logger = logging.getLogger(__name__)

MAX_REASON = 1000  # characters
SHOWN_OF_IMAGE = ("dataset_id", "pixel_sha256", "label")  # not who the patient is: the chain forgets nothing


def open_study(*, study: Study, by: User | None, override_reason: str = "") -> Study:
    """Draw the images, render each one, freeze protocol and datasets, audit what readers would receive for leaks, and
    let readers in. All of it or nothing.

    `override_reason`: opens a study that the leak audit blocks; kept, recorded, and printed with the results.

    Raises LeaksFound, with the report, when the audit blocks and no reason is given: nothing is changed then, and the
    attempt is recorded. Raises StudyError when the study is not a draft, when there are not enough images, or when an
    image would be shown twice (same pixels, also after rendering).
    """
    override_reason = override_reason.strip()
    if len(override_reason) > MAX_REASON:
        raise StudyError(f"The reason has {len(override_reason)} characters: at most {MAX_REASON} are possible.")
    try:
        with _files_removed_on_failure() as saved, transaction.atomic():
            locked = lock_study(study.pk)
            records = _freeze(locked, by=by, saved=saved)
            report = _audited(locked, override_reason)
            _record_opening(locked, by=by, written=[*records, report])
    except LeaksFound as refusal:
        with transaction.atomic():
            details = {"limit": study.leak_limit, "reasons": refusal.report["reasons"]}
            record_event(action="study.opening_blocked", about=study, by=by, details=details)
        raise
    study.refresh_from_db()
    return study


def audit_blinding(*, study: Study) -> dict[str, Any]:
    """The report of the leak audit as it would be now: for a draft that of opening it, without opening it. Changes
    nothing. Raises StudyError for a closed study, and as `open_study`.
    """
    if study.status == Study.Status.CLOSED:
        raise StudyError(f"“{study}” is closed: nothing is sent to readers any more. Its page shows the audit it had.")
    saved: list[str] = []
    try:
        with transaction.atomic():
            locked = lock_study(study.pk)
            if locked.status == Study.Status.DRAFT:
                _freeze(locked, by=None, saved=saved)
            report = audit_as_reader(locked)
            transaction.set_rollback(True)
    finally:
        _remove_files(saved)
    return report


def _audited(study: Study, override_reason: str) -> LeakReport:
    report = audit_as_reader(study)
    if report["blocked"] and not override_reason:
        raise LeaksFound(
            f"“{study}” was not opened: its images can be told apart without looking at them. "
            + " ".join(report["reasons"])
            + " Mend this and open it again, or give a written reason for opening it all the same.",
            report,
        )
    return LeakReport.objects.create(
        study=study,
        report=report,
        blocked=report["blocked"],
        override_reason=override_reason if report["blocked"] else "",
    )


def _freeze(study: Study, *, by: User | None, saved: list[str]) -> list[Model | RowRecord]:
    """Makes a locked draft an open study, as if there were no leak audit; the rows it wrote, for the audit chain."""
    if study.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” cannot be opened: it is {study.get_status_display().lower()} already.")
    for dataset in (study.real_dataset, study.synthetic_dataset):
        freeze_dataset(dataset=dataset)  # first, so that the candidates stay those that are drawn from
    real = _candidates(study.real_dataset, study.real_filters)
    synthetic = _candidates(study.synthetic_dataset, study.synthetic_filters)
    drawn = draw_images(
        real=real, synthetic=synthetic, n_real=study.n_real, n_synthetic=study.n_synthetic, seed=study.seed
    )
    images = Image.objects.in_bulk(
        [(real if image.origin == "real" else synthetic)[image.pixel_sha256] for image in drawn]
    )
    by_hash = {image.pixel_sha256: image for image in images.values()}
    entries = _make_trials(study, drawn, by_hash, saved)

    study.protocol = protocol_document(
        study_id=str(study.pk),
        name=study.name,
        question=study.question,
        instructions=study.instructions,
        positive_class=study.positive_class,
        real=_side(study.real_dataset, study.real_filters, len(real), study.n_real),
        synthetic=_side(study.synthetic_dataset, study.synthetic_filters, len(synthetic), study.n_synthetic),
        seed=study.seed,
        image_size=study.image_size,
        is_example=study.is_example,
        leak_limit=study.leak_limit,
        leak_alpha=DEFAULT_ALPHA,
    )
    study.protocol_sha256 = document_sha256(study.protocol)
    study.manifest_sha256 = document_sha256(
        manifest_document(study_id=str(study.pk), image_size=study.image_size, entries=entries)
    )
    study.status = Study.Status.OPEN
    study.opened_at = timezone.now()
    study.opened_by = by
    study.save()
    truths = TrialTruth.objects.filter(trial__study=study).select_related("trial", "image").order_by("trial__position")
    sources = [describe_row(truth.image, only=SHOWN_OF_IMAGE) for truth in truths]
    return [study, *(truth.trial for truth in truths), *truths, *sources]


@transaction.atomic
def close_study(*, study: Study, by: User | None) -> Study:
    """End the reading: no more answers, results can be seen. Raises StudyError unless the study is open."""
    locked = lock_study(study.pk)
    if locked.status != Study.Status.OPEN:
        raise StudyError(f"“{study}” cannot be closed: it is {locked.get_status_display().lower()}, not open.")
    # wait for answers that are being stored, and let none in after this (see turing.reading.services)
    list(locked.sessions.select_for_update().order_by("pk").values_list("pk"))
    locked.status = Study.Status.CLOSED
    locked.closed_at = timezone.now()
    locked.closed_by = by
    locked.save(update_fields=["status", "closed_at", "closed_by"])
    record_event(action="study.closed", about=locked, by=by, written=[locked])
    study.refresh_from_db()
    return study


def _record_opening(study: Study, *, by: User | None, written: list[Model | RowRecord]) -> None:
    """The frozen study with everything its two hashes are of, so that a later change can be named, not only seen."""
    record_event(action="study.opened", about=study, by=by, written=written)
    if study.leak_report.blocked:
        details = {"reason": study.leak_report.override_reason, "leaks": study.leak_report.report["reasons"]}
        record_event(action="study.leaks_overridden", about=study, by=by, details=details)


def _candidates(dataset: Dataset, filters: dict[str, Any]) -> dict[str, Any]:
    """Image ids by pixel hash."""
    try:
        pairs = filter_images(dataset, filters).values_list("pixel_sha256", "pk")
    except ValueError as error:
        raise StudyError(f"Filters on “{dataset}”: {error}") from error
    return dict(pairs)


def _side(dataset: Dataset, filters: dict[str, Any], n_candidates: int, n_drawn: int) -> dict[str, Any]:
    return {
        "dataset": str(dataset.pk),
        "dataset_name": dataset.name,
        "filters": filters,
        "candidates": n_candidates,
        "drawn": n_drawn,
    }


def _make_trials(
    study: Study, drawn: list[DrawnImage], images: dict[str, Image], saved: list[str]
) -> list[ManifestEntry]:
    trials, truths, entries = [], [], []
    shown: dict[str, str] = {}  # stimulus hash -> pixel hash
    for item in drawn:
        image = images[item.pixel_sha256]
        pixels = render_square(load_pixels(image), study.image_size).tobytes()
        digest = stimuli.stimulus_sha256(pixels)
        if digest in shown:
            raise StudyError(
                f"Images {shown[digest][:12]} and {item.pixel_sha256[:12]} look exactly the same "
                f"at {study.image_size} px. Remove one of them from its dataset, or choose another seed or image size."
            )
        shown[digest] = item.pixel_sha256
        saved.append(stimuli.save_stimulus(pixels))
        trial = Trial(study=study, position=item.position, stimulus_file=saved[-1], stimulus_sha256=digest)
        trials.append(trial)
        truths.append(TrialTruth(trial=trial, origin=item.origin, label=image.label, image=image))
        entries.append(
            ManifestEntry(
                position=item.position,
                origin=item.origin,
                label=image.label,
                pixel_sha256=item.pixel_sha256,
                stimulus_sha256=digest,
            )
        )
    Trial.objects.bulk_create(trials)
    for truth in truths:
        truth.trial_id = truth.trial.pk
    TrialTruth.objects.bulk_create(truths)
    return entries


@contextmanager
def _files_removed_on_failure() -> Iterator[list[str]]:
    """Collects names of saved stimuli, and deletes them when the block (with its transaction) fails."""
    saved: list[str] = []
    try:
        yield saved
    except BaseException:
        _remove_files(saved)
        raise


def _remove_files(names: list[str]) -> None:
    for name in names:
        try:
            stimuli.delete_stimulus(name)
        except OSError:  # what brought us here matters more
            logger.exception("Stimulus file %s could not be removed", name)
