"""The worker's side of a running job: start its process, watch it, end it when it must, settle what it left open."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TypeVar

from django.db import Error, connection

from config.environment import BASE_DIR
from worker import lifecycle
from worker.execution.slots import Slots
from worker.execution.tether import tethered
from worker.models import Job
from worker.timing import (
    DATABASE_PATIENCE_SECONDS,
    FENCE_SECONDS,
    HEARTBEAT_SECONDS,
    STARTUP_SECONDS,
    STOP_GRACE_SECONDS,
)

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
OUTPUT_NAME = "output.log"
OUTPUT_TAIL_BYTES = 4000

Answer = TypeVar("Answer")


def run_queued_jobs(*, queues: Sequence[str], worker_name: str, slots: Slots) -> int:
    """Run jobs of `queues` one after the other until none is left or the worker stops. Returns how many it started."""
    started = 0
    with slots.occupied():
        while not slots.stopping.is_set():
            with slots.claiming:
                lease = lifecycle.claim_next_job(queues=queues, worker_name=worker_name, **_gpus_of(slots))
                if lease is None:
                    break
                taken = slots.gpus.take(lease.gpus) if slots.gpus else None
            try:
                run_job(lease=lease, stopping=slots.stopping, gpus=taken)
            finally:
                if slots.gpus and taken:
                    slots.gpus.give_back(taken)
            started += 1
    return started


def _gpus_of(slots: Slots) -> dict[str, int]:
    return {"gpus": len(slots.gpus.names), "free_gpus": slots.gpus.free} if slots.gpus else {}


def run_job(*, lease: lifecycle.Lease, stopping: Event, gpus: Sequence[str] | None = None) -> None:
    """Run the job of `lease` in a process of its own and return when that process is gone and its state is settled.

    It sees `gpus` and no others; for None, all there are. When `stopping` is set the process is asked to save and
    leave, and killed after STOP_GRACE_SECONDS.
    """
    directory = Job(pk=lease.job_id).directory
    output = directory / OUTPUT_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        output_start = output.stat().st_size if output.exists() else 0
        process = _start(lease, output, gpus)
    except OSError as error:
        what = f"Its process could not be started: {error}"
        _patiently(lambda: lifecycle.crash(lease=lease, what=what))
        return
    logger.info("Job %s, attempt %d: process %d", lease.job_id, lease.attempt, process.pid)
    try:
        asked = _Watch(lease, process, stopping).until_gone()
    finally:
        _kill(process)  # and whatever it started itself
        process.wait()
        if process.stdin:
            process.stdin.close()
    _patiently(lambda: _settle(lease, process.returncode, asked, output, output_start))


def _start(lease: lifecycle.Lease, output: Path, gpus: Sequence[str] | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "execute_job", str(lease.job_id), "--lease", str(lease.token)]
    devices = {} if gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    with output.open("ab") as file:
        return subprocess.Popen(
            tethered(command, sent_at_death=signal.SIGTERM),
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,  # never written to: it ends when this process does
            stdout=file,
            stderr=subprocess.STDOUT,
            # PASSIVE: OpenMP threads that wait for a sibling sleep instead of spinning. A training that has two cores
            # to itself is slower for it, beside a site in use it is faster (benchmarks/openmp_waiting.py).
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **devices, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C in a terminal reaches the worker, which passes it on in its own way
        )


class _Watch:
    """Looks after one process until it is gone."""

    def __init__(self, lease: lifecycle.Lease, process: subprocess.Popen[bytes], stopping: Event) -> None:
        self.lease = lease
        self.process = process
        self.stopping = stopping
        self.started = time.monotonic()
        self.asked_at: float | None = None  # when it was asked to leave

    def until_gone(self) -> bool:
        """True when the process had been asked to leave."""
        next_look = self.started + HEARTBEAT_SECONDS
        while True:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=POLL_SECONDS)
                return self.asked_at is not None
            if self.stopping.is_set():
                self._ask()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + HEARTBEAT_SECONDS
                self._look()
            if self.asked_at is not None and time.monotonic() - self.asked_at > STOP_GRACE_SECONDS:
                logger.warning("Job %s did not leave within %.0f s: killed", self.lease.job_id, STOP_GRACE_SECONDS)
                _kill(self.process)

    def _ask(self) -> None:
        if self.asked_at is None:
            self.asked_at = time.monotonic()
            self.process.terminate()

    def _look(self) -> None:
        """What the database says. When it is away, nothing changes: nobody else can take the job over either."""
        try:
            row = self.lease.row().values_list("state", "process_id").first()
            if row is None:
                self._lost()
                return
            state, process_id = row
            if state == Job.State.CANCELLING:
                self._ask()
            if process_id is None and time.monotonic() - self.started < STARTUP_SECONDS:
                lifecycle.renew(lease=self.lease)  # it is still importing its libraries
        except Error as error:
            logger.warning("Job %s: the database did not answer: %s", self.lease.job_id, error)
            connection.close()

    def _lost(self) -> None:
        """Either it has just written its verdict and is about to end, or another worker took the job over."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
            return
        job = Job.anywhere.filter(pk=self.lease.job_id).values_list("attempt", "state").first()
        if job is None or job[0] != self.lease.attempt or job[1] == Job.State.QUEUED:
            logger.warning("Job %s was taken over: its old process is killed", self.lease.job_id)
        _kill(self.process)


def _settle(lease: lifecycle.Lease, returncode: int, asked: bool, output: Path, output_start: int) -> None:
    """Nothing to do when the process wrote its verdict: then the lease is gone."""
    if asked:
        lifecycle.leave(lease=lease, reason="Waiting to go on after an interruption")
        return
    state = lifecycle.crash(lease=lease, what=_describe_exit(returncode), output=_tail(output, output_start))
    if state is not None:
        logger.warning("Job %s: %s Now %s.", lease.job_id, _describe_exit(returncode), state)


def _describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"The process ended with status {returncode} and no result."
    if returncode == -signal.SIGALRM:  # see worker.execution.fence
        return f"It could not reach the database for {FENCE_SECONDS:.0f} s and was ended, before another may run it."
    name = signal.Signals(-returncode).name if -returncode in signal.valid_signals() else f"signal {-returncode}"
    hint = " (the system does this when memory runs out)" if -returncode == signal.SIGKILL else ""
    return f"The process was ended by {name}{hint}."


def _tail(output: Path, start: int) -> str:
    try:
        with output.open("rb") as file:
            file.seek(max(start, output.stat().st_size - OUTPUT_TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole session of the process: its own children too."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _patiently(write: Callable[[], Answer]) -> Answer | None:
    """Repeat while the database is away. After that the lease runs out and a sweeper does the rest."""
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return write()
        except Error as error:
            connection.close()
            if time.monotonic() > deadline:
                logger.error("Gave up writing how a job ended: %s", error)
                return None
            time.sleep(1)
