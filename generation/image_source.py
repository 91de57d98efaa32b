"""What a sampling job draws from: a checkpoint of a training run, or a generator that somebody else made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from generation.gan.checkpoint import file_sha256
from generation.gan.foreign import ForeignGenerator as Drawing
from generation.gan.foreign import ForeignProcess
from generation.gan.foreign_files import ForeignError
from generation.gan.foreign_settings import Declaration
from generation.gan.sampling import (
    BLOCK_SIZE,
    LoadedGenerator,
    image_provenance,
    load_generator,
    measure_tolerance,
    remake_image,
    sample_block,
)
from generation.gan.sampling_options import DEFAULT_OPTIONS, SamplingOptions
from generation.models import Checkpoint, ForeignGenerator

NOT_REPEATABLE = 8  # grey levels between two drawings of one image: more is no rounding


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
        self._origin = origin_of(checkpoint)
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
        return {**values, **self._origin}

    def tolerance(self, *, seed: int, class_index: int) -> int:
        if self._generator.options.is_exact:
            return 0
        exact = SamplingOptions(truncation=self._generator.options.truncation)
        slow = load_generator(self._path, sha256=self._sha256, options=exact)
        return measure_tolerance(self._generator, slow, seed=seed, class_index=class_index)


class ForeignSource:
    """Images of a TorchScript or ONNX file, drawn by a child process."""

    device = "cpu"
    device_words = "CPU, a process of its own, the precision of the file"

    def __init__(self, checkpoint: Checkpoint, foreign: ForeignGenerator, process: ForeignProcess) -> None:
        self._path, self._checkpoint, self._foreign = checkpoint.path, checkpoint, foreign
        self._process = process
        self._generator = Drawing(process)
        self.classes = tuple(process.declaration.classes)

    def draw(
        self, *, seed: int, class_index: int, block: int, before_each: Callable[[], None] = lambda: None
    ) -> NDArray[np.uint8]:
        return self._generator.draw_block(seed=seed, class_index=class_index, block=block, before_each=before_each)

    def provenance(self, *, seed: int, class_index: int, index: int) -> dict[str, Any]:
        return {
            "generator": "foreign",
            "checkpoint_sha256": self._checkpoint.sha256,
            "seed": seed,
            "class": self.classes[class_index],
            "class_index": class_index,
            "index": index,
            "block_size": BLOCK_SIZE,
            **origin_of(self._checkpoint),
        }

    def tolerance(self, *, seed: int, class_index: int) -> int | None:
        first = self.draw(seed=seed, class_index=class_index, block=0).astype(np.int16)
        with ForeignProcess(self._path, self._process.declaration) as process:
            second = Drawing(process).draw_block(seed=seed, class_index=class_index, block=0)
        difference = int(np.abs(first - second).max())
        return max(1, 2 * difference) if difference <= NOT_REPEATABLE else None


def origin_of(checkpoint: Checkpoint) -> dict[str, str]:
    """What the provenance of an image says of where its generator is from."""
    if checkpoint.foreign is None:
        return {"run": str(checkpoint.run_id)}
    return {"foreign": str(checkpoint.foreign_id), "made_with": checkpoint.foreign.made_with}


@contextmanager
def open_source(checkpoint: Checkpoint, options: SamplingOptions) -> Iterator[ImageSource]:
    """Raises ValueError (CheckpointError and ForeignError are some), in words, when file or options cannot be used."""
    foreign = checkpoint.foreign
    if foreign is None or foreign.declaration["format"] == "safetensors":
        yield CheckpointSource(checkpoint, options)
        return
    if options.truncation != 1:
        raise ValueError(f"truncation is {options.truncation:g}; a TorchScript or ONNX file has none. Leave it at 1")
    if file_sha256(checkpoint.path) != checkpoint.sha256:
        raise ForeignError(f"The file of “{foreign}” has changed since it was imported; restore it from a backup")
    with ForeignProcess(checkpoint.path, Declaration(**foreign.declaration)) as process:
        yield ForeignSource(checkpoint, foreign, process)


def remake(checkpoint: Checkpoint, provenance: dict[str, Any]) -> NDArray[np.uint8]:
    """The image that `provenance` describes, (side, side) uint8. Raises ValueError when it cannot be made."""
    if checkpoint.foreign is None or checkpoint.foreign.declaration["format"] == "safetensors":
        return remake_image(checkpoint.path, provenance)
    block, position = divmod(provenance["index"], provenance["block_size"])
    with open_source(checkpoint, DEFAULT_OPTIONS) as source:
        return source.draw(seed=provenance["seed"], class_index=provenance["class_index"], block=block)[position]
