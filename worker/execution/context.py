"""The job's own view of itself: what a handler calls, and the heartbeat that writes it down.

Calls of the handler only change memory. One thread writes what has gathered, renews the lease and learns whether to
stop, all in one transaction that names the lease token.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import DataError, Error, IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from worker import lifecycle
from worker.execution.fence import Fence
from worker.models import Job, JobArtefact, JobLogLine, JobMetric
from worker.registry import JobStopped
from worker.room import running_out
from worker.timing import HEARTBEAT_SECONDS

logger = logging.getLogger(__name__)

CANCELLED = "Cancelled"
INTERRUPTED = "Interrupted: the worker shut down"
OUT_OF_TOUCH = "The database could not be reached for so long that another worker may take the job over"
NO_ROOM = "The disk became too full"
LOST = "Another process has taken the job over"
LEVELS = ("info", "warning", "error")


@dataclass
class _Unwritten:
    """What the handler reported since the last write."""

    row: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)
    metrics: dict[int, dict[str, float | None]] = field(default_factory=dict)
    artefacts: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def followed_by(self, later: "_Unwritten") -> "_Unwritten":
        return _Unwritten(
            {**self.row, **later.row},
            self.lines + later.lines,
            {**self.metrics, **later.metrics},
            {**self.artefacts, **later.artefacts},
        )


class RunningJob:
    """A `worker.registry.JobContext` that holds a lease. Safe to call from several threads of the handler."""

    def __init__(
        self, *, lease: lifecycle.Lease, directory: Path, must_leave_room: bool = False, fence: Fence | None = None
    ) -> None:
        self.job_id = str(lease.job_id)
        self.attempt = lease.attempt
        self.directory = directory
        self._lease = lease
        self._fence = fence
        self._must_leave_room = must_leave_room
        self._lock = threading.Lock()
        self._unwritten = _Unwritten()
        self._phase: tuple[int, int, str] | None = None  # last (done, total, unit)
        self._last_metric: tuple[int, dict[str, float | None]] = (-1, {})
        self._stop_reason: str | None = None  # a plain attribute: it is also set by a signal handler
        self._ended = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat_until_ended, name="heartbeat", daemon=True)

    # --- what a handler calls ---

    def progress(
        self, done: int, total: int, unit: str = "", message: str = "", seconds_left: float | None = None
    ) -> None:
        if done < 0 or total < 0:
            raise ValueError(f"progress: done and total must be 0 or more, not {done} of {total}")
        with self._lock:
            row = self._unwritten.row
            before, self._phase = self._phase, (done, total, unit)
            if before is None or done < before[0] or before[1:] != (total, unit):
                row["attempt_progress_at"] = Now()  # a new phase: the rate counts from here
            if "attempt_progress_at" in row:
                row["attempt_progress"] = done
            row.update(
                progress_done=done,
                progress_total=total,
                progress_unit=_text(unit, 32),
                message=_text(message, 500),
                seconds_left=seconds_left,
            )

    def log(self, message: str, level: str = "info") -> None:
        if level not in LEVELS:
            raise ValueError(f"log: level must be one of {', '.join(LEVELS)}, not {level!r}")
        with self._lock:
            self._unwritten.lines.append((timezone.now(), level, message))

    def metric(self, step: int, **values: float) -> None:
        finite = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
        with self._lock:
            last_step, last = self._last_metric
            merged = {**last, **finite} if step == last_step else finite
            self._last_metric = (step, merged)
            self._unwritten.metrics[step] = merged

    def artefact(self, path: Path, *, kind: str, step: int | None = None) -> None:
        path = path if path.is_absolute() else self.directory / path
        if not path.resolve().is_relative_to(self.directory.resolve()):
            raise ValueError(f"artefact: {path} is not inside the job's directory {self.directory}")
        if not path.is_file():
            raise ValueError(f"artefact: there is no file {path}")
        name = path.resolve().relative_to(self.directory.resolve()).as_posix()
        if len(name) > 200 or len(kind) > 32:
            raise ValueError(f"artefact: name and kind may have 200 and 32 characters: {name!r}, {kind!r}")
        with self._lock:
            self._unwritten.artefacts[name] = (kind, step)

    def device(self, name: str) -> None:
        with self._lock:
            self._unwritten.row["device"] = _text(name, 100)

    def should_stop(self) -> bool:
        return self._stop_reason is not None

    def raise_if_stopped(self) -> None:
        if self._stop_reason is not None:
            raise JobStopped(self._stop_reason)

    @contextmanager
    def fenced(self) -> Iterator[None]:
        with ExitStack() as after_commit:
            with transaction.atomic():
                if self._lease.row().select_for_update().first() is None:
                    self.stop(LOST)
                    raise JobStopped(LOST)
                if self._fence is not None:
                    after_commit.enter_context(self._fence.paused())
                yield
                sent_at = time.monotonic()
                lifecycle.renew(lease=self._lease)  # a long transaction held the heartbeat up
            self._confirm_renewal(sent_at)

    # --- what the process around it calls ---

    def stop(self, reason: str) -> None:
        """Ask the handler to leave. That the lease is lost overrides other reasons."""
        if self._stop_reason is None or reason == LOST:
            self._stop_reason = reason

    @property
    def stop_reason(self) -> str | None:
        return self._stop_reason

    def begin(self, **values: Any) -> bool:
        """Write `values` to the row and start the heartbeat. False when the lease is lost."""
        sent_at = time.monotonic()
        if lifecycle.renew(lease=self._lease, **values) is None:
            return False
        self._confirm_renewal(sent_at)
        self._heartbeat.start()
        return True

    def conclude(self, verdict: Callable[[], Any]) -> bool:
        """End the heartbeat; write the rest and the verdict in one transaction. False when the lease was lost.

        May be called again when the database was away.
        """
        self._ended.set()
        self._heartbeat.join()
        with self._lock:
            unwritten = self._unwritten
        with transaction.atomic():
            if not self._write(unwritten):
                return False
            verdict()
        with self._lock:
            self._unwritten = _Unwritten()
        return True

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            if self._must_leave_room and running_out(self.directory):
                self.stop(NO_ROOM)
            with self._lock:
                unwritten, self._unwritten = self._unwritten, _Unwritten()
            sent_at = time.monotonic()
            try:
                with transaction.atomic():
                    state = self._write(unwritten)
            except (DataError, IntegrityError, ValueError, TypeError):
                logger.exception("A report that the database does not take was dropped")
                continue
            except Error as error:
                logger.warning("Heartbeat not written, trying again: %s", error)
                with self._lock:
                    self._unwritten = unwritten.followed_by(self._unwritten)
                connection.close()
                continue
            if state is None:
                self.stop(LOST)
                break
            self._confirm_renewal(sent_at)
            if state == Job.State.CANCELLING:
                self.stop(CANCELLED)
        connection.close()

    def _confirm_renewal(self, sent_at: float) -> None:
        if self._fence is not None:
            self._fence.renewed(sent_at)

    def _write(self, unwritten: _Unwritten) -> str | None:
        state = lifecycle.renew(lease=self._lease, **unwritten.row)
        if state is None:
            return None
        job_id = self._lease.job_id
        JobLogLine.objects.bulk_create(
            JobLogLine(job_id=job_id, attempt=self.attempt, at=at, level=level, text=_text(text))
            for at, level, text in unwritten.lines
        )
        JobMetric.objects.bulk_create(
            [JobMetric(job_id=job_id, step=step, values=values) for step, values in unwritten.metrics.items()],
            update_conflicts=True,
            unique_fields=["job", "step"],
            update_fields=["values"],
        )
        JobArtefact.objects.bulk_create(
            [
                JobArtefact(job_id=job_id, name=name, kind=kind, step=step)
                for name, (kind, step) in unwritten.artefacts.items()
            ],
            update_conflicts=True,
            unique_fields=["job", "name"],
            update_fields=["kind", "step", "created_at"],
        )
        return state


def _text(text: str, longest: int | None = None) -> str:
    """What a database takes: PostgreSQL knows no NUL."""
    return text.replace("\x00", "\ufffd")[:longest]
