"""What a sampling job draws from: a checkpoint of a training run, or a generator that somebody else made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from generation.gan.sampling import (
    LoadedGenerator,
    image_provenance,
    load_generator,
    measure_tolerance,
    sample_block,
)
from generation.gan.sampling_options import SamplingOptions
from generation.models import Checkpoint


class ImageSource(Protocol):
    classes: tuple[str, ...]
    device: str  # "cpu" or "cuda"
    device_words: str

    def draw(
        self, *, seed: int, class_index: int, block: int, before_each: Callable[[], None] = lambda: None
    ) -> NDArray[np.uint8]:
        """One block of a class, (BLOCK_SIZE, side, side) uint8. `before_each` is called now and then and may raise.

        Raises ValueError, in words, when the generator cannot make it.
        """

    def provenance(self, *, seed: int, class_index: int, index: int) -> dict[str, Any]:
        """What makes the image again, JSON-able, without the tolerance."""

    def tolerance(self, *, seed: int, class_index: int) -> int | None:
        """Grey levels by which an image made again may differ; 0: none at all. None: it cannot be made again."""


class CheckpointSource:
    """Images of a network of ours."""

    def __init__(self, checkpoint: Checkpoint, options: SamplingOptions) -> None:
        self._path, self._sha256 = checkpoint.path, checkpoint.sha256
        self._generator: LoadedGenerator = load_generator(self._path, sha256=self._sha256, options=options)
        self._run = str(checkpoint.run_id)
        self.classes = self._generator.classes
        self.device = self._generator.device
        precision = "double precision" if options.is_exact else options.precision
        self.device_words = f"{'CPU' if self.device == 'cpu' else 'CUDA GPU'}, {precision}"

    def draw(
        self, *, seed: int, class_index: int, block: int, before_each: Callable[[], None] = lambda: None
    ) -> NDArray[np.uint8]:
        return sample_block(self._generator, seed=seed, class_index=class_index, block=block, before_each=before_each)

    def provenance(self, *, seed: int, class_index: int, index: int) -> dict[str, Any]:
        values = image_provenance(self._generator, seed=seed, class_index=class_index, index=index)
        return {**values, "run": self._run}

    def tolerance(self, *, seed: int, class_index: int) -> int:
        if self._generator.options.is_exact:
            return 0
        exact = SamplingOptions(truncation=self._generator.options.truncation)
        slow = load_generator(self._path, sha256=self._sha256, options=exact)
        return measure_tolerance(self._generator, slow, seed=seed, class_index=class_index)


@contextmanager
def open_source(checkpoint: Checkpoint, options: SamplingOptions) -> Iterator[ImageSource]:
    """Raises ValueError (CheckpointError is one), in words, when the file or the options cannot be used."""
    yield CheckpointSource(checkpoint, options)
