"""Training images in memory and the order in which they are drawn. Grey levels 0..255 here, [-1, 1] in the networks."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """Everything a generator learns from: pixels (N, H, W) uint8, labels (N,) int64, class names by label.

    Raises ValueError when the shapes do not agree, a label has no class, or a class has no image.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    sha256: str = field(init=False)  # of the three above: a run goes on with the very images it began with
    _kept: dict[int, NDArray[np.uint8]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[1] != self.pixels.shape[2]:
            raise ValueError(f"pixels are {self.pixels.dtype} {self.pixels.shape}; they must be uint8 (N, side, side)")
        if self.labels.dtype != np.int64 or self.labels.shape != self.pixels.shape[:1]:
            raise ValueError(
                f"labels are {self.labels.dtype} {self.labels.shape}; they must be int64 ({len(self.pixels)},)"
            )
        if len(set(self.classes)) != len(self.classes) or not self.classes:
            raise ValueError(f"classes are {self.classes}; they must be one or more different names")
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels go from {self.labels.min()} to {self.labels.max()} for {len(self.classes)} classes"
            )
        counts = np.bincount(self.labels, minlength=len(self.classes))
        empty = [name for name, count in zip(self.classes, counts, strict=True) if count == 0]
        if empty:
            raise ValueError(f"No training image of class {', '.join(empty)}; leave the class out or add images")
        digest = hashlib.sha256(repr((self.pixels.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.labels).astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(self.pixels).reshape(-1))  # type: ignore[arg-type]  # no copy: may be a mapped file
        object.__setattr__(self, "sha256", digest.hexdigest())

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def side(self) -> int:
        """Pixels, of the images as they are."""
        return int(self.pixels.shape[1])

    def level(self, size: int) -> NDArray[np.uint8]:
        """The images at `size` pixels a side, as they are or box means over 2, 4, 8, ... pixels.

        The mean of each 2 x 2 pixels of the level above, in floating point, is the next level (the data preparation of
        Karras et al. 2018, arXiv 1710.10196); only what is kept is rounded, half to even. Raises ValueError when no
        halving gives `size`.
        """
        return self.pixels if size == self.side else self._levels(size)

    def _levels(self, size: int) -> NDArray[np.uint8]:
        if size not in self._kept:
            self._kept[size] = box_mean(self.pixels, size)
        return self._kept[size]

    def as_one_class(self) -> "TrainingImages":
        """The same images as one class "all", for a generator without classes."""
        return TrainingImages(pixels=self.pixels, labels=np.zeros_like(self.labels), classes=("all",))


def box_mean(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 (N, side, side[, 3]) -> uint8 (N, size, size[, 3]): halved again and again, rounded once, half to even.

    Raises ValueError when `size` is not side / 2, side / 4, ...
    """
    side = pixels.shape[1]
    factor = side // size if size >= 1 else 0
    if factor * size != side or factor & (factor - 1):
        raise ValueError(
            f"The training images have {side} pixels a side; this run needs {size}, which is not the same halved once "
            "or more. Render them at the size of the generator"
        )
    small = np.empty((len(pixels), size, size, *pixels.shape[3:]), dtype=np.uint8)
    block = max(1, 2**24 // pixels[0].size)  # images at a time: 64 MB in floating point
    for start in range(0, len(pixels), block):
        level = pixels[start : start + block].astype(np.float32)
        while level.shape[1] > size:
            level = (
                level[:, 0::2, 0::2] + level[:, 0::2, 1::2] + level[:, 1::2, 0::2] + level[:, 1::2, 1::2]
            ) * np.float32(0.25)
        small[start : start + block] = np.rint(level)
    return small


class ShuffledOrder:
    """An endless order of image indices: one seeded shuffle of all images after the other.

    Shuffle number e depends on (seed, e) alone, so `drawn` is the whole state: set it and the order goes on from there.
    """

    def __init__(self, count: int, *, seed: int, drawn: int = 0) -> None:
        self.count, self.seed, self.drawn = count, seed, drawn
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def next(self, size: int) -> Tensor:
        """The next `size` indices, (size,) int64; runs over the end of a shuffle into the next one."""
        parts: list[Tensor] = []
        missing = size
        while missing:
            epoch, position = divmod(self.drawn, self.count)
            if epoch != self._epoch:
                generator = torch.Generator().manual_seed(_mix(self.seed, epoch))
                self._permutation = torch.randperm(self.count, generator=generator)
                self._epoch = epoch
            part = self._permutation[position : position + missing]
            parts.append(part)
            self.drawn += len(part)
            missing -= len(part)
        return torch.cat(parts)


def to_unit_range(pixels: Tensor, *, channels: int) -> Tensor:
    """uint8 (B, H, W) -> float32 (B, channels, H, W) in [-1, 1], channels last; three channels are copies."""
    images = pixels.to(torch.float32).div_(127.5).sub_(1.0).unsqueeze(1)
    return images.expand(-1, channels, -1, -1).contiguous(memory_format=torch.channels_last)


def to_grey_levels(images: Tensor) -> NDArray[np.uint8]:
    """Float (B, C, H, W) in [-1, 1] -> uint8 (B, H, W): the mean of the channels, rounded to the nearest grey level."""
    levels = images.detach().mean(dim=1).add(1.0).mul(127.5).round().clamp(0, 255)
    pixels: NDArray[Any] = levels.to(torch.uint8).cpu().numpy()
    return pixels


def _mix(seed: int, number: int) -> int:
    """A 63-bit seed for the `number`-th use of `seed`, without the overlaps that seed + number would have."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
