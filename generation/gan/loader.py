"""Brings the batches of a run to the device, and measures how long training waited for them."""

import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.profiler import record_function

from generation.gan.data import ShuffledOrder, TrainingImages, to_unit_range
from generation.gan.distributed import World, world
from generation.gan.recipe import Stage
from generation.gan.stopping import Abort, leave_if

AHEAD = 4  # batches that wait ready in memory
POLL_SECONDS = 0.2
RESIDENT_SHARE = 0.1  # of a GPU's free memory that training images may take

Batch = tuple[Stage, Tensor, Tensor]  # uint8 (B, size, size[, 3]) and int64 (B,), on the CPU


class BatchLoader:
    """Real images in the run's order from `position` to `total`, sizes and batches as `stage` says.

    Images in memory that the device can hold stay on it. Others are gathered by a thread, ahead of time and into
    page-locked memory for a GPU, which then copies them while it computes. Use it in a `with` block.
    """

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
        """Raises ValueError when a stage needs a size that no halving of the images gives."""
        self.images, self.channels, self.stage, self.device, self.total = images, channels, stage, device, total
        self.order = ShuffledOrder(len(images), seed=seed, drawn=position)
        self.here: World = world()  # the thread must not ask later
        self.waited = 0.0  # seconds in `next`, in all
        self.resident = not isinstance(images.pixels, np.memmap) and _fits(images, device)
        self._size, self._pixels, self._labels = 0, torch.empty(0), torch.from_numpy(images.labels).to(device)
        self._ready: Queue[Batch | Exception] = Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._gather_ahead, name="batches", daemon=True)

    def __enter__(self) -> Self:
        if not self.resident:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of the thread and its batches."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def next(self, abort: Abort | None = None) -> tuple[Stage, Tensor, Tensor]:
        """Stage, this process's share of the next batch: float32 (B, channels, size, size) in [-1, 1], int64 (B,).

        Raises StoppedError when `abort` says so while there is none yet.
        """
        with record_function("loader"):
            start = time.perf_counter()
            stage, pixels, classes = self._on_device() if self.resident else self._gathered(abort)
            self.waited += time.perf_counter() - start
            return stage, to_unit_range(pixels, channels=self.channels), classes

    def _gathered(self, abort: Abort | None) -> Batch:
        while True:
            try:
                batch = self._ready.get(timeout=POLL_SECONDS)
                break
            except Empty:
                leave_if(abort)
        if isinstance(batch, Exception):
            raise batch
        stage, pixels, classes = batch
        return stage, pixels.to(self.device, non_blocking=True), classes.to(self.device, non_blocking=True)

    def _chosen(self) -> tuple[Stage, Tensor]:
        stage = self.stage(self.order.drawn)
        return stage, self.order.next(stage.batch_size)[self.here.rank :: self.here.size]

    def _on_device(self) -> Batch:
        stage, chosen = self._chosen()
        if stage.image_size != self._size:
            self._size = stage.image_size
            self._pixels = torch.from_numpy(self.images.level(self._size)).to(self.device)
        chosen = chosen.to(self.device, non_blocking=True)
        return stage, self._pixels[chosen], self._labels[chosen]

    def _gather_ahead(self) -> None:
        try:
            while not self._stop.is_set() and self.order.drawn < self.total:
                stage, chosen = self._chosen()
                pixels = torch.from_numpy(self.images.read(stage.image_size, chosen.numpy()))
                classes = torch.from_numpy(self.images.labels[chosen.numpy()])
                if self.device.type == "cuda":
                    pixels, classes = pixels.pin_memory(), classes.pin_memory()
                self._hand_over((stage, pixels, classes))
        except Exception as error:  # is raised where the batch is asked for
            self._hand_over(error)

    def _hand_over(self, batch: Batch | Exception) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(batch, timeout=POLL_SECONDS)
            except Full:
                continue
            return


def _fits(images: TrainingImages, device: torch.device) -> bool:
    if device.type != "cuda":
        return True  # they are in memory already
    free, _ = torch.cuda.mem_get_info(device)
    return images.pixels.nbytes < RESIDENT_SHARE * free
