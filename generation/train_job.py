"""Runs a training job: brings data, checkpoints and the run's record to the loop in `generation.gan.training`.

It may be started any number of times after crashes and cancels; it goes on from the newest checkpoint.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from generation.gan.checkpoint import (
    CheckpointData,
    CheckpointError,
    checkpoint_name,
    file_sha256,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from generation.gan.data import TrainingImages
from generation.gan.devices import choose_device, device_name
from generation.gan.grids import grid_png
from generation.gan.registry import get_generator
from generation.gan.training import TrainingDivergedError, TrainingMemoryError, train
from generation.models import Checkpoint, TrainingRun
from generation.parameters import TrainParameters
from generation.services import record_checkpoint
from generation.training_data import collect_training_images
from worker.registry import JobContext, JobError

CHECKPOINTS = "checkpoints"
GRIDS = "grids"
MILESTONES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the run: states that stay and can be sampled from


def run_training(context: JobContext, parameters: TrainParameters) -> dict[str, Any]:
    """Train to the end, or until stopped (JobStopped, saved). Returns what the run's record needs to be checked."""
    run = TrainingRun.objects.select_related("dataset").get(pk=parameters.run_id)
    config = get_generator(parameters.generator).config.from_dict(parameters.config)
    try:
        device = choose_device(parameters.device)
    except ValueError as error:
        raise JobError(str(error)) from error
    context.device(device_name(device))
    images, digest = collect_training_images(context, run, filters=parameters.filters, size=config.image_size)

    keeper = _Keeper(context, run, milestones=milestones(config.iterations))
    display = _Display(context, images_per_iteration=config.batch_size)
    resume = keeper.newest()
    if resume is None:
        display.training_images(images, columns=config.grid_columns)
        counts = np.bincount(images.labels, minlength=len(images.classes))
        words = ", ".join(f"{count} {name}" for name, count in zip(images.classes, counts, strict=True))
        context.log(f"Training on {device_name(device)}: {len(images)} images ({words})")
    else:
        context.log(f"Going on from iteration {resume.iteration:,} on {device_name(device)}")
    try:
        outcome = train(
            generator=parameters.generator,
            config=config,
            images=images,
            resume=resume,
            device=device,
            milestones=keeper.milestones,
            save=keeper.save,
            grid=display.grid,
            metrics=display.metrics,
            progress=lambda now: display.progress(now.iteration, config.iterations),
            abort=context.should_stop,
            log=lambda message: context.log(message, level="warning"),
        )
    except (TrainingDivergedError, TrainingMemoryError, CheckpointError) as error:
        raise JobError(str(error)) from error
    if not outcome.finished:
        context.log(f"Stopped and saved at iteration {outcome.iteration:,}")
    context.raise_if_stopped()
    last = Checkpoint.objects.get(run=run, iteration=outcome.iteration)
    return {
        "iterations": outcome.iteration,
        "checkpoint_sha256": last.sha256,
        "training_images": len(images),
        "training_images_sha256": digest,
    }


def milestones(iterations: int) -> set[int]:
    """Iterations whose checkpoint is kept and recorded."""
    return {math.ceil(iterations * fraction) for fraction in MILESTONES}


class _Keeper:
    """Checkpoint files of a run: the newest, and the milestones, which also get a record."""

    def __init__(self, context: JobContext, run: TrainingRun, *, milestones: set[int]) -> None:
        self.context, self.run, self.milestones = context, run, milestones
        self.directory = context.directory / CHECKPOINTS
        self.recorded: dict[int, str] = dict(run.checkpoints.values_list("iteration", "sha256"))

    def newest(self) -> CheckpointData | None:
        """The newest checkpoint that can be read, or None at the start of a run."""
        for iteration, path in reversed(list_checkpoints(self.directory)):
            try:
                data = load_checkpoint(path)
            except CheckpointError as error:
                self.context.log(f"{error}. Going back to an earlier one.", level="warning")
                continue
            if iteration in self.milestones:  # written, but perhaps killed before it was recorded
                self._record(iteration, file_sha256(path))
            return data
        return None

    def save(self, data: CheckpointData) -> None:
        path = self.directory / checkpoint_name(data.iteration)
        recorded = self.recorded.get(data.iteration)
        if recorded and path.exists() and file_sha256(path) == recorded:
            return  # done a second time; what is recorded never changes
        sha256 = save_checkpoint(path, data)
        if recorded and sha256 != recorded:
            self.context.log(
                f"The checkpoint at iteration {data.iteration:,} was lost and came out differently on this machine: "
                "images drawn from the lost one cannot be made again",
                level="warning",
            )
        if data.iteration in self.milestones:
            self._record(data.iteration, sha256)
        prune_checkpoints(self.directory, keep=self.milestones)

    def _record(self, iteration: int, sha256: str) -> None:
        if iteration in self.recorded:
            return
        with self.context.fenced():
            record_checkpoint(
                run=self.run,
                iteration=iteration,
                file_name=f"{CHECKPOINTS}/{checkpoint_name(iteration)}",
                sha256=sha256,
            )
        self.recorded[iteration] = sha256
        self.context.log(f"Checkpoint at iteration {iteration:,}: samples can be drawn from it")


class _Display:
    """What a person sees of the run: progress, curves and grids, by iteration."""

    def __init__(self, context: JobContext, *, images_per_iteration: int) -> None:
        self.context, self.message = context, ""
        self.images_per_iteration = images_per_iteration

    def progress(self, done: int, total: int) -> None:
        self.context.progress(done, total, "iterations", self.message)

    def metrics(self, images_seen: int, values: dict[str, float]) -> None:
        self.message = f"{values['iterations_per_second']:.1f} iterations/s"
        self.context.metric(images_seen // self.images_per_iteration, **values)

    def grid(self, images_seen: int, images: np.ndarray) -> None:
        iteration = images_seen // self.images_per_iteration
        path = self._write(f"{GRIDS}/grid-{iteration:08d}.png", images)
        self.context.artefact(path, kind="grid", step=iteration)

    def training_images(self, images: TrainingImages, *, columns: int) -> None:
        """The first images of each class, as the networks see them, to compare the grids with."""
        side = images.pixels.shape[1]
        rows = np.full((len(images.classes), columns, side, side), 255, dtype=np.uint8)
        for index in range(len(images.classes)):
            found = images.pixels[images.labels == index][:columns]
            rows[index, : len(found)] = found
        self.context.artefact(self._write(f"{GRIDS}/training-images.png", rows), kind="training_images")

    def _write(self, name: str, images: np.ndarray) -> Path:
        path = self.context.directory / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(grid_png(images))
        temporary.replace(path)
        return path
