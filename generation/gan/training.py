"""Trains any generator: one loop that reads from top to bottom, with what it needs to stop and go on bit for bit.

What is particular to a generator is in its recipe. The loop knows nothing of jobs or databases: what is to be shown,
stored or asked goes through callbacks.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from generation.gan.checkpoint import CheckpointData, CheckpointError
from generation.gan.data import TrainingImages, to_grey_levels
from generation.gan.distributed import agree, alone, require_divisible, world
from generation.gan.loader import BatchLoader
from generation.gan.memory import TrainingMemoryError, explain_out_of_memory
from generation.gan.progress import Clock, Curves, TrainingProgress
from generation.gan.sampling import draw_latents
from generation.gan.state import TrainingState, warn_of_other_bits
from generation.gan.stopping import Abort, StoppedError, leave_if, stoppable, stoppable_network
from worker.compute.devices import choose_device, deterministic_algorithms, device_name

__all__ = [
    "CheckpointError",
    "TrainingDivergedError",
    "TrainingMemoryError",
    "TrainingOutcome",
    "TrainingProgress",
    "choose_device",
    "deterministic_algorithms",
    "device_name",
    "sample_grid",
    "train",
]

SLOW_SECONDS = 0.5  # steps that take longer can be left half way; a copy of the state is kept while one is done
SKIP_LIMIT = 50  # steps in a row; float16 leaves out up to about 20 at its start, while it finds its loss scale


class TrainingDivergedError(ArithmeticError):
    """Losses or weights are no longer numbers. Nothing was saved since; the text says when and what to try."""


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    iteration: int  # steps done in all, earlier attempts included
    finished: bool  # False: stopped by `abort`, saved
    images_seen: int = 0
    skipped_steps: int = 0
    waiting_share: float | None = field(default=None, compare=False)  # of this attempt's time, for training images


def train(  # noqa: C901 - one flat loop; what could be named is in the functions and classes it calls
    *,
    generator: str,  # a name in generation.gan.registry
    config: Any,  # its configuration
    images: TrainingImages,
    resume: CheckpointData | None = None,
    device: str = "cpu",
    milestones: Collection[int] = (),  # steps after which a checkpoint is saved beside those of the cadence
    save: Callable[[CheckpointData], None] | None = None,
    grid: Callable[[int, NDArray[np.uint8]], None] | None = None,  # images seen, (classes, columns, side, side)
    metrics: Callable[[int, dict[str, float]], None] | None = None,  # images seen, curves by name
    progress: Callable[[TrainingProgress], None] | None = None,  # after every step
    abort: Callable[[], bool] | None = None,  # asked often; True: save and leave
    log: Callable[[str], None] | None = None,  # a warning for people
    measure: Callable[[int, nn.Module], dict[str, float]] | None = None,  # images seen, the sampled network; kept
    skip_limit: int = SKIP_LIMIT,  # steps in a row that may be left out as not finite
) -> TrainingOutcome:
    """Train until the recipe's `total_images` were seen, from the start or from `resume`.

    With the same settings, images, device, thread count, number of processes and PyTorch version a run gives the same
    bits, however often it was stopped and resumed; on CUDA only where the recipe is `exact_on_cuda`. `measure` and
    `grid` change nothing in the run. In a process group (`torchrun`) every process calls this with the same arguments;
    only the first one's callbacks are used, but any process's `abort` stops all.

    `abort` is asked before every step, and in the first process also while smaller images are made, within grids and
    measures, and within steps that take long (`SLOW_SECONDS`): such a step is left half way, and what is saved is the
    state before it, bit for bit.

    Raises TrainingDivergedError when more than `skip_limit` steps in a row are left out because a loss or a gradient
    is not finite, or a weight is not; CheckpointError when `resume` belongs to another run; TrainingMemoryError when
    the memory does not hold a step; ValueError for images that do not fit the settings.
    """
    if getattr(config, "conditional", True) is False:
        images = images.as_one_class()
    if not world().leads:
        save = grid = metrics = progress = log = measure = None
    torch_device = torch.device(device)
    if resume is None:
        state = TrainingState(generator=generator, config=config, images=images, device=device)
    else:
        state = TrainingState.from_checkpoint(resume, generator=generator, config=config, images=images, device=device)
        warn_of_other_bits(resume, state, log)
    recipe, cadence, total = state.recipe, state.recipe.cadence, state.recipe.total_images
    ask = abort if world().leads else None  # the others wait for the first, and learn between steps
    clock = Clock(recipe)
    require_divisible(clock.batch_sizes)
    curves = Curves(skipped_in_all=state.skipped_steps, skipped_in_a_row=state.skipped_in_a_row)
    for network in recipe.networks.values():
        network.train()
    if recipe.sampled is not recipe.networks.get("generator"):
        recipe.sampled.eval()

    def require_finite(*, weights: bool) -> None:
        """Bring the counts of skipped steps up to date, and stop before anything that is not a number is saved."""
        curves.fold()
        state.skipped_steps, state.skipped_in_a_row = curves.skipped_in_all, curves.skipped_in_a_row
        if curves.skipped_in_a_row > skip_limit:
            what = f"a loss or gradient of each of the last {curves.skipped_in_a_row} steps was"
            raise TrainingDivergedError(_diverged(state.iteration, what))
        if weights and not state.is_finite():
            raise TrainingDivergedError(_diverged(state.iteration, "a weight was"))

    if not _make_levels(images, clock, abort):
        if save and resume is None:
            save(state.snapshot())
        return _outcome(state, finished=False)

    with (
        deterministic_algorithms(exact=recipe.exact_on_cuda or torch_device.type == "cpu"),
        explain_out_of_memory(config, lambda: recipe.stage(state.images_seen)),
        BatchLoader(
            images,
            channels=config.channels,
            seed=config.seed,
            position=state.images_seen,
            total=total,
            stage=recipe.stage,
            device=torch_device,
        ) as loader,
    ):
        if grid and state.iteration == 0:
            _show(grid, state, ask)
        saved_at, begun = state.iteration if resume else -1, time.perf_counter()
        window_clock, window_waited = time.perf_counter(), loader.waited
        seconds_of: dict[int, float] = {}  # image size -> of the last step
        clock.start()

        while state.images_seen < total:
            if agree(bool(abort and abort())):
                if saved_at != state.iteration:
                    require_finite(weights=True)
                    if save:
                        save(state.snapshot())
                return _outcome(state, finished=False, waiting=loader.waited / (time.perf_counter() - begun))

            stage, started = recipe.stage(state.images_seen), time.perf_counter()
            is_slow = ask is not None and seconds_of.get(stage.image_size, SLOW_SECONDS) >= SLOW_SECONDS
            before_step = state.copy() if is_slow else None
            try:
                stage, real, classes = loader.next(ask)
                with stoppable(ask) if is_slow and ask else nullcontext():
                    values = recipe.step(real, classes, images_seen=state.images_seen, random=state.random)
            except StoppedError:
                with alone():  # the others may still be within the step
                    if before_step is not None:
                        state.load(before_step)
                    if saved_at != state.iteration:
                        require_finite(weights=True)
                        if save:
                            save(state.snapshot())
                return _outcome(state, finished=False, waiting=loader.waited / (time.perf_counter() - begun))
            seconds_of[stage.image_size], before_step = time.perf_counter() - started, None
            curves.add(values, images=stage.batch_size)
            before = state.images_seen
            state.images_seen += stage.batch_size
            state.iteration += 1
            clock.step(stage)
            if curves.is_folded:
                require_finite(weights=False)

            last = state.images_seen >= total
            if progress:
                progress(
                    TrainingProgress(
                        images_seen=state.images_seen,
                        total_images=total,
                        iteration=state.iteration,
                        stage=stage,
                        seconds_left=clock.seconds_left(state.images_seen),
                    )
                )
            if _passed(cadence.metrics, before, state.images_seen) or last:
                require_finite(weights=False)  # waits for the device
                seconds = time.perf_counter() - window_clock
                steps, window_images = curves.steps, curves.images
                means = curves.finish()
                if metrics:
                    means["iterations_per_second"] = steps / seconds
                    means["images_per_second"] = window_images / seconds
                    means["loader_wait_share"] = (loader.waited - window_waited) / seconds
                    metrics(state.images_seen, means)
                window_clock, window_waited = time.perf_counter(), loader.waited
            if grid and (_passed(cadence.grid, before, state.images_seen) or last):
                _show(grid, state, ask)
            at_cadence = _passed(cadence.checkpoint, before, state.images_seen)
            if at_cadence or state.iteration in milestones or last:
                require_finite(weights=True)
                measures: dict[str, float] = {}
                if measure and (at_cadence or last):
                    with suppress(StoppedError), _aside(recipe.sampled, torch_device, ask):
                        measures = measure(state.images_seen, recipe.sampled)
                    if metrics and measures:
                        metrics(state.images_seen, measures)
                if save:
                    save(state.snapshot(measures))
                saved_at = state.iteration
        waiting = loader.waited / (time.perf_counter() - begun)
    return _outcome(state, finished=True, waiting=waiting)


@torch.no_grad()
def sample_grid(state: TrainingState, abort: Abort | None = None) -> NDArray[np.uint8]:
    """Images of the same latents at every call: (classes, columns, side, side) uint8, the same for all classes.

    In evaluation mode, as samples are drawn; changes neither the networks' statistics nor a random state. Raises
    StoppedError when `abort` says so meanwhile.
    """
    config, network = state.config, state.recipe.sampled
    row = draw_latents(
        seed=config.seed,
        class_index=0,
        indices=range(config.grid_columns),
        dim=config.latent_dim,
        std=config.latent_std,
    )
    latents = torch.from_numpy(row).to(state.device, torch.float32)
    with _aside(network, state.device, abort):
        return np.stack(
            [
                to_grey_levels(network(latents, torch.full((len(latents),), index, device=state.device)))
                for index in range(len(state.images.classes))
            ]
        )


def _show(grid: Callable[[int, NDArray[np.uint8]], None], state: TrainingState, abort: Abort | None) -> None:
    """No grid when the run is to stop meanwhile: the next step asks again."""
    with suppress(StoppedError):
        grid(state.images_seen, sample_grid(state, abort))


@contextmanager
def _aside(network: nn.Module, device: torch.device, abort: Abort | None) -> Iterator[None]:
    """Within it `network` is in evaluation mode and can be left, what is drawn does not change the run's random states,
    and other processes are not waited for."""
    training = network.training
    network.eval()
    try:
        with (
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            alone(),
            stoppable_network(network, abort),
        ):
            yield
    finally:
        network.train(training)


def _make_levels(images: TrainingImages, clock: Clock, abort: Abort | None) -> bool:
    """Make the smaller images of the run's stages, those of a file once for all processes. False: left, told to."""
    size, stopped = min(size for _, _, size in clock.pieces), False
    if world().leads or not images.mapped:
        try:
            images.level(size, step=lambda done, total: leave_if(abort))
        except StoppedError:
            stopped = True
    if agree(stopped):
        return False
    images.level(size)
    return True


def _passed(every: int, before: int, now: int) -> bool:
    return now // every > before // every


def _outcome(state: TrainingState, *, finished: bool, waiting: float | None = None) -> TrainingOutcome:
    return TrainingOutcome(
        waiting_share=waiting,
        iteration=state.iteration,
        finished=finished,
        images_seen=state.images_seen,
        skipped_steps=state.skipped_steps,
    )


def _diverged(iteration: int, what: str) -> str:
    return (
        f"Training diverged: {what} not a finite number by iteration {iteration}. Lower the learning rate (by half, "
        "say) or change the seed, and start a new run; resuming this one would diverge again."
    )
