"""The job's own process: run the handler and write one verdict. Exceptions map to states here, nowhere else."""

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connection

from config.logs import describe_process
from config.projects.scope import projects_in_sight
from worker import lifecycle
from worker.execution.context import INTERRUPTED, NO_ROOM, OUT_OF_TOUCH, RunningJob
from worker.execution.directory_lock import DirectoryInUseError, hold_directory
from worker.execution.fence import Fence
from worker.execution.versions import collect_versions
from worker.models import Job
from worker.registry import JobError, JobStopped, get_job_kind, kinds_that_free_disk, parameters_from_dict
from worker.room import is_full, waiting_for_room
from worker.timing import DATABASE_PATIENCE_SECONDS, DIRECTORY_LOCK_SECONDS, STOP_GRACE_SECONDS

logger = logging.getLogger(__name__)

Verdict = Callable[[], Any]

OUT_OF_MEMORY = (
    "It ran out of memory. Use a smaller batch or smaller images, close other programs, or run it on a machine with "
    "more memory; then resume it."
)


def execute_job(*, job_id: uuid.UUID, token: uuid.UUID, supervised: bool = False) -> bool:
    """Run the job that `token` holds, to its verdict. False when the lease was lost: then nothing was written.

    `supervised`: this process exists for the job alone; SIGTERM and the end of standard input mean "save and leave".
    """
    job = Job.anywhere.filter(pk=job_id, lease_token=token).first()
    if job is None:
        return False
    lease = lifecycle.Lease(job_id=job_id, token=token, attempt=job.attempt)
    if supervised:
        describe_process(attempt=job.attempt)
    job.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    fence = Fence(lambda: context.stop(OUT_OF_TOUCH))
    # All who use a SQLite file are on one machine: there the lock on the directory, which no fault removes, is enough.
    is_fenced = supervised and connection.vendor != "sqlite"
    context = RunningJob(
        lease=lease,
        directory=job.directory,
        must_leave_room=job.kind not in kinds_that_free_disk(),
        fence=fence if is_fenced else None,
    )
    try:
        with hold_directory(job.directory, patience_seconds=DIRECTORY_LOCK_SECONDS, owner_mark=str(job_id)):
            if not context.begin(process_id=os.getpid(), versions=collect_versions()):
                return False
            if supervised:
                _stop_when_asked(context, fence)
            verdict = _verdict(job, lease, context)
            fence.lift()
    except DirectoryInUseError as error:
        return lifecycle.leave(lease=lease, reason=f"Waiting: {error}"[:500]) is not None
    return _conclude(context, verdict)


def _verdict(job: Job, lease: lifecycle.Lease, context: RunningJob) -> Verdict:
    """Run the handler; what happened, as the transition to write."""
    fail = partial(lifecycle.fail, lease=lease)
    try:
        kind = get_job_kind(job.kind)
        parameters = parameters_from_dict(kind, job.parameters)
    except ValueError as error:
        return partial(fail, error=f"{error}. This job cannot run with the installed version; start it anew.")
    try:
        with projects_in_sight(job.project_id):
            result = kind.handler(context, parameters)
        json.dumps(result, allow_nan=False)
        return partial(lifecycle.succeed, lease=lease, result=result)
    except JobStopped:
        if context.stop_reason is None:
            return partial(fail, error=f"The code of “{kind.name}” left without being asked to. This is a defect.")
        left_room = context.stop_reason == NO_ROOM
        reason = waiting_for_room() if left_room else "Waiting to go on after an interruption"
        return partial(lifecycle.leave, lease=lease, reason=reason)
    except JobError as error:
        context.log(str(error), level="error")
        return partial(fail, error=str(error))
    except (OperationalError, InterfaceError) as error:
        context.log(traceback.format_exc(), level="error")
        return partial(lifecycle.crash, lease=lease, what=f"The database could not be used: {error}")
    except Exception as error:
        context.log(traceback.format_exc(), level="error")
        if is_full(error):
            return partial(lifecycle.leave, lease=lease, reason=waiting_for_room())
        if _is_out_of_memory(error):
            return partial(fail, error=OUT_OF_MEMORY)
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return partial(fail, error=f"{words[:2000]}\nThe log shows where in the code this happened.")


def _conclude(context: RunningJob, verdict: Verdict) -> bool:
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return context.conclude(verdict)
        except Error as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("Verdict not written, trying again: %s", error)
            connection.close()
            time.sleep(1)


def _is_out_of_memory(error: BaseException) -> bool:
    """By name: torch.OutOfMemoryError must be recognised without importing torch."""
    return any(cls.__name__ in ("MemoryError", "OutOfMemoryError") for cls in type(error).__mro__)


def _stop_when_asked(context: RunningJob, fence: Fence) -> None:
    """SIGTERM, or the end of standard input (the parent's end of the pipe is gone), asks the handler to leave."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: context.stop(INTERRUPTED))
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        context.stop(INTERRUPTED)
        # Nobody is left who would kill this process if it hangs: the kernel does.
        fence.end_within(STOP_GRACE_SECONDS)

    threading.Thread(target=watch, name="parent", daemon=True).start()
