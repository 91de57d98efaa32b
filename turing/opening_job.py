"""Opening a study as a job: hundreds of images are rendered and audited, which is too long for a request.

All or nothing, as `services.open_study` is: a job that is cancelled, killed or taken over leaves a draft, or an open
study and the note of it in the job, written in one transaction. `manage.py open_study` does the same without a job.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from config.accounts.models import User
from turing.errors import LeaksFound, StudyError
from turing.models import AuditEvent, Study
from turing.services.being_opened import KIND, require_not_being_opened
from turing.services.opening import MAX_REASON, finish_opening, prepared_opening
from turing.services.rendering import remove_files
from turing.services.studies import lock_study
from worker.models import Job
from worker.registry import JobContext, JobError
from worker.services import enqueue_job

OPENED: dict[str, Any] = {"opened": True}  # result of a job that did


@dataclass(frozen=True, kw_only=True)
class OpenParameters:
    study_id: str
    override_reason: str = ""
    opened_by_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.override_reason) > MAX_REASON:
            raise ValueError(f"override_reason may have {MAX_REASON} characters, not {len(self.override_reason)}")


@transaction.atomic
def start_opening(*, study: Study, by: User, override_reason: str = "") -> Job:
    """Queue the opening of a draft. Raises StudyError when it is no draft, or is being opened already."""
    locked = lock_study(study.pk)
    if locked.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” cannot be opened: it is {locked.get_status_display().lower()} already.")
    require_not_being_opened(locked)
    parameters = OpenParameters(study_id=str(study.pk), override_reason=override_reason, opened_by_id=by.pk)
    return enqueue_job(kind=KIND, parameters=parameters, title=f"Open “{study}”", created_by=by)


def run_opening(context: JobContext, parameters: OpenParameters) -> dict[str, Any]:
    """May be run again after a crash at any point. When leaks keep the study from opening, their report is the job's
    result, and JobError is raised.
    """
    if Job.objects.get(pk=context.job_id).result == OPENED:  # an earlier attempt was killed after its last step
        return OPENED
    with context.fenced():
        Job.objects.filter(pk=context.job_id).update(result={})  # of an attempt that leaks ended
    study = Study.objects.filter(pk=parameters.study_id).first()
    if study is None:
        raise JobError("This study is not there any more: its draft was deleted.")
    by = User.objects.filter(pk=parameters.opened_by_id or 0).first()

    def progress(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "steps", "Rendering the images" if 2 * done <= total else "Auditing for leaks")

    reason = parameters.override_reason
    journal = _Journal(context.directory / "stimuli.txt")
    journal.take_back()
    try:
        with prepared_opening(study=study, override_reason=reason, progress=progress, saved=journal) as prepared:
            if prepared.report["blocked"] and not reason:
                finish_opening(prepared=prepared, by=by)  # records the attempt, and refuses
            context.raise_if_stopped()
            with context.fenced():
                finish_opening(prepared=prepared, by=by, override_reason=reason)
                Job.objects.filter(pk=context.job_id).update(result=OPENED)
    except LeaksFound as refusal:
        with context.fenced():
            Job.objects.filter(pk=context.job_id).update(result={"report": refusal.report})
        raise JobError(str(refusal)) from refusal
    except StudyError as error:
        raise JobError(str(error)) from error
    return OPENED


class _Journal(list[str]):
    """Names of the files that were made for readers, also on disk: a process that is killed cannot remove them, the
    next attempt can.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, name: str) -> None:
        super().append(name)
        with self._path.open("a") as file:
            file.write(f"{name}\n")

    def take_back(self) -> None:
        """Remove the files of an attempt that came to no end: no study shows them."""
        if self._path.exists():
            remove_files(self._path.read_text().splitlines())
            self._path.unlink()


def latest_opening(study: Study) -> Job | None:
    """The last job that was to open the study; None when the draft has been changed since it ended."""
    job = Job.objects.filter(kind=KIND, parameters__study_id=str(study.pk)).order_by("-created_at").first()
    if job is None or job.is_active or job.finished_at is None:
        return job
    changed = AuditEvent.objects.filter(
        action="study.changed", object_id=str(study.pk), at__gt=job.finished_at
    ).exists()
    return None if changed else job
