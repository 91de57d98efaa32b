"""Brings the batches of a run to the device, and measures how long training waited for them."""

import time
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from generation.gan.data import ShuffledOrder, TrainingImages, to_unit_range
from generation.gan.distributed import share
from generation.gan.recipe import Stage


class BatchLoader:
    """Real images in the run's order from `position` on, sizes and batches as `stage` says."""

    def __init__(
        self,
        images: TrainingImages,
        *,
        channels: int,
        seed: int,
        position: int,
        total: int,
        stage: Callable[[int], Stage],
        device: torch.device,
    ) -> None:
        self.channels, self.stage, self.device = channels, stage, device
        self.order = ShuffledOrder(len(images), seed=seed, drawn=position)
        self.images = images
        self.size, self.pixels = 0, torch.empty(0)
        self.labels = torch.from_numpy(images.labels).to(device)
        self.waited = 0.0  # seconds in `next`, in all

    def next(self) -> tuple[Stage, Tensor, Tensor]:
        """Stage, this process's share of the next batch: float32 (B, channels, size, size) in [-1, 1], int64 (B,)."""
        start = time.perf_counter()
        stage = self.stage(self.order.drawn)
        if stage.image_size != self.size:
            self.size = stage.image_size
            self.pixels = torch.from_numpy(self.images.level(self.size)).to(self.device)
        chosen = share(self.order.next(stage.batch_size)).to(self.device)
        real = to_unit_range(self.pixels[chosen], channels=self.channels)
        classes = self.labels[chosen]
        self.waited += time.perf_counter() - start
        return stage, real, classes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of threads and memory."""
