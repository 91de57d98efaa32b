"""Verbs that people and other apps use on jobs: enqueue, cancel, resume.

What the workers themselves do with a job (claim, renew, finish, take over) is in `worker.lifecycle`.
"""

import json
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from config.accounts.models import User
from worker.models import Job
from worker.queues import gpus_of, queue_of
from worker.registry import JobKind, get_job_kind, parameters_from_dict, parameters_to_dict
from worker.wakeup import wake_workers_on_commit

State = Job.State


@transaction.atomic
def enqueue_job(
    *,
    kind: str,
    parameters: Any,
    title: str,
    created_by: User | None = None,
    seed: int | None = None,
    priority: int = 0,
) -> Job:
    """Put a job into the queue of its kind; a worker is woken when the surrounding transaction commits.

    `parameters` is an instance of the kind's frozen dataclass. Raises ValueError for an unknown kind, for parameters of
    another type, and for values that JSON cannot store and give back.
    """
    job_kind = get_job_kind(kind)
    stored = _as_json(job_kind, parameters)
    job = Job.objects.create(
        kind=job_kind.name,
        title=title[:200],
        parameters=stored,
        queue=queue_of(job_kind),
        gpus=gpus_of(job_kind, parameters),
        priority=priority,
        seed=seed,
        created_by=created_by,
    )
    wake_workers_on_commit(queue=job.queue)
    return job


@transaction.atomic
def request_cancel(*, job: Job) -> Job:
    """Cancel at once when queued; ask the running process to save and leave when running.

    Asking again changes nothing. Raises ValueError when the job has already ended. `job` is refreshed.
    """
    jobs = Job.objects.filter(pk=job.pk)
    cancelled = jobs.filter(state=State.QUEUED).update(
        state=State.CANCELLED, finished_at=Now(), message="Cancelled before it ran"
    )
    if not cancelled:
        jobs.filter(state=State.RUNNING).update(state=State.CANCELLING, message="Cancelling: saving what there is")
    job.refresh_from_db()
    if job.state not in (State.CANCELLED, State.CANCELLING):
        raise ValueError(f"“{job.title}” cannot be cancelled: it has already {job.state}.")
    return job


@transaction.atomic
def resume_job(*, job: Job) -> Job:
    """Put a failed or cancelled job back into its queue; a resumable kind goes on from its checkpoint.

    Raises ValueError in every other state. `job` is refreshed.
    """
    resumed = Job.objects.filter(pk=job.pk, state__in=[State.FAILED, State.CANCELLED]).update(
        state=State.QUEUED, queued_at=Now(), crashes=0, error="", message="Waiting to go on", finished_at=None
    )
    job.refresh_from_db()
    if not resumed:
        raise ValueError(f"“{job.title}” is {job.state}: only a failed or cancelled job can be resumed.")
    wake_workers_on_commit(queue=job.queue)
    return job


@transaction.atomic
def rerun_job(*, job: Job, parameters: Any) -> Job:
    """Put a job that has ended, however, back into its queue with other parameters; it goes on from its checkpoint.

    Raises ValueError for a kind that cannot go on, a job that has not ended, and as `enqueue_job` for the parameters.
    `job` is refreshed.
    """
    kind = get_job_kind(job.kind)
    if not kind.resumable:
        raise ValueError(f"“{job.title}” cannot go on once it has ended; start it anew.")
    queued = Job.objects.filter(pk=job.pk, state__in=Job.FINAL).update(
        state=State.QUEUED,
        queued_at=Now(),
        crashes=0,
        error="",
        message="Waiting to go on",
        finished_at=None,
        parameters=_as_json(kind, parameters),
        gpus=gpus_of(kind, parameters),
    )
    job.refresh_from_db()
    if not queued:
        raise ValueError(f"“{job.title}” is {job.state}: wait until it has ended, or cancel it.")
    wake_workers_on_commit(queue=job.queue)
    return job


def _as_json(kind: JobKind, parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, kind.parameters):
        raise ValueError(
            f"Parameters of {kind.name} must be a {kind.parameters.__name__}, not {type(parameters).__name__}"
        )
    try:
        values: dict[str, Any] = json.loads(json.dumps(parameters_to_dict(parameters), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Parameters of {kind.name} cannot be stored as JSON: {error}") from error
    parameters_from_dict(kind, values)  # what is stored can be read back
    return values
