"""What is particular to one kind of GAN in training; the loop in `generation.gan.training` is the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the next step trains on."""

    image_size: int  # pixels, a side of the real images
    batch_size: int  # real images of the step, over all processes
    alpha: float = 1.0  # share of the newest layers while they fade in; the recipe also applies it to the reals


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """How often the loop does what takes time, in real images seen."""

    checkpoint: int
    grid: int
    metrics: int  # window over which a point of the curves is averaged

    @classmethod
    def of_kimg(cls, checkpoint: float, grid: float, metrics: float) -> Cadence:
        """From thousands of images; nothing more often than at every image."""
        images = [max(1, round(kimg * 1000)) for kimg in (checkpoint, grid, metrics)]
        return cls(checkpoint=images[0], grid=images[1], metrics=images[2])


class Recipe(Protocol):
    """Networks, optimisers, losses and schedule of one run.

    All that changes while it trains is in the state of `networks` and `optimisers`, in `state()`, in PyTorch's global
    random state and in the `random` generator that the loop passes: together with the configuration they make a
    stopped run go on bit for bit. Made with `Recipe(config, n_classes=..., device=...)`, on the CPU first, so that a
    seed gives the same start on every device.
    """

    networks: dict[str, nn.Module]  # "generator", "discriminator", and what else is trained or averaged
    optimisers: dict[str, torch.optim.Optimizer]
    total_images: int  # real images at which the run is finished
    cadence: Cadence
    exact_on_cuda: bool  # whether every operation has a deterministic CUDA algorithm

    @property
    def sampled(self) -> nn.Module:
        """The network whose images are shown, kept and measured: the averaged generator where there is one."""
        ...

    def stage(self, images_seen: int) -> Stage:
        """A function of `images_seen` and the configuration alone."""
        ...

    def step(
        self, real: Tensor, classes: Tensor, *, images_seen: int, random: torch.Generator
    ) -> dict[str, Tensor | None]:
        """One step of both networks; curves by name, each a 0-dim tensor on the device (no wait for it), None when
        this step does not compute it.

        `real` (B, channels, size, size) float32 in [-1, 1] and `classes` (B,) int64 are this process's share of the
        batch of `stage(images_seen)`. Whatever is random over the batch is drawn for the whole batch from `random`
        (a CPU generator, alike in every process) and shared out by `distributed.share`; gradients go through
        `distributed.average_gradients` before an optimiser uses them. A loss or gradient that is not finite must not
        reach the weights: the step is left out and counted in the curve "skipped_steps".
        """
        ...

    def state(self) -> dict[str, Any]:
        """What else changes: ADA's probability, the mean path length, a loss scale. Tensors, numbers, text only."""
        ...

    def load_state(self, values: dict[str, Any]) -> None: ...
