"""One child process of the supervisor: start it, see that it is ready, start it again when it dies, stop it."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.environment import BASE_DIR
from worker.execution.tether import tethered

logger = logging.getLogger(__name__)

FIRST_RESTART_SECONDS, LAST_RESTART_SECONDS = 0.5, 30.0  # doubled at each death in a row
HEALTHY_SECONDS = 30.0  # after this long a death is a first one again
STARTS_BEFORE_READY = 3  # a part that dies so often before it was ever ready is misconfigured


class PartError(Exception):
    """A part does not start; the text says what it said last."""


@dataclass
class Part:
    """One child process that should be running."""

    name: str
    command: list[str]
    log: Path
    is_ready: Callable[["Part"], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    patience_seconds: float = 10.0  # between the stop signal and SIGKILL
    pass_fds: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    before_start: Callable[[], None] = lambda: None

    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    ever_ready: bool = False
    started_at: float = 0.0
    restart_at: float = 0.0
    deaths: int = 0  # in a row

    def start(self) -> None:
        self.before_start()
        self.ready = False
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} starting {self.name}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                tethered(self.command),
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                pass_fds=self.pass_fds,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops the parts in order
            )

    def watch(self) -> None:
        """One look: note that it is ready, or that it died; start it again when its time has come."""
        if self.process is None:
            if time.monotonic() >= self.restart_at:
                self.start()
        elif self.process.poll() is not None:
            self._died(self.process.returncode)
        elif not self.ready and self.is_ready(self):
            self.ready = self.ever_ready = True
            logger.info("%s is ready (process %d)", self.name, self.process.pid)

    def stop(self) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        with suppress(ProcessLookupError):
            process.send_signal(self.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=self.patience_seconds)
        _kill_group(process)
        process.wait()

    def last_words(self, lines: int = 15) -> str:
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def _died(self, returncode: int) -> None:
        assert self.process is not None  # noqa: S101  for the type checker
        _kill_group(self.process)
        self.process = None
        lived = time.monotonic() - self.started_at
        self.deaths = 1 if lived > HEALTHY_SECONDS else self.deaths + 1
        if not self.ever_ready and self.deaths >= STARTS_BEFORE_READY:
            raise PartError(
                f"{self.name} does not start (status {returncode}). The end of {self.log}:\n{self.last_words()}"
            )
        pause = min(FIRST_RESTART_SECONDS * 2 ** (self.deaths - 1), LAST_RESTART_SECONDS)
        self.restart_at = time.monotonic() + pause
        logger.warning("%s ended with status %d; starting it again in %.1f s", self.name, returncode, pause)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
