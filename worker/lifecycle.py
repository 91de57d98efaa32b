"""What workers do with a job, each step one guarded transition: claim, renew, finish, requeue, take over.

Every statement names the lease token in its WHERE clause, so a process that lost the lease changes nothing. Times are
the database's own (`Now()`): clocks of different hosts are never compared.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from worker.models import Job, JobLogLine
from worker.room import jobs_with_room
from worker.timing import CRASH_LIMIT, LEASE_SECONDS

State = Job.State
HELD = (State.RUNNING, State.CANCELLING)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to run one job, and to write about it, until somebody else takes it over."""

    job_id: uuid.UUID
    token: uuid.UUID
    attempt: int
    gpus: int = field(default=0, compare=False)  # devices that the job needs

    def row(self) -> QuerySet[Job]:
        """The job's row while this lease holds, else nothing."""
        return Job.anywhere.filter(pk=self.job_id, lease_token=self.token, state__in=HELD)


def lease_end() -> ExpressionWrapper:
    return ExpressionWrapper(Now() + timedelta(seconds=LEASE_SECONDS), output_field=DateTimeField())


def claim_next_job(
    *, queues: Sequence[str], worker_name: str, gpus: int | None = None, free_gpus: int = 0
) -> Lease | None:
    """Take the first job of `queues` (priority, then age) for which the disk has room; None when there is none.

    Of any number of claims at the same time exactly one gets a job: the UPDATE repeats the condition. A worker that
    shares `gpus` out leaves alone what needs more. For a job that needs more than `free_gpus` it waits: None, so that
    small jobs do not pass a big one for ever.
    """
    waiting = jobs_with_room(Job.anywhere.filter(state=State.QUEUED, queue__in=queues))
    if gpus is not None:
        waiting = waiting.filter(gpus__lte=gpus)
    while True:
        candidate = waiting.order_by("-priority", "created_at", "pk").values_list("pk", "gpus").first()
        if candidate is None or (gpus is not None and candidate[1] > free_gpus):
            return None
        lease = claim_job(job_id=candidate[0], worker_name=worker_name)
        if lease is not None:
            return lease


@transaction.atomic
def claim_job(*, job_id: uuid.UUID, worker_name: str) -> Lease | None:
    """Queued -> running with a fresh token; None when another was first."""
    token = uuid.uuid4()
    claimed = Job.anywhere.filter(pk=job_id, state=State.QUEUED).update(
        state=State.RUNNING,
        lease_token=token,
        lease_expires_at=lease_end(),
        heartbeat_at=Now(),
        attempt=F("attempt") + 1,
        attempt_started_at=Now(),
        attempt_progress_at=None,
        seconds_left=None,
        progress_best=Greatest(F("progress_best"), F("progress_done")),
        started_at=Coalesce(F("started_at"), Now()),
        finished_at=None,
        worker_name=worker_name[:200],
        process_id=None,
        message="Starting",
        error="",
    )
    if not claimed:
        return None
    attempt, gpus = Job.anywhere.values_list("attempt", "gpus").get(pk=job_id)
    return Lease(job_id=job_id, token=token, attempt=attempt, gpus=gpus)


@transaction.atomic
def renew(*, lease: Lease, **values: Any) -> str | None:
    """Extend the lease and write `values` to the row. The job's state, or None when the lease is lost."""
    if not lease.row().update(lease_expires_at=lease_end(), heartbeat_at=Now(), **values):
        return None
    return Job.anywhere.values_list("state", flat=True).get(pk=lease.job_id)


@transaction.atomic
def succeed(*, lease: Lease, result: dict[str, Any]) -> bool:
    return _end(lease, state=State.SUCCEEDED, result=result, message="", error="")


@transaction.atomic
def fail(*, lease: Lease, error: str) -> bool:
    return _end(lease, state=State.FAILED, error=error.replace("\x00", "\ufffd"), message="")


@transaction.atomic
def leave(*, lease: Lease, reason: str) -> str | None:
    """The process stopped when asked: cancelled if a user asked, back to the queue if the worker did.

    `reason` is shown while the job waits. Returns the new state, None when the lease was lost.
    """
    if _end(lease, only_from=State.CANCELLING, state=State.CANCELLED, message=""):
        return State.CANCELLED
    if _requeue(lease.row(), message=reason):
        return State.QUEUED
    return None


@transaction.atomic
def crash(*, lease: Lease, what: str, output: str = "") -> str | None:
    """The process ended without a verdict: try again from its checkpoint, unless it keeps crashing at one place.

    `output` is the last of what it printed; it goes into the log. Returns the new state, None when the lease was lost
    (the process had been replaced already).
    """
    job = lease.row().select_for_update().first()
    return None if job is None else _judge_crash(lease, job, what, output)


def find_expired() -> set[tuple[Lease, str]]:
    """Leases past their end, each with the time it was renewed to (it changes with every sign of life)."""
    jobs = Job.anywhere.filter(state__in=HELD, lease_expires_at__lt=Now())
    return {
        (Lease(job_id=job.pk, token=job.lease_token, attempt=job.attempt), str(job.lease_expires_at))
        for job in jobs
        if job.lease_token is not None
    }


@transaction.atomic
def take_over(*, lease: Lease) -> str | None:
    """Handle an expired lease as a crash. None when its holder showed life meanwhile, or is writing right now."""
    job = lease.row().filter(lease_expires_at__lt=Now()).select_for_update(skip_locked=_can_skip_locked()).first()
    if job is None:
        return None
    return _judge_crash(lease, job, f"Worker {job.worker_name} gave no sign of life for {LEASE_SECONDS:.0f} s.")


@transaction.atomic
def fail_abandoned(*, lease: Lease, error: str) -> bool:
    """End a job whose lease has expired as failed. False when its holder showed life meanwhile."""
    abandoned = lease.row().filter(lease_expires_at__lt=Now())
    return bool(
        abandoned.update(
            state=State.FAILED, lease_token=None, lease_expires_at=None, finished_at=Now(), error=error, message=""
        )
    )


def _judge_crash(lease: Lease, job: Job, what: str, output: str = "") -> str:
    text = f"{what}\n{output}".strip().replace("\x00", "\ufffd")
    JobLogLine.objects.create(job=job, attempt=job.attempt, at=Now(), level="error", text=text)
    if job.state == State.CANCELLING:
        _end(lease, state=State.CANCELLED, message="")
        return State.CANCELLED
    crashes = 1 if job.progress_done > job.progress_best else job.crashes + 1
    if crashes >= CRASH_LIMIT:
        error = f"It crashed {crashes} times in a row without getting any further. The last time: {what}"
        _end(lease, state=State.FAILED, crashes=crashes, error=error, message="")
        return State.FAILED
    _requeue(lease.row(), crashes=crashes, message=f"Waiting to go on after a crash. {what}"[:500])
    return State.QUEUED


def _end(lease: Lease, *, only_from: str | None = None, **values: Any) -> bool:
    row = lease.row().filter(state=only_from) if only_from else lease.row()
    return bool(row.update(lease_token=None, lease_expires_at=None, finished_at=Now(), **values))


def _requeue(row: QuerySet[Job], **values: Any) -> bool:
    values |= {"lease_token": None, "lease_expires_at": None, "process_id": None}
    return bool(row.update(state=State.QUEUED, queued_at=Now(), **values))


def _can_skip_locked() -> bool:
    return transaction.get_connection().features.has_select_for_update_skip_locked
