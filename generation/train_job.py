"""Runs a training job: brings data, checkpoints and the run's record to the loop in `generation.gan.training`.

It may be started any number of times after crashes and cancels; it goes on from the newest checkpoint.
"""

import math
from typing import Any

import numpy as np

from generation.gan.checkpoint import CheckpointError
from generation.gan.memory import estimate_memory, memory_warning
from generation.gan.registry import create_recipe, get_generator
from generation.gan.training import TrainingDivergedError, TrainingMemoryError, train
from generation.models import TrainingRun
from generation.parameters import TrainParameters
from generation.training_data import collect_training_images
from generation.training_display import TrainingDisplay
from generation.training_keeper import MILESTONES, CheckpointKeeper
from worker.compute.devices import choose_device, device_name
from worker.registry import JobContext, JobError


def run_training(context: JobContext, parameters: TrainParameters) -> dict[str, Any]:
    """Train to the end, or until stopped (JobStopped, saved). Returns what the run's record needs to be checked."""
    run = TrainingRun.objects.select_related("dataset").get(pk=parameters.run_id)
    config = get_generator(parameters.generator).config.from_dict(parameters.config)
    try:
        device = choose_device(parameters.device)
    except ValueError as error:
        raise JobError(str(error)) from error
    context.device(device_name(device))
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
        total_images = create_recipe(parameters.generator, config, n_classes=len(images.classes)).total_images
        resume = keeper.newest()
        keeper.go_on(total_images=total_images, resume=resume)
        if resume is None:
            display.training_images(images, columns=config.grid_columns)
            counts = np.bincount(images.labels, minlength=len(images.classes))
            words = ", ".join(f"{count:,} {name}" for name, count in zip(images.classes, counts, strict=True))
            context.log(f"Training on {device_name(device)}: {len(images):,} images ({words})")
        else:
            context.log(f"Going on after {resume.images_seen:,} images on {device_name(device)}")
        estimate = estimate_memory(parameters.generator, config, n_classes=len(images.classes))
        warning = memory_warning(estimate, device)
        context.log(warning or f"{estimate.in_words()} of memory", level="warning" if warning else "info")
        outcome = train(
            generator=parameters.generator,
            config=config,
            images=images,
            resume=resume,
            device=device,
            milestones=milestones(config),
            save=keeper.save,
            grid=display.grid,
            metrics=display.metrics,
            progress=display.progress,
            abort=context.should_stop,
            log=lambda message: context.log(message, level="warning"),
            measure=_measure(context, run, config=config, images=images, device=device) if run.best_by else None,
        )
    except (TrainingDivergedError, TrainingMemoryError, CheckpointError, ValueError) as error:
        raise JobError(str(error)) from error
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


def _measure(context: JobContext, run: TrainingRun, **given: Any) -> Any:
    from generation.training_measure import make_measure  # loads torchvision, which most runs do without

    return make_measure(context, run, **given)


def milestones(config: Any) -> set[int]:
    """Steps after which a state is saved to be kept; empty for generators whose length is not counted in steps.

    These keep the first state that is saved after each share of the run.
    """
    iterations = getattr(config, "iterations", None)
    return set() if iterations is None else {math.ceil(iterations * share) for share in MILESTONES}
