"""Training images and the order in which they are drawn. Levels 0..255 here, [-1, 1] in the networks."""

import hashlib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generation.gan.image_files import BLOCK_BYTES, Step, box_levels, expect, halvings, remembered, silently


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """Everything a generator learns from: pixels uint8, labels (n,) int64, class names by label.

    `pixels` are (N, side, side) grey or (N, side, side, 3) colour, in memory or mapped from a file
    (`generation.gan.image_files`). Without `rows`, n = N and every image is used; with `rows` (n,) int64, image i is
    pixels[rows[i]], so that a part of a file needs no copy. Raises ValueError when the shapes do not agree, a label has
    no class, or a class has no image.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    rows: NDArray[np.int64] | None = None
    step: InitVar[Step | None] = None  # told how far the digest of mapped pixels is
    sha256: str = field(init=False)  # of the above: a run goes on with the very images it began with
    _kept: dict[int, NDArray[np.uint8]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self, step: Step | None) -> None:
        shape = self.pixels.shape
        square = len(shape) in (3, 4) and shape[1] == shape[2] and shape[3:] in ((), (3,))
        if self.pixels.dtype != np.uint8 or not square:
            raise ValueError(
                f"pixels are {self.pixels.dtype} {shape}; they must be uint8 (N, side, side) or (N, side, side, 3)"
            )
        count = shape[0] if self.rows is None else len(self.rows)
        if self.rows is not None and not (
            self.rows.dtype == np.int64 and (count == 0 or 0 <= self.rows.min() <= self.rows.max() < shape[0])
        ):
            raise ValueError(f"rows must be int64 numbers from 0 to {shape[0] - 1}")
        if self.labels.dtype != np.int64 or self.labels.shape != (count,):
            raise ValueError(f"labels are {self.labels.dtype} {self.labels.shape}; they must be int64 ({count},)")
        if len(set(self.classes)) != len(self.classes) or not self.classes:
            raise ValueError(f"classes are {self.classes}; they must be one or more different names")
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels go from {self.labels.min()} to {self.labels.max()} for {len(self.classes)} classes"
            )
        counts = np.bincount(self.labels, minlength=len(self.classes))
        empty = [name for name, number in zip(self.classes, counts, strict=True) if number == 0]
        if empty:
            raise ValueError(f"No training image of class {', '.join(empty)}; leave the class out or add images")
        digest = remembered(self.pixels, self._about(), lambda: self._digest(step or silently))
        object.__setattr__(self, "sha256", digest)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Pixels, of the images as they are."""
        return int(self.pixels.shape[1])

    @property
    def colour(self) -> bool:
        return self.pixels.ndim == 4

    @property
    def mapped(self) -> bool:
        """Whether the pixels are those of a file, not in memory."""
        return isinstance(self.pixels, np.memmap)

    def level(self, size: int, *, step: Step = silently) -> NDArray[np.uint8]:
        """All of `pixels` at `size` pixels a side, as they are or `box_levels` of them; made once and kept.

        `step` is called while they are made, and may raise. Those of mapped images are files beside theirs. Raises
        ValueError when no halving gives `size`.
        """
        if size == self.side:
            return self.pixels
        if size not in self._kept:
            self._kept.update(box_levels(self.pixels, halvings(self.side, size), step=step))
        return self._kept[size]

    def read(self, size: int, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images number `indices` (B,) of the n, at `size`: (B, size, size[, 3])."""
        rows, pixels = indices if self.rows is None else self.rows[indices], self.level(size)
        expect(pixels, rows)
        found: NDArray[np.uint8] = pixels[rows]
        return found

    def choose(self, indices: NDArray[np.int64]) -> "TrainingImages":
        """These images alone, in this order, with the classes that are left; mapped pixels are not copied."""
        labels = self.labels[indices]
        left = np.unique(labels)
        rows = np.asarray(indices, dtype=np.int64) if self.rows is None else self.rows[indices]
        return TrainingImages(
            pixels=self.pixels if self.mapped else self.pixels[rows],
            labels=np.searchsorted(left, labels).astype(np.int64),
            classes=tuple(self.classes[label] for label in left),
            rows=rows if self.mapped else None,
        )

    def as_one_class(self) -> "TrainingImages":
        """The same images as one class "all", for a generator without classes."""
        return TrainingImages(pixels=self.pixels, labels=np.zeros_like(self.labels), classes=("all",), rows=self.rows)

    def _about(self) -> bytes:
        """Shape, classes and labels."""
        shape = (len(self), *self.pixels.shape[1:])
        return repr((shape, self.classes)).encode() + self.labels.astype("<i8").tobytes()

    def _digest(self, step: Step) -> str:
        digest = hashlib.sha256(self._about())
        block = max(1, BLOCK_BYTES // max(1, self.pixels[0].size))
        for start in range(0, len(self), block):
            step(start, len(self))
            chosen = slice(start, start + block)
            digest.update(np.ascontiguousarray(self.pixels[chosen if self.rows is None else self.rows[chosen]]).data)
        return digest.hexdigest()


def choose_images(images: TrainingImages, *, limits: Mapping[str, int | None], seed: int) -> TrainingImages:
    """The classes of `limits` alone, each with all its images (None) or so many, drawn with `seed`.

    Jang et al. 2023 trained one model on all abnormal radiographs and 20,000 normal ones: {"abnormal": None, "normal":
    20_000}. The order of the images stays. Raises ValueError for an unknown class or more images than there are.
    """
    unknown = sorted(set(limits) - set(images.classes))
    if unknown:
        raise ValueError(f"No class {', '.join(unknown)}; the images have {', '.join(images.classes)}")
    chosen = []
    for name, limit in limits.items():
        label = images.classes.index(name)
        found = np.flatnonzero(images.labels == label)
        if limit is not None:
            if not 1 <= limit <= len(found):
                raise ValueError(f"{limit} images of class {name} are asked for; choose 1 to {len(found)}")
            generator = torch.Generator().manual_seed(_mix(seed, label))
            found = found[torch.randperm(len(found), generator=generator).numpy()[:limit]]
        chosen.append(found)
    return images.choose(np.sort(np.concatenate(chosen)).astype(np.int64))


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
    """uint8 (B, H, W) or (B, H, W, 3) -> float32 (B, channels, H, W) in [-1, 1], channels last.

    Three channels of a grey image are copies. Raises ValueError for colour in a network of one channel.
    """
    images = pixels.to(torch.float32).div_(127.5).sub_(1.0)
    if pixels.ndim == 4:
        if channels != 3:
            raise ValueError("The training images are in colour; set channels to 3, or import them as grey images")
        return images.permute(0, 3, 1, 2)  # (B, H, W, 3) in memory is what channels last means
    return images.unsqueeze(1).expand(-1, channels, -1, -1).contiguous(memory_format=torch.channels_last)


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
