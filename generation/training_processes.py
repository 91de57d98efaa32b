"""Several processes that train one run, one for each GPU, watched over by the job's own process.

They are children of the job's process and in its process group, so that whatever ends the job ends them; this module
ends them however it is left. Only the job's process speaks to the database: what happens comes through pipes
(`generation.gan.training_part`), files are handed over in a directory that goes away.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from config.environment import BASE_DIR
from generation.gan.progress import TrainingProgress
from generation.gan.recipe import Stage
from generation.gan.training import TrainingOutcome
from generation.gan.training_part import GRID, PartSpecification
from generation.training_keeper import SavedState
from worker.execution.tether import tethered
from worker.registry import JobError

FOLDER = "processes"  # in the job's directory
POLL_SECONDS = 0.2
LAST_WORDS_SECONDS = 2.0  # for the others to say what they have to, after one process has failed
LEAVING_SECONDS = 2.0  # for the others to leave after the first has

Message = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reports:
    """What the processes' watcher calls, as `generation.gan.training.train` would."""

    start: Callable[[str, str, str | None], None]  # device, memory and a warning, in words
    take: Callable[[Path, SavedState, str], None]  # a checkpoint file, to be moved away; what it holds; its SHA-256
    grid: Callable[[int, Any], None]
    metrics: Callable[[int, dict[str, float]], None]
    progress: Callable[[TrainingProgress], None]
    log: Callable[[str, str], None]  # text, level
    abort: Callable[[], bool]


def train_in_processes(
    specification: PartSpecification, *, folder: Path, reports: Reports, threads: int | None = None
) -> TrainingOutcome:
    """Train in `specification.processes` processes to the end, or until `reports.abort()`.

    `folder` is emptied at the start and removed at the end. `threads`: of each process on a CPU. Raises JobError, in
    words, when a process fails; then none is left.
    """
    with _empty(folder), _Parts(specification, folder, threads) as parts:
        return _Watch(parts, reports).until_done()


@contextmanager
def _empty(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Parts:
    """The processes. They are gone when the `with` block is."""

    def __init__(self, specification: PartSpecification, folder: Path, threads: int | None) -> None:
        path = folder / "specification.json"
        path.write_text(json.dumps(asdict(specification)), encoding="utf-8")
        count = specification.processes
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads or max(1, torch.get_num_threads() // count)),
            "PYTHONUNBUFFERED": "1",
        }
        self.folder = folder
        self.kind = "GPU" if specification.device == "cuda" else "process"
        self.processes: list[subprocess.Popen[str]] = []
        self.messages: queue.Queue[tuple[int, Message]] = queue.Queue()
        try:
            for rank in range(count):
                command = [sys.executable, "-m", "generation.gan.training_part", str(path), str(rank)]
                process = subprocess.Popen(
                    tethered(command, sent_at_death=signal.SIGKILL),
                    cwd=BASE_DIR,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                self.processes.append(process)
                threading.Thread(target=self._read, args=(rank, process), name=f"part {rank}", daemon=True).start()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "_Parts":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):
                        pipe.close()

    def _read(self, rank: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - as started above
        with suppress(ValueError):  # the pipe was closed
            for line in process.stdout:
                with suppress(json.JSONDecodeError):  # the last line of a process that was killed
                    self.messages.put((rank, json.loads(line)))

    def answer(self, rank: int) -> None:
        pipe = self.processes[rank].stdin
        assert pipe is not None  # noqa: S101 - as started above
        with suppress(OSError):  # it has ended: that is seen elsewhere
            pipe.write("done\n")
            pipe.flush()

    def name(self, rank: int) -> str:
        return f"{self.kind} {rank + 1} of {len(self.processes)}"


class _Watch:
    """Takes messages until the run is done or a process has failed."""

    def __init__(self, parts: _Parts, reports: Reports) -> None:
        self.parts, self.reports = parts, reports
        self.outcome: TrainingOutcome | None = None
        self.saved: int | None = None  # images seen at the last checkpoint
        self.errors: list[tuple[int, Message]] = []
        self.is_asked = False

    def until_done(self) -> TrainingOutcome:
        while self.outcome is None and not self._failed():
            self._ask_to_leave()
            self._take(POLL_SECONDS)
        if self.outcome is None:
            self._wait(LAST_WORDS_SECONDS, lambda: len(self.errors) == len(self.parts.processes))
        if self.outcome is None:
            raise JobError(self._why())
        self._wait(LEAVING_SECONDS, lambda: all(process.poll() is not None for process in self.parts.processes))
        return self.outcome

    def _ask_to_leave(self) -> None:
        if self.reports.abort() and not self.is_asked:
            self.is_asked = True
            self.parts.processes[0].terminate()  # it tells the others before the next step

    def _answer(self) -> None:
        self._ask_to_leave()  # before it goes on, not a step later
        self.parts.answer(0)

    def _wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not is_over():
            self._take(POLL_SECONDS)

    def _failed(self) -> bool:
        """Whether a process has said so, or has ended before the run has."""
        return bool(self.errors) or any(process.poll() is not None for process in self.parts.processes)

    def _take(self, seconds: float) -> None:
        try:
            rank, message = self.parts.messages.get(timeout=seconds)
        except queue.Empty:
            return
        what = message.pop("what")
        if what in ("error", "broken"):
            self.errors.append((rank, message))
        else:
            getattr(self, f"_on_{what}")(message)

    def _on_start(self, message: Message) -> None:
        self.reports.start(message["device"], message["memory"], message["warning"])

    def _on_progress(self, message: Message) -> None:
        stage = Stage(**message.pop("stage"))
        self.reports.progress(TrainingProgress(**message, stage=stage))

    def _on_metrics(self, message: Message) -> None:
        self.reports.metrics(message["images_seen"], message["values"])

    def _on_log(self, message: Message) -> None:
        self.reports.log(message["text"], message["level"])

    def _on_grid(self, message: Message) -> None:
        self.reports.grid(message["images_seen"], np.load(self.parts.folder / GRID, allow_pickle=False))
        self._answer()

    def _on_checkpoint(self, message: Message) -> None:
        path, sha256 = self.parts.folder / message.pop("file"), message.pop("sha256")
        state = SavedState(**message)
        self.reports.take(path, state, sha256)
        self.saved = state.images_seen
        self._answer()

    def _on_outcome(self, message: Message) -> None:
        self.outcome = TrainingOutcome(**message)

    def _why(self) -> str:
        """Of all that the processes said, and of how they ended, what explains most."""
        in_words = [(rank, message["text"]) for rank, message in self.errors if "traceback" not in message]
        if in_words:
            rank, text = in_words[0]
            if len(in_words) == len(self.parts.processes):  # what each finds is not one's own fault
                return text
            return f"{text} ({_sentence(self.parts.name(rank))}; the others were stopped with it.)"
        kept = (
            "Nothing had been saved yet." if self.saved is None else f"The state after {self.saved:,} images is kept."
        )
        resume = f"The others were stopped with it. {kept} Resume the run to go on."
        for rank, process in enumerate(self.parts.processes):
            number = -(process.poll() or 0)
            if number > 0:
                ending = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
                hint = " (the system does this when memory runs out)" if number == signal.SIGKILL else ""
                return _sentence(f"{self.parts.name(rank)} was ended by {ending}{hint}. {resume}")
        for rank, message in self.errors:
            self.reports.log(message["traceback"], "error")
            words = f"{self.parts.name(rank)} ended with {message['text']}. The log shows where in the code. {resume}"
            return _sentence(words)
        codes = ", ".join(str(process.poll()) for process in self.parts.processes)
        return f"The processes that train ended with status {codes} and without a word. {resume}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
