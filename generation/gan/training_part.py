"""One of the processes that train a run together, watched over by a process that is none of them.

    python -m generation.gan.training_part SPECIFICATION RANK

The watcher (`generation.training_processes`) starts one for each GPU and speaks with it through pipes, in lines of
JSON: what happens goes out on standard output; where the watcher has to do something with a file first (a checkpoint,
a grid), this process waits for its line. SIGTERM to the first process saves and ends the run. The end of standard
input means that the watcher is gone.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from generation.gan.checkpoint import CheckpointData, checkpoint_name, load_checkpoint, save_checkpoint
from generation.gan.data import TrainingImages
from generation.gan.image_files import open_training_images
from generation.gan.memory import estimate_memory, memory_warning
from generation.gan.processes import join_group, leave_group
from generation.gan.registry import get_generator
from generation.gan.training import TrainingDivergedError, TrainingMemoryError, TrainingProgress, train
from worker.compute.devices import device_name

SAY_EVERY = 0.2  # seconds between two words on progress
GRID = "grid.npy"


@dataclass(frozen=True, kw_only=True)
class PartSpecification:
    """What all processes of a run are told; a file of JSON."""

    generator: str
    config: dict[str, Any]
    images: str  # a directory for `open_training_images`
    device: str  # "cpu" or "cuda"
    processes: int
    meeting: str  # path of a file that is not there yet
    files: str  # directory in which files are handed over
    resume: str = ""  # path of a checkpoint
    milestones: tuple[int, ...] = ()
    measure: str = ""  # "kid" or "fid"
    weights: str = ""  # directory of the extractor's weights


class WatcherGoneError(Exception):
    """Nobody is left who would take what this process makes."""


class Conversation:
    """With the watcher. Only the first process tells what happens; each tells of its own errors."""

    def __init__(self, *, rank: int, output: IO[str], answers: IO[str], files: Path) -> None:
        self.leads, self.output, self.answers, self.files = rank == 0, output, answers, files
        self.said = 0.0

    def say(self, what: str, **values: Any) -> None:
        self.output.write(json.dumps({"what": what, **values}) + "\n")
        self.output.flush()

    def ask(self, what: str, **values: Any) -> None:
        """Say it, and wait until the watcher has done its part."""
        self.say(what, **values)
        if not self.answers.readline():
            raise WatcherGoneError

    def save(self, data: CheckpointData) -> None:
        path = self.files / checkpoint_name(data.iteration)
        sha256 = save_checkpoint(path, data)
        self.ask(
            "checkpoint",
            iteration=data.iteration,
            images_seen=data.images_seen,
            measures=data.measures,
            file=path.name,
            sha256=sha256,
        )

    def grid(self, images_seen: int, images: NDArray[np.uint8]) -> None:
        np.save(self.files / GRID, images)
        self.ask("grid", images_seen=images_seen)

    def metrics(self, images_seen: int, values: dict[str, float]) -> None:
        self.say("metrics", images_seen=images_seen, values=values)

    def progress(self, now: TrainingProgress) -> None:
        if time.monotonic() - self.said >= SAY_EVERY or now.images_seen >= now.total_images:
            self.said = time.monotonic()
            self.say("progress", **asdict(now))


def main(specification: Path, rank: int) -> int:
    asked = PartSpecification(**json.loads(specification.read_text(encoding="utf-8")))
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no part of the conversation
    talk = Conversation(rank=rank, output=output, answers=sys.stdin, files=Path(asked.files))
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        device = join_group(asked.device, rank=rank, processes=asked.processes, meeting=Path(asked.meeting))
        run(asked, talk, device=device, abort=lambda: bool(stopped))
    except WatcherGoneError:
        return 1
    except (ValueError, TrainingDivergedError, TrainingMemoryError) as error:
        talk.say("error", text=str(error))
        return 1
    except Exception as error:
        talk.say("broken", text=f"{type(error).__name__}: {error}"[:2000], traceback=traceback.format_exc())
        return 1
    leave_group()
    return 0


def run(asked: PartSpecification, talk: Conversation, *, device: str, abort: Callable[[], bool]) -> None:
    config = get_generator(asked.generator).config.from_dict(asked.config)
    images = open_training_images(Path(asked.images))
    resume = load_checkpoint(Path(asked.resume)) if asked.resume else None
    if talk.leads:
        estimate = estimate_memory(asked.generator, config, n_classes=len(images.classes))
        talk.say(
            "start",
            device=device_name(device),
            memory=estimate.in_words(),
            warning=memory_warning(estimate, device),
        )
    measure = _measure(asked, talk, config=config, images=images, device=device, abort=abort)
    outcome = train(
        generator=asked.generator,
        config=config,
        images=images,
        resume=resume,
        device=device,
        milestones=asked.milestones,
        save=talk.save,
        grid=talk.grid,
        metrics=talk.metrics,
        progress=talk.progress,
        abort=abort,
        log=partial(_warn, talk),
        measure=measure,
    )
    if talk.leads:
        talk.say("outcome", **asdict(outcome))


def _warn(talk: Conversation, text: str) -> None:
    talk.say("log", text=text, level="warning")


def _measure(
    asked: PartSpecification,
    talk: Conversation,
    *,
    config: Any,
    images: TrainingImages,
    device: str,
    abort: Callable[[], bool],
) -> Any:
    if not asked.measure or not talk.leads:
        return None
    from generation.gan.measures.stoppable import make_stoppable_measure  # loads torchvision

    title, measure = make_stoppable_measure(
        kind=asked.measure, weights=Path(asked.weights), images=images, config=config, device=device, abort=abort
    )
    talk.say("log", text=f"Checkpoints are measured by {asked.measure.upper()} with {title}", level="info")
    return measure


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    # at once: a process that left a step half way may have threads that wait for the others for ever
    os._exit(code)
