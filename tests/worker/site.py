"""A real site for tests: `manage.py serve` as a subprocess, on the test's database and a data directory of its own."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import pytest
from django.db import connection

from config.environment import BASE_DIR, embedded_broker_socket
from tests.worker.counting.jobs import CountParameters
from tests.worker.journal import Journal
from worker.models import Job
from worker.services import enqueue_job

Found = TypeVar("Found")
NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds leftover processes through /proc (Linux)"
)
MARK = "TURING_TEST_MARK"  # every process of the site inherits it


def wait_until(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """The first true value of `look()`. AssertionError, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def database_url() -> str:
    """The address of the database that the running test uses."""
    name = quote(str(connection.settings_dict["NAME"]))
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{name}").geturl()


class Site:
    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.arguments = arguments
        self.mark = uuid.uuid4().hex
        self.output = data_dir / "serve.out"
        self.process: subprocess.Popen[bytes] | None = None
        data_dir.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        environment = {
            **os.environ,
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": database_url(),
            "EXTRA_APPS": "tests.worker.counting",
            "OMP_NUM_THREADS": "1",
            MARK: self.mark,
        }
        del environment["REDIS_URL"]  # so that it brings its own broker
        return environment

    @property
    def port(self) -> int:
        return int(re.findall(r"is up: http://127.0.0.1:(\d+)", self.text())[-1])

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", *self.arguments],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_up, 90, "the site is up")

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"serve ended:\n{self.text()}"
        return "Ctrl-C stops everything" in self.text()

    def text(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    @property
    def broker_url(self) -> str:
        return f"redis+socket://{embedded_broker_socket(self.data_dir)}"

    def starts(self, part: str) -> list[int]:
        """Process ids of a part, each time it became ready."""
        return [int(pid) for pid in re.findall(rf"{part} is ready \(process (\d+)\)", self.text())]

    def kill(self, part: str) -> None:
        os.kill(self.starts(part)[-1], signal.SIGKILL)

    def wait_for_restart(self, part: str, after: int, seconds: float = 30) -> None:
        """`after`: how often it had started before it was killed."""
        wait_until(lambda: len(self.starts(part)) > after, seconds, f"{part} was started again")

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    def processes_left(self) -> dict[int, str]:
        """Every living process that descends from this site, whoever its parent is now."""
        left = {}
        socket = str(embedded_broker_socket(self.data_dir)).encode()  # the broker overwrites its environment
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                command = (directory / "cmdline").read_bytes()
                if f"{MARK}={self.mark}".encode() in (directory / "environ").read_bytes() or socket in command:
                    left[int(directory.name)] = command.replace(b"\0", b" ").decode()
            except OSError:
                continue
        return left

    def close(self) -> None:
        """End of the test: nothing may stay, whatever went wrong."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        for pid in self.processes_left():
            os.kill(pid, signal.SIGKILL)


def enqueue_count(journal: Journal, *, steps: int = 80, kind: str = "count", **parameters) -> Job:
    return enqueue_job(
        kind=kind,
        parameters=CountParameters(steps=steps, journal=str(journal.path), **parameters),
        title="Counting",
    )


def wait_for_state(job: Job, state: str, seconds: float = 60) -> Job:
    def reached() -> bool:
        job.refresh_from_db()
        return job.state == state

    try:
        wait_until(reached, seconds, f"the job is {state}")
    except AssertionError as error:
        log = "\n".join(line.text for line in job.log_lines.all())
        raise AssertionError(f"{error}; it is {job.state}: {job.message} {job.error}\n{log}") from None
    return job


def wait_for_step(journal: Journal, step: int, seconds: float = 30) -> None:
    wait_until(lambda: journal.steps and max(journal.steps) >= step, seconds, f"step {step}")


def assert_resumed(journal: Journal, steps: int, processes: int = 2) -> None:
    """All steps were done, nearly none of them twice, and by one process at a time."""
    assert len(journal.processes) == processes
    assert sorted(set(journal.steps)) == list(range(1, steps + 1))
    assert len(journal.steps) < steps + 5 * processes, "at most the steps since the last checkpoint are done again"
    assert not journal.overlaps()
