"""An import from start to end: check everything, store the pixels, then write all rows in one transaction.

Each file is read once; its pixels wait in a staging of the job. Pixel files that this import added to the stored ones
are written down in a journal first, so that whatever ends it (a refusal, a cancel, an error, a killed process and its
next attempt) can take back exactly those.
"""

import itertools
import json
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from django.db import IntegrityError

from config.accounts.models import User
from imaging import storage
from imaging.intake.checking import Candidate, examine
from imaging.intake.limits import LIMITS, Limits
from imaging.intake.parameters import ImportParameters
from imaging.intake.report import Report, SourceError, printable
from imaging.intake.sources import Source, open_source
from imaging.models import Dataset, Image, QuarantinedImage
from imaging.pseudonyms import patient_pseudonym, source_pseudonym
from imaging.services import (
    DatasetError,
    checked_dataset_name,
    create_dataset,
    lock_pixel_files,
    remove_unreferenced_pixels,
)
from imaging.staging import Staging
from worker.models import Job
from worker.registry import JobContext, JobError

_NAMESPACE = uuid.UUID("6f0c3f6c-8d1c-4b0e-9a70-2f6b5f1d0c55")  # of dataset ids; arbitrary, fixed


def run_import(context: JobContext, parameters: ImportParameters, *, limits: Limits = LIMITS) -> dict[str, Any]:
    """Import `parameters.source` as a new dataset; returns the report (see `Report.as_result`).

    All or nothing: any problem refuses the import, unless `skip_bad` is set and no problem is fatal. A refusal raises
    JobError after the report was stored as the job's result. May be run again after a crash at any point.
    """
    dataset_id = uuid.uuid5(_NAMESPACE, context.job_id)
    finished = context.directory / "report.json"
    staging = Staging(context.job_id, elsewhere=context.directory)
    if Dataset.objects.filter(pk=dataset_id).exists():  # an earlier attempt was killed after its last step
        staging.clear()
        return _done(parameters, json.loads(finished.read_text()))
    journal = _Journal(context.directory / "stored.txt")
    report = Report()
    try:
        checked_dataset_name(parameters.dataset_name)
        name = PurePath(parameters.shown_source).name
        with open_source(Path(parameters.source), limits, parameters.class_names, name=name) as source:
            candidates = _check(context, source, staging, limits, report, parameters)
            if report.problem_count and (not parameters.skip_bad or report.fatal_count):
                raise _RefusedError
            if not candidates:
                report.notes.append("No image is left to import.")
                raise _RefusedError
            _find_elsewhere(candidates, report)
            counts = dict(sorted(Counter(one.label for one in candidates if not one.waits).items()))
            result = report.as_result(dataset_id=str(dataset_id), counts=counts, skipped=bool(report.problem_count))
            _write_atomically(finished, json.dumps(result))
            _store(context, staging, candidates, journal, dataset_id, parameters, result)
    except BaseException as error:
        journal.take_back()
        if isinstance(error, SourceError):
            report.add_problem(error.about(printable(parameters.shown_source)))
        elif isinstance(error, DatasetError):
            raise JobError(str(error)) from error
        elif not isinstance(error, _RefusedError):
            raise
        result = report.as_result(dataset_id=None, counts={}, skipped=False)
        with context.fenced():
            Job.objects.filter(pk=context.job_id).update(result=result)
        raise ImportRefusedError(report, result) from error
    finally:
        staging.clear()
    return _done(parameters, result)


class _RefusedError(Exception):
    pass


class ImportRefusedError(JobError):
    """Nothing was imported. `result` is the report."""

    def __init__(self, report: Report, result: dict[str, Any]) -> None:
        self.result = result
        n = report.problem_count
        words = f"Nothing was imported: {n} problem{'s' if n != 1 else ''} found."
        for problem in report.problems[:1]:
            where = f"{problem.file}: " if problem.file else ""
            words += f" {'The first: ' if n > 1 else ''}{where}{problem.reason} {problem.fix}"
        if report.notes:
            words += f" {report.notes[-1]}"
        if n and not report.fatal_count:
            words += " Correct them and import again, or import again and skip the bad files."
        super().__init__(words)


class _Journal:
    """Hashes of pixel files that this job may have added; written before the file is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, sha256: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{sha256}\n")

    def take_back(self) -> None:
        """Remove those files that no image needs. Safe beside imports that store the same pictures right now."""
        if self._path.exists():
            lines = self._path.read_text().splitlines()
            remove_unreferenced_pixels(line for line in lines if len(line) == 64)
            self._path.unlink()


def _check(
    context: JobContext, source: Source, staging: Staging, limits: Limits, report: Report, parameters: ImportParameters
) -> list[Candidate]:
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        context.raise_if_stopped()
        left = (time.monotonic() - began) / done * (total - done)  # storing what was read takes next to nothing
        context.progress(done, 2 * total, "files", "Reading the files", seconds_left=left)

    candidates = examine(
        source,
        keep=staging.add,
        limits=limits,
        report=report,
        progress=progress,
        choices=parameters.choices,
        folders=parameters.meaning_of_folders,
    )
    context.log(
        f"Checked: {len(candidates)} images, {report.duplicate_count} duplicates, {report.problem_count} problems, "
        f"{report.waiting_count} for the quarantine, {report.ignored} ignored files",
        level="warning" if report.problem_count else "info",
    )
    return candidates


def _find_elsewhere(candidates: list[Candidate], report: Report) -> None:
    for start in range(0, len(candidates), 500):
        chunk = {candidate.pixels.sha256: candidate for candidate in candidates[start : start + 500]}
        rows = Image.objects.filter(pixel_sha256__in=list(chunk)).values_list("pixel_sha256", "dataset__name")
        for sha256, name in rows.order_by("dataset__name", "pixel_sha256"):
            report.add_elsewhere(file=printable(chunk[sha256].path), dataset=name)


def _store(
    context: JobContext,
    staging: Staging,
    candidates: list[Candidate],
    journal: _Journal,
    dataset_id: uuid.UUID,
    parameters: ImportParameters,
    result: dict[str, Any],
) -> None:
    hashes = [candidate.pixels.sha256 for candidate in candidates]
    for _ in range(3):
        steps = itertools.count(len(hashes) + 1)

        def done(steps: Iterator[int] = steps) -> None:
            context.raise_if_stopped()
            context.progress(next(steps), 2 * len(hashes), "files", "Storing the images")

        staging.publish(hashes, before_each=journal.note, done=done)
        try:
            with context.fenced():
                lock_pixel_files()
                # between the line above and this lock, another job that failed may have taken back a shared picture
                if storage.have_pixels(hashes):
                    _write_rows(candidates, dataset_id, parameters)
                    Job.objects.filter(pk=context.job_id).update(result=result)
                    return
        except IntegrityError as error:
            raise JobError(
                f"There is a dataset called “{parameters.dataset_name}” by now. Import again under another name."
            ) from error
    raise JobError("Stored images disappear from the disk again and again. Check the storage, then import again.")


def _write_rows(candidates: list[Candidate], dataset_id: uuid.UUID, parameters: ImportParameters) -> None:
    dataset = create_dataset(
        pk=dataset_id,
        name=parameters.dataset_name,
        origin=parameters.origin,
        description=parameters.description,
        licence=parameters.licence,
        citation=parameters.citation,
        is_phantom=parameters.is_phantom,
        created_by=User.objects.filter(pk=parameters.created_by_id or 0).first(),
    )
    dataset.import_record = parameters.choices.as_record()
    dataset.save(update_fields=["import_record"])
    made_with = parameters.made_with
    images = (Image(dataset=dataset, **_values(one, made_with)) for one in candidates if not one.waits)
    Image.objects.bulk_create(images, batch_size=1000)
    waiting = (
        QuarantinedImage(dataset=dataset, reason=one.waits, **_values(one, made_with))
        for one in candidates
        if one.waits
    )
    QuarantinedImage.objects.bulk_create(waiting, batch_size=1000)


def _values(candidate: Candidate, made_with: str) -> dict[str, Any]:
    row = dict(candidate.row)
    return {
        "pixel_sha256": candidate.pixels.sha256,
        "width": candidate.pixels.width,
        "height": candidate.pixels.height,
        "bit_depth": candidate.pixels.bit_depth,
        "label": candidate.label,
        "split": candidate.split,
        "patient_pseudonym": patient_pseudonym(row.pop("patient_id", "")),
        "source_pseudonym": source_pseudonym(candidate.path.rsplit("/", 1)[-1]),
        "provenance": {"made_with": made_with, "imported": True} if made_with else {},
        **row,
    }


def _done(parameters: ImportParameters, result: dict[str, Any]) -> dict[str, Any]:
    source = Path(parameters.source)
    if parameters.delete_source:
        if source.is_dir() and not source.is_symlink():
            shutil.rmtree(source, ignore_errors=True)
        else:
            source.unlink(missing_ok=True)
    return result


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)
