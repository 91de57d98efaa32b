"""An import without a worker: the same code, in this process, with a progress bar in the terminal."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from django.db import transaction


class ForegroundContext:
    """A `worker.registry.JobContext` for one run in this process. Ctrl-C ends it; nothing is left behind then."""

    attempt = 1

    def __init__(self, *, directory: Path, on_progress: Callable[[int, int, str, str], None]) -> None:
        self.job_id = str(uuid.uuid4())
        self.directory = directory
        self._on_progress = on_progress
        self.lines: list[tuple[str, str]] = []  # (level, message)

    def progress(
        self, done: int, total: int, unit: str = "", message: str = "", seconds_left: float | None = None
    ) -> None:
        self._on_progress(done, total, unit, message)

    def log(self, message: str, level: str = "info") -> None:
        self.lines.append((level, message))

    def metric(self, step: int, **values: float) -> None:
        """An import draws no curves."""

    def artefact(self, path: Path, *, kind: str, step: int | None = None) -> None:
        """An import shows no files."""

    def device(self, name: str) -> None:
        """An import runs on the CPU."""

    def should_stop(self) -> bool:
        return False

    def raise_if_stopped(self) -> None:
        """Ctrl-C raises KeyboardInterrupt by itself."""

    def fenced(self) -> AbstractContextManager[None]:
        return transaction.atomic()
