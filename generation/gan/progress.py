"""How far a run is and how long it will still take; curves of what its steps report."""

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generation.gan.distributed import average
from generation.gan.recipe import Recipe, Stage

SAMPLES = 2000  # points at which the schedule is looked at
RECENT = 0.99  # per step: how much of the measured speed is older
FOLD_EVERY = 64  # steps whose curves are kept one by one


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """What a page or a terminal shows after each step."""

    images_seen: int  # real images, over all steps
    total_images: int
    iteration: int  # steps done
    stage: Stage  # of the step that is done
    seconds_left: float | None  # None until a step has been timed


@dataclass
class Clock:
    """Times steps and foretells the rest from the schedule of image sizes.

    A size that was not trained yet is taken to cost as much per pixel as the largest one that was.
    """

    recipe: Recipe
    pieces: list[tuple[int, int, int]] = field(init=False)  # (from image, to image, image size), in order
    batch_sizes: set[int] = field(default_factory=set)
    spent: dict[int, tuple[float, float]] = field(default_factory=dict)  # image size -> seconds, images; recent ones
    last: float | None = None

    def __post_init__(self) -> None:
        total = self.recipe.total_images
        starts = sorted({total * point // SAMPLES for point in range(SAMPLES)})
        self.pieces = []
        for start, end in zip(starts, [*starts[1:], total], strict=True):
            stage = self.recipe.stage(start)
            size = stage.image_size
            self.batch_sizes.add(stage.batch_size)
            if self.pieces and self.pieces[-1][2] == size:
                self.pieces[-1] = (self.pieces[-1][0], end, size)
            else:
                self.pieces.append((start, end, size))

    def start(self) -> None:
        self.last = time.perf_counter()

    def step(self, stage: Stage) -> None:
        """A step of `stage` is done."""
        now = time.perf_counter()
        if self.last is not None:
            seconds, images = self.spent.get(stage.image_size, (0.0, 0.0))
            self.spent[stage.image_size] = (
                RECENT * seconds + now - self.last,
                RECENT * images + stage.batch_size,
            )
        self.last = now

    def seconds_left(self, images_seen: int) -> float | None:
        if not self.spent:
            return None
        return sum(
            (end - max(start, images_seen)) * self._seconds_per_image(size)
            for start, end, size in self.pieces
            if end > images_seen
        )

    def _seconds_per_image(self, size: int) -> float:
        known = size if size in self.spent else max(self.spent)
        seconds, images = self.spent[known]
        return seconds / images * (size / known) ** 2


class Curves:
    """Means of the steps' curves over a window, without waiting for the device at every step.

    A curve of which a step says None is averaged over the steps that computed it. "skipped_steps" is a sum.
    """

    def __init__(self, *, skipped_in_all: int = 0, skipped_in_a_row: int = 0) -> None:
        self.steps, self.images = 0, 0  # in this window
        self.skipped = 0  # in this window, as far as it is folded; so are the next two
        self.skipped_in_all, self.skipped_in_a_row = skipped_in_all, skipped_in_a_row
        self._recent: dict[str, list[Tensor]] = {}
        self._sums: dict[str, tuple[float, int]] = {}
        self._waiting = 0

    @property
    def is_folded(self) -> bool:
        return self._waiting == 0

    def add(self, values: dict[str, Tensor | None], *, images: int) -> None:
        """The curves of a step on `images` real images."""
        for name, value in values.items():
            if value is not None:
                self._recent.setdefault(name, []).append(value.detach())
        self.steps += 1
        self.images += images
        self._waiting += 1
        if self._waiting >= FOLD_EVERY:
            self.fold()

    def fold(self) -> None:
        """Wait for the device and sum up; the counts of skipped steps are then up to date.

        What is not a finite number enters no mean.
        """
        skips = self._recent.pop("skipped_steps", [])
        flags = [bool(flag) for flag in torch.stack(skips).tolist()] if skips else []
        for flag in flags:
            self.skipped_in_a_row = self.skipped_in_a_row + 1 if flag else 0
        self.skipped += sum(flags)
        self.skipped_in_all += sum(flags)
        for name, values in self._recent.items():
            stacked = average(torch.stack([value.float() for value in values]))
            finite = stacked[torch.isfinite(stacked)]
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + float(finite.double().sum()), count + len(finite))
        self._recent.clear()
        self._waiting = 0

    def finish(self) -> dict[str, float]:
        """The window's means by name, and the start of the next window."""
        self.fold()
        means = {name: total / count for name, (total, count) in self._sums.items() if count}
        means["skipped_steps"] = float(self.skipped)
        self.steps, self.images, self.skipped = 0, 0, 0
        self._sums.clear()
        return means
