"""Jobs and the disk: which of those that wait have room to begin, and when a running one leaves before it is full.

A job begins when the limit (MIN_FREE_GB) would still be free after what its kind says it needs. A running one goes on
until half of the limit is left, and then saves and waits; so it does not stop and start at the edge. It goes on by
itself when there is room: workers look again every few seconds.
"""

import errno
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from worker.disk_space import free_bytes
from worker.models import Job
from worker.registry import get_job_kind, kinds_that_free_disk, parameters_from_dict

LOOKED_AT = 200  # first jobs of a queue whose needs are asked: behind them others wait their turn anyway
WAITING = "Waiting for room on the disk"


def jobs_with_room(waiting: QuerySet[Job]) -> QuerySet[Job]:
    """Those of the queued jobs that may begin now. The others are told why they wait, where everybody sees it."""
    limit = settings.MIN_FREE_BYTES
    if not limit:
        return waiting
    free = free_bytes(Path(settings.MEDIA_ROOT))
    freeing = kinds_that_free_disk()
    if free < limit:
        _tell(waiting.exclude(kind__in=freeing), waiting_for_room())
        return waiting.filter(kind__in=freeing)
    too_large = []
    for job in waiting.exclude(kind__in=freeing).order_by("-priority", "created_at", "pk")[:LOOKED_AT]:
        needed = bytes_needed(job)
        if free - needed < limit:
            too_large.append(job.pk)
            _tell(waiting.filter(pk=job.pk), waiting_for_room(needed))
    return waiting.exclude(pk__in=too_large)


def running_out(folder: Path) -> bool:
    """True when so little is left that a running job should save and leave."""
    return bool(settings.MIN_FREE_BYTES) and free_bytes(folder) < settings.MIN_FREE_BYTES // 2


def is_full(error: BaseException) -> bool:
    """True for the error of a write that did not fit, where the guard will let the job wait."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full and bool(settings.MIN_FREE_BYTES)


def bytes_needed(job: Job) -> int:
    """What its kind says; 0 where nobody knows, or the job will be refused by its kind anyway."""
    try:
        kind = get_job_kind(job.kind)
        if kind.needs_bytes is None:
            return 0
        return kind.needs_bytes(parameters_from_dict(kind, job.parameters))
    except (ValueError, OSError, LookupError):
        return 0


def waiting_for_room(needed: int = 0) -> str:
    """In words: why it waits and what to do."""
    asked = f" and this needs about {needed / 2**30:,.1f} GB" if needed else ""
    return (
        f"{WAITING}: {settings.MIN_FREE_BYTES / 2**30:g} GB must stay free{asked}. It goes on by itself once an "
        "administrator has made room."
    )


def _tell(jobs: QuerySet[Job], message: str) -> None:
    """Written once, not at every look."""
    jobs.exclude(message=message).update(message=message)
