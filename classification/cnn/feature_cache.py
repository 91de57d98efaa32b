"""Exact feature cache: with a frozen backbone every image goes through it once, whatever is trained on it afterwards.

How exactness is had
--------------------
Whether a head learns from kept features or each step sends its images through the backbone, it must get the same bits.
The numbers that a network gives depend on the *shape* of a batch, since libraries choose other kernels for other shapes
(DenseNet-121 on a CPU gives other last bits for batches of 8 and of 32). So `Extractor` always computes batches of one
shape and fills up the last. What is left is whether an image's numbers also depend on its place in the batch and on the
images beside it. They should not, and do not on the CPUs where this was tried, but nobody promises it; so each
extractor tries it out first (`_is_independent`), and where it finds a difference images are computed one at a time,
which is independent by construction. Both the cache and the naive way use an `Extractor`, so both get the same bits.

The same holds for another machine, device, number of threads, precision or version of PyTorch: they give other last
bits, and so are part of the name of the folder in which features are kept.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from classification.cnn.augmentation import Augmentation
from classification.cnn.backbones import Backbone
from classification.cnn.data import LabelledImages
from worker.compute.devices import deterministic_algorithms, device_name
from worker.compute.feature_store import FeatureStore

DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
PROBE_SEED = 12345


class Extractor:
    """Grey levels (n, side, side) uint8 -> features (n, n_features) float32 of a frozen backbone."""

    def __init__(self, backbone: Backbone, *, batch_size: int = 32, precision: str = "float32") -> None:
        """`batch_size` images go through together. Raises ValueError for less than 1 or an unknown precision."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be 1 or more")
        if precision not in DTYPES:
            raise ValueError(f"precision is {precision!r}; it must be {', '.join(DTYPES)}")
        self.backbone, self.precision, self.wanted_batch = backbone, precision, batch_size
        self._batch_sizes: dict[int, int] = {}  # by side of the images

    def batch_size(self, side: int) -> int:
        """Images per pass for images of this side: as wanted, or 1 where more are not independent of each other."""
        if side not in self._batch_sizes:
            self._batch_sizes[side] = self.wanted_batch if self._is_independent(side) else 1
        return self._batch_sizes[side]

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raises ValueError for other shapes or types, FloatingPointError when a feature is not a finite number."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}; they must be uint8 (n, side, side)")
        size = self.batch_size(pixels.shape[-1])
        found = np.empty((len(pixels), self.backbone.n_features), dtype=np.float32)
        for start in range(0, len(pixels), size):
            part = pixels[start : start + size]
            found[start : start + size] = self._one_batch(part, size)[: len(part)]
        if not np.isfinite(found).all():
            raise FloatingPointError(
                f"The backbone {self.backbone.title} gave features that are not finite numbers: its weights are "
                "damaged, or its training ran away (then lower learning_rate, by half, say)"
                + ("; compute in float32 instead of " + self.precision if self.precision != "float32" else "")
            )
        return found

    @property
    def key(self) -> str:
        """Name of the folder of these features: weights, preprocessing, and all else that the bits depend on."""
        device = torch.device(self.backbone.device)
        parts = [device_name(self.backbone.device), torch.__version__, self.precision, str(self.wanted_batch)]
        if device.type == "cpu":
            parts.append(torch.backends.cpu.get_cpu_capability())
        how = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        backbone = self.backbone
        return f"{backbone.name}-{backbone.weights_sha256[:16]}-{backbone.preprocessing_key[:8]}-{how[:8]}"

    @torch.no_grad()
    def _one_batch(self, pixels: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
        """At most `size` images, filled up with black ones: (size, n_features)."""
        filled = torch.zeros(size, 1, *pixels.shape[1:], dtype=torch.uint8)
        filled[: len(pixels), 0] = torch.from_numpy(pixels.copy())
        dtype = DTYPES[self.precision]
        self.backbone.module.eval()
        with (
            deterministic_algorithms(),
            torch.autocast(torch.device(self.backbone.device).type, dtype=dtype, enabled=dtype is not None),
        ):
            found: NDArray[np.float32] = self.backbone.features(filled).float().cpu().numpy()
        return found

    def _is_independent(self, side: int) -> bool:
        """Whether images in other places of a batch, with others or black ones beside them, have the same features."""
        size = self.wanted_batch
        if size == 1:
            return True
        random = np.random.default_rng(PROBE_SEED)
        probe = random.integers(0, 256, (size, side, side), dtype=np.uint8)
        order = random.permutation(size)
        few = max(1, size // 4)
        whole = self._one_batch(probe, size)
        return bool(
            np.array_equal(whole[order], self._one_batch(probe[order], size))
            and np.array_equal(whole[-few:], self._one_batch(probe[-few:], size)[:few])
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Wanted:
    """Features that are asked for: images as they are (`slots` empty), or these variants of each of them."""

    images: LabelledImages
    augmentation: Augmentation | None = None
    slots: Sequence[int] = ()
    rows: NDArray[np.int64] | None = None  # of these images alone

    @property
    def indices(self) -> NDArray[np.int64]:
        return np.arange(len(self.images), dtype=np.int64) if self.rows is None else self.rows

    def __len__(self) -> int:
        return len(self.indices) * max(1, len(self.slots))

    def feature_keys(self) -> Iterator[str]:
        """In order: all images of the first slot, then all of the next."""
        for row, slot in self._places():
            yield feature_key(self.images.hashes[row], self.augmentation if slot is not None else None, slot)

    def load(self, place: int) -> NDArray[np.uint8]:
        """Image number `place` of the order of `feature_keys`."""
        indices = self.indices
        row = int(indices[place % len(indices)])
        pixels = np.asarray(self.images.pixels[row])
        if not self.slots or self.augmentation is None:
            return pixels
        return self.augmentation.apply(pixels, self.images.hashes[row], self.slots[place // len(indices)])

    def _places(self) -> Iterator[tuple[int, int | None]]:
        for slot in self.slots if self.slots and self.augmentation is not None else (None,):
            for row in self.indices:
                yield int(row), slot


def feature_key(sha256: str, augmentation: Augmentation | None = None, slot: int | None = None) -> str:
    """By what the features of an image, or of a variant of it, are found: 64 hex digits."""
    if augmentation is None or slot is None:
        return sha256
    return hashlib.sha256(f"{sha256} {augmentation.key} slot={slot}".encode()).hexdigest()


class FeatureCache:
    """Features of one extractor on disk. Several processes may use a folder at once; what one was killed over is
    computed again from where it was.
    """

    def __init__(self, folder: Path, *, extractor: Extractor, writer: str) -> None:
        """`writer` names this process's file: another one for each process that runs at the same time."""
        self.extractor = extractor
        self.folder = folder / extractor.key
        self.store = FeatureStore(self.folder, n_features=extractor.backbone.n_features, writer=writer)

    def features(
        self,
        wanted: Sequence[Wanted],
        *,
        out: Path,
        progress: Callable[[int, int], None] | None = None,  # vectors there are, of all
        abort: Callable[[], bool] | None = None,
    ) -> NDArray[np.float32] | None:
        """Features of all that is wanted, one after the other: (n, n_features) float32 in the file `out`, mapped.

        What is not there yet is computed, each vector once, and kept after each batch. None when `abort` said so; what
        was computed until then is kept. Memory does not grow with the number of images but for about 300 bytes of each.
        """
        keys = [key for one in wanted for key in one.feature_keys()]
        places = ((part, place) for part, one in enumerate(wanted) for place in range(len(one)))
        missing: dict[str, tuple[int, int]] = {}
        for key, position in zip(keys, places, strict=True):
            if key not in self.store:
                missing.setdefault(key, position)
        total, there = len(keys), len(keys) - len(missing)
        if progress:
            progress(there, total)
        for side, group in groupby(missing.items(), key=lambda item: wanted[item[1][0]].images.side):
            of_one_side = list(group)
            size = self.extractor.batch_size(side)
            for start in range(0, len(of_one_side), size):
                if abort and abort():
                    return None
                batch = of_one_side[start : start + size]
                pixels = np.stack([wanted[part].load(place) for _, (part, place) in batch])
                self.store.add([key for key, _ in batch], self.extractor(pixels))
                there += len(batch)
                if progress:
                    progress(there, total)
        return self.store.gather(keys, out)
