"""Runs a training job: brings data, checkpoints and the run's record to the loop in `generation.gan.training`.

It may be started any number of times after crashes and cancels; it goes on from the newest checkpoint. On one device
the loop runs in this process; on several, in processes of their own that this one watches over.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from generation.gan.checkpoint import CheckpointData, CheckpointError
from generation.gan.data import TrainingImages
from generation.gan.memory import estimate_memory, memory_warning
from generation.gan.processes import check_devices
from generation.gan.registry import create_recipe, get_generator
from generation.gan.stopping import StoppedError
from generation.gan.training import TrainingDivergedError, TrainingMemoryError, TrainingOutcome, train
from generation.models import TrainingRun
from generation.parameters import TrainParameters
from generation.training_data import DIRECTORY, collect_training_images, make_levels
from generation.training_display import TrainingDisplay
from generation.training_keeper import MILESTONES, CheckpointKeeper
from worker.compute.devices import device_name
from worker.registry import JobContext, JobError


def run_training(context: JobContext, parameters: TrainParameters) -> dict[str, Any]:
    """Train to the end, or until stopped (JobStopped, saved). Returns what the run's record needs to be checked."""
    run = TrainingRun.objects.select_related("dataset").get(pk=parameters.run_id)
    config = get_generator(parameters.generator).config.from_dict(parameters.config)
    try:
        device = check_devices(parameters.device, processes=parameters.processes)
    except ValueError as error:
        raise JobError(str(error)) from error
    images, digest = collect_training_images(
        context,
        run,
        filters=parameters.filters,
        limits=parameters.limits,
        size=config.image_size,
        seed=config.seed,
    )
    keeper, display = CheckpointKeeper(context, run), TrainingDisplay(context, image_size=config.image_size)
    try:
        recipe = create_recipe(parameters.generator, config, n_classes=len(images.classes))
        total_images, smallest = recipe.total_images, recipe.stage(0).image_size
        del recipe
        make_levels(context, images, smallest)
        resume = keeper.newest()
        keeper.go_on(total_images=total_images, resume=resume)
        if resume is None:
            display.training_images(images, columns=config.grid_columns)
        work = _Work(
            context=context,
            run=run,
            parameters=parameters,
            config=config,
            images=images,
            device=device,
            resume=resume,
            keeper=keeper,
            display=display,
        )
        outcome = work.train_here() if parameters.processes == 1 else work.train_in_processes()
    except StoppedError:
        context.raise_if_stopped()
        raise
    except (TrainingDivergedError, TrainingMemoryError, CheckpointError, ValueError) as error:
        raise JobError(str(error)) from error
    if outcome.waiting_share is not None:
        context.log(f"The networks waited for training images {outcome.waiting_share:.1%} of the time")
    if not outcome.finished:
        keeper.record_newest()
        context.log(f"Stopped and saved after {outcome.images_seen:,} images")
    context.raise_if_stopped()
    return {
        "iterations": outcome.iteration,
        "images_seen": outcome.images_seen,
        "skipped_steps": outcome.skipped_steps,
        "checkpoint_sha256": keeper.last.sha256,
        "training_images": len(images),
        "training_images_sha256": digest,
    }


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What a run trains with; the loop, here or in processes of its own."""

    context: JobContext
    run: TrainingRun
    parameters: TrainParameters
    config: Any
    images: TrainingImages
    device: str
    resume: CheckpointData | None
    keeper: CheckpointKeeper
    display: TrainingDisplay

    def train_here(self) -> TrainingOutcome:
        images, config, name = self.images, self.config, self.parameters.generator
        abort = self.context.should_stop
        estimate = estimate_memory(name, config, n_classes=len(images.classes), abort=abort)
        self._begin(device_name(self.device), estimate.in_words(), memory_warning(estimate, self.device))
        return train(
            generator=name,
            config=config,
            images=images,
            resume=self.resume,
            device=self.device,
            milestones=milestones(config),
            save=self.keeper.save,
            grid=self.display.grid,
            metrics=self.display.metrics,
            progress=self.display.progress,
            abort=abort,
            log=partial(self.context.log, level="warning"),
            measure=self._measure() if self.run.best_by else None,
        )

    def train_in_processes(self) -> TrainingOutcome:
        from generation.gan.training_part import PartSpecification
        from generation.training_processes import FOLDER, Reports, train_in_processes
        from worker.weight_files import weights_folder

        folder = self.context.directory / FOLDER
        return train_in_processes(
            PartSpecification(
                generator=self.parameters.generator,
                config=self.config.to_dict(),
                images=str(self.context.directory / DIRECTORY),
                device=self.device,
                processes=self.parameters.processes,
                meeting=str(folder / "meeting"),
                files=str(folder),
                resume=str(self.keeper.path(self.resume)) if self.resume else "",
                milestones=tuple(sorted(milestones(self.config))),
                measure=self.run.best_by,
                weights=str(weights_folder()),
            ),
            folder=folder,
            reports=Reports(
                start=self._begin,
                take=self.keeper.take,
                grid=self.display.grid,
                metrics=self.display.metrics,
                progress=self.display.progress,
                log=self.context.log,
                abort=self.context.should_stop,
            ),
        )

    def _begin(self, device: str, memory: str, warning: str | None) -> None:
        """Say where it trains, on what, and how much memory that needs."""
        context, images, processes = self.context, self.images, self.parameters.processes
        where = device if processes == 1 else f"{processes} x {device}"
        context.device(where)
        if self.resume is None:
            counts = np.bincount(images.labels, minlength=len(images.classes))
            words = ", ".join(f"{count:,} {name}" for name, count in zip(images.classes, counts, strict=True))
            context.log(f"Training on {where}: {len(images):,} images ({words})")
        else:
            context.log(f"Going on after {self.resume.images_seen:,} images on {where}")
        each = "" if processes == 1 else ", on each"
        context.log(warning or f"{memory} of memory{each}", level="warning" if warning else "info")

    def _measure(self) -> Any:
        from generation.training_measure import make_measure  # loads torchvision, which most runs do without

        return make_measure(self.context, self.run, config=self.config, images=self.images, device=self.device)


def milestones(config: Any) -> set[int]:
    """Steps after which a state is saved to be kept; empty for generators whose length is not counted in steps.

    These keep the first state that is saved after each share of the run.
    """
    iterations = getattr(config, "iterations", None)
    return set() if iterations is None else {math.ceil(iterations * share) for share in MILESTONES}
