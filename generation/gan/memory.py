"""Memory: an estimate before a run, and what to change when there is not enough."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from generation.gan.distributed import alone, world
from generation.gan.progress import Clock
from generation.gan.recipe import Recipe, Stage
from generation.gan.registry import create_recipe
from generation.gan.stopping import Abort, leave_if

PROBE = 4  # images of the forward pass that is measured


class TrainingMemoryError(MemoryError):
    """The device's memory does not hold a step. The text says which setting to change."""


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """Bytes that a run needs on its device, beside PyTorch itself. A guide: half to double is used."""

    stage: Stage  # the one that needs most
    weights: int  # of all networks, averaged ones included
    gradients: int
    optimiser: int
    activations: int  # kept for the backward pass, and its two largest intermediate results
    images: int  # training images held in memory

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimiser + self.activations + self.images

    def in_words(self) -> str:
        return (
            f"About {self.total / 1e9:.2f} GB: {self.activations / 1e9:.2f} for a step of {self.stage.batch_size} "
            f"images of {self.stage.image_size} pixels, {(self.weights + self.gradients + self.optimiser) / 1e9:.2f} "
            f"for networks and optimisers, {self.images / 1e9:.2f} for training images"
        )


def estimate_memory(
    generator: str, config: Any, *, n_classes: int, image_bytes: int = 0, abort: Abort | None = None
) -> MemoryEstimate:
    """What training needs in this process, measured on a forward pass of 4 images on the CPU and scaled to the batch.

    One step is taken to hold one pass of the generator and two of the discriminator (real and generated images); a
    recipe that holds more at once, as a gradient penalty does, says how many times as much in `memory_factor`, and one
    whose networks grow puts them at a size in `prepare(stage)`. Takes seconds at 1024 pixels; raises
    StoppedError when `abort` says so meanwhile.
    """
    with torch.random.fork_rng([]), alone():
        recipe = create_recipe(generator, config, n_classes=n_classes)
        stage = _largest_stage(recipe)
        prepare = getattr(recipe, "prepare", None)
        if prepare is not None:
            prepare(stage)
        kept, largest = _measured_pass(recipe, config, abort)
    trained = sum(
        one.numel() * one.element_size()
        for optimiser in recipe.optimisers.values()
        for group in optimiser.param_groups
        for one in group["params"]
    )
    factor = stage.batch_size / world().size / PROBE * getattr(recipe, "memory_factor", 1.0)
    return MemoryEstimate(
        stage=stage,
        weights=sum(
            values.numel() * values.element_size()
            for network in recipe.networks.values()
            for values in network.state_dict().values()
        ),
        gradients=trained,
        optimiser=2 * trained,  # Adam's two means
        activations=round(factor * (kept + 2 * largest)),
        images=image_bytes,
    )


def memory_warning(estimate: MemoryEstimate, device: str) -> str | None:
    """What to say when `device` has less free memory than estimated; None when it has enough or nobody knows."""
    free = free_memory(device)
    if free is None or estimate.total <= free:
        return None
    return (
        f"{estimate.in_words()}. Free on this {'GPU' if device.startswith('cuda') else 'machine'}: {free / 1e9:.2f} "
        "GB. Training may stop for want of memory; a smaller batch needs less"
    )


def free_memory(device: str) -> int | None:
    """Bytes that can still be taken, or None where that cannot be asked."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


@contextmanager
def explain_out_of_memory(config: Any, stage: Callable[[], Stage]) -> Iterator[None]:
    """Turn PyTorch's and Python's own errors into a TrainingMemoryError in words."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, TrainingMemoryError) or not is_out_of_memory(error):
            raise
        raise TrainingMemoryError(out_of_memory_advice(config, stage())) from error


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)


def out_of_memory_advice(config: Any, stage: Stage) -> str:
    names = [one.name for one in fields(config) if "batch" in one.name]
    setting = " or ".join(names) or "the batch size"
    return (
        f"There is not enough memory for a step of {stage.batch_size} images of {stage.image_size} x "
        f"{stage.image_size} pixels. Lower {setting} (by half, say) and start a new run, or train on a machine or GPU "
        "with more memory that no other job uses at the same time. What was saved before is kept."
    )


def _largest_stage(recipe: Recipe) -> Stage:
    stages = [recipe.stage(start) for start, _, _ in Clock(recipe).pieces]
    return max(stages, key=lambda stage: stage.batch_size * stage.image_size**2)


def _measured_pass(recipe: Recipe, config: Any, abort: Abort | None) -> tuple[int, int]:
    """Bytes that the graphs of a pass of the generator and two of the discriminator keep, and the largest result."""
    own = {
        values.untyped_storage().data_ptr()
        for network in recipe.networks.values()
        for values in [*network.parameters(), *network.buffers()]
    }
    kept: dict[int, int] = {}

    def remember(values: Tensor) -> Tensor:
        leave_if(abort)
        storage = values.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return values

    classes = torch.zeros(PROBE, dtype=torch.int64)
    passes = []  # graphs stay alive, so that no storage is counted under the address of another
    with torch.autograd.graph.saved_tensors_hooks(remember, lambda values: values):
        made = recipe.networks["generator"](torch.randn(PROBE, config.latent_dim), classes)
        passes.append(made)
        discriminator = recipe.networks.get("discriminator")
        for _ in range(2 if discriminator is not None else 0):
            assert discriminator is not None  # noqa: S101
            images = made.detach().clone().requires_grad_(True)
            passes.append(discriminator(images, classes) if _takes_classes(discriminator) else discriminator(images))
    return sum(kept.values()), max(kept.values(), default=0)


def _takes_classes(network: nn.Module) -> bool:
    parameters = inspect.signature(network.forward).parameters.values()
    required = [one for one in parameters if one.default is inspect.Parameter.empty]
    return len(required) >= 2
