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
        digest.update(np.ascontiguousarray(self.pixels).tobytes())
        object.__setattr__(self, "sha256", digest.hexdigest())

    def __len__(self) -> int:
        return len(self.pixels)


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


def seed_of(*numbers: int) -> int:
    """A 63-bit seed of several numbers, without the overlaps that their sum would have."""
    digest = hashlib.sha256("/".join(str(number) for number in numbers).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _mix(seed: int, number: int) -> int:
    """A 63-bit seed for the `number`-th use of `seed`, without the overlaps that seed + number would have."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
