"""Jobs that do not get on, with the reason in words and what to do; and what an administrator may do to them.

The lease decides what is allowed: a job whose holder still has the right to run it is only asked to leave, never taken
away, so nothing here can make a job run twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from worker import lifecycle
from worker.models import LONG_SILENCE, Job, JobLogLine
from worker.room import WAITING
from worker.services import request_cancel, resume_job
from worker.timing import CRASH_LIMIT

State = Job.State
HELD = (State.RUNNING, State.CANCELLING)
LONG_QUEUED = timedelta(minutes=5)
SIGN_OF_LIFE = timedelta(minutes=2)  # a queue with a job that was alive since then has a worker
SHOWN_FAILED = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class StuckJob:
    job: Job
    reason: str
    advice: str
    can_requeue: bool
    can_fail: bool
    can_cancel: bool


def stuck_jobs(*, queues_with_life: frozenset[str]) -> QuerySet[Job]:
    """Longest in trouble first. `queues_with_life`: of `find_queues_with_life`."""
    now = timezone.now()
    waiting = Q(state=State.QUEUED, queued_at__lt=now - LONG_QUEUED) & ~Q(queue__in=queues_with_life)
    return (
        Job.anywhere.filter(
            Q(state__in=HELD, heartbeat_at__lt=now - LONG_SILENCE)
            | Q(state__in=HELD, lease_expires_at__lt=now)
            | Q(state=State.QUEUED, message__startswith=WAITING)
            | Q(state__in=Job.ACTIVE, crashes__gt=0)
            | Q(state=State.FAILED, crashes__gte=CRASH_LIMIT, finished_at__gt=now - SHOWN_FAILED)
            | waiting
        )
        .select_related("created_by")
        .order_by("queued_at", "pk")
    )


def find_queues_with_life() -> frozenset[str]:
    """Queues of which some job was started or gave a sign of life lately: somebody works on them."""
    latest = Job.anywhere.order_by().values_list("queue").annotate(at=Max("heartbeat_at"))
    since = timezone.now() - SIGN_OF_LIFE
    return frozenset(queue for queue, at in latest if at is not None and at > since)


def diagnose(job: Job, *, queues_with_life: frozenset[str]) -> StuckJob:
    """In words that need no knowledge of the program."""
    now = timezone.now()
    expired = _is_abandoned(job)
    if job.state in HELD and expired:
        reason = (
            f"Worker {job.worker_name} has given no sign of life for {_since(job.heartbeat_at, now)}, and no other "
            "worker has taken the job up: probably none is running."
        )
        advice = "Start the workers: they take it up by themselves. Or put it back into the queue, or end it, here."
    elif job.state in HELD and job.is_silent:
        reason = f"Worker {job.worker_name} has given no sign of life for {_since(job.heartbeat_at, now)}."
        advice = "Wait half a minute: it comes back, or another worker takes the job up. Look at the worker's machine."
    elif job.state == State.QUEUED and job.message.startswith(WAITING):
        reason = "The disk has not the room that it needs."
        advice = "Make room: tidy up (the button above), delete datasets, or lower MIN_FREE_GB. It goes on by itself."
    elif job.state == State.FAILED:
        reason = f"It crashed {job.crashes} times in a row without getting any further, and was given up."
        advice = "Read the end of its log. When the cause is gone (memory, a full disk), put it back into the queue."
    elif job.crashes:
        reason = f"It has crashed {job.crashes} time{'s' if job.crashes > 1 else ''} in a row and is tried again."
        advice = f"Read the end of its log. After {CRASH_LIMIT} crashes at the same place it is given up."
    else:
        reason = f"No worker works on the queue “{job.queue}”; it has waited for {_since(job.queued_at, now)}."
        advice = f"Start a worker for “{job.queue}” (manage.py serve, or the worker's service), or cancel the job."
    return StuckJob(
        job=job,
        reason=reason,
        advice=advice,
        can_requeue=expired or job.state == State.FAILED,
        can_fail=expired or job.state == State.QUEUED,
        can_cancel=job.can_cancel or (expired and job.state == State.CANCELLING),
    )


def requeue_stuck(*, job: Job, by: str) -> None:
    """Put a failed job, or one whose holder has lost the right to run it, back into the queue.

    Raises ValueError when its worker may still run it.
    """
    if job.state == State.FAILED:
        _note(job, f"Put back into the queue by {by}.")
        resume_job(job=job)
        return
    lease = _abandoned_lease(job)
    if lifecycle.take_over(lease=lease) is None:
        raise ValueError(_still_held(job))
    _note(job, f"Taken from a worker that had gone silent, by {by}.")


@transaction.atomic
def fail_stuck(*, job: Job, by: str) -> None:
    """End a job that waits, or whose holder has lost the right to run it, as failed; it can be resumed.

    Raises ValueError when its worker may still run it.
    """
    error = f"Ended by {by}, because it did not get on. Resume it when the cause is gone."
    waiting = Job.anywhere.filter(pk=job.pk, state=State.QUEUED)
    ended = waiting.update(state=State.FAILED, error=error, message="", finished_at=Now())
    if not ended and not lifecycle.fail_abandoned(lease=_abandoned_lease(job), error=error):
        raise ValueError(_still_held(job))
    _note(job, error)


def cancel_stuck(*, job: Job, by: str) -> None:
    """Cancel; at once when nobody has the right to run it any more. Raises ValueError when it has already ended."""
    request_cancel(job=job)
    _note(job, f"Cancelled by {by}.")
    if job.state == State.CANCELLING and _is_abandoned(job):
        lifecycle.take_over(lease=_abandoned_lease(job))


def _abandoned_lease(job: Job) -> lifecycle.Lease:
    if job.lease_token is None:
        raise ValueError(f"“{job.title}” is {job.state}: there is nothing to take back.")
    return lifecycle.Lease(job_id=job.pk, token=job.lease_token, attempt=job.attempt)


def _is_abandoned(job: Job) -> bool:
    return job.state in HELD and job.lease_expires_at is not None and job.lease_expires_at < timezone.now()


def _still_held(job: Job) -> str:
    return (
        f"Worker {job.worker_name} still has the right to run “{job.title}”. Cancel it, or wait until the worker has "
        "been silent for 20 seconds."
    )


def _note(job: Job, text: str) -> None:
    JobLogLine.objects.create(job=job, attempt=job.attempt, at=Now(), level="warning", text=text)


def _since(then: datetime | None, now: datetime) -> str:
    if then is None:
        return "an unknown time"
    seconds = (now - then).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{max(int(seconds), 1)} seconds"
