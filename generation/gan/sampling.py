"""Draws images from a checkpoint so that any one of them can be made again, bit for bit, from four numbers.

The latent of an image depends on (seed, class, index) alone. Images are computed on the CPU in double precision, in
fixed blocks of consecutive indices, in evaluation mode: thread counts, devices and instruction sets then differ by
about 1e-13 of a grey level, far below what could change a rounded pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from generation.gan.checkpoint import CheckpointData, CheckpointError, file_sha256, load_checkpoint
from generation.gan.data import to_grey_levels
from generation.gan.registry import GeneratorConfig, create_generator, get_generator
from generation.gan.settings import MAX_SEED

BLOCK_SIZE = 32  # images per forward pass; recorded with each image


@dataclass(frozen=True, kw_only=True)
class LoadedGenerator:
    """A network ready to draw from, and where it came from."""

    name: str  # in generation.gan.registry
    network: nn.Module  # double precision, evaluation mode, CPU
    config: GeneratorConfig
    classes: tuple[str, ...]
    iteration: int
    sha256: str  # of the checkpoint file


def load_generator(path: Path, *, sha256: str | None = None) -> LoadedGenerator:
    """The generator of a checkpoint file; with `sha256`, only when the file has that digest.

    Raises CheckpointError when the file cannot be used.
    """
    data = load_checkpoint(path, sha256=sha256)
    return LoadedGenerator(
        name=data.generator,
        network=_network(data, path),
        config=get_generator(data.generator).config.from_dict(data.config),
        classes=tuple(data.classes),
        iteration=data.iteration,
        sha256=sha256 or file_sha256(path),
    )


def draw_latents(*, seed: int, class_index: int, indices: Sequence[int], dim: int, std: float) -> NDArray[np.float64]:
    """(len(indices), dim) normal with mean 0 and deviation `std`, each row a function of (seed, class_index, index).

    Philox (Salmon et al. 2011) is a function of key (seed, class) and counter (index): no row depends on another.
    Only its raw integers are used, whose stream NumPy keeps for ever (NEP 19); Box-Muller makes them normal.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed is {seed}; it must be a whole number from 0 to {MAX_SEED}")
    if class_index < 0 or any(index < 0 for index in indices):
        raise ValueError("class_index and indices must not be negative")
    pairs = (dim + 1) // 2
    key = np.array([seed, class_index], dtype=np.uint64)
    rows = np.empty((len(indices), 2 * pairs))
    for row, index in enumerate(indices):
        philox = np.random.Philox(key=key, counter=np.array([0, index, 0, 0], dtype=np.uint64))
        uniform = ((philox.random_raw(2 * pairs) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # in (0, 1)
        radius, angle = np.sqrt(-2.0 * np.log(uniform[:pairs])), 2.0 * np.pi * uniform[pairs:]
        rows[row, :pairs], rows[row, pairs:] = radius * np.cos(angle), radius * np.sin(angle)
    return rows[:, :dim] * std


@torch.no_grad()
def sample_block(
    generator: LoadedGenerator, *, seed: int, class_index: int, block: int, block_size: int = BLOCK_SIZE
) -> NDArray[np.uint8]:
    """Images number block * block_size to (block + 1) * block_size - 1 of a class: (block_size, side, side) uint8."""
    if not 0 <= class_index < len(generator.classes):
        raise ValueError(f"class_index is {class_index}; this generator has {len(generator.classes)} classes")
    if block_size < 1 or block < 0:
        raise ValueError(f"block {block} of size {block_size}: the size must be at least 1, the block not negative")
    latents = draw_latents(
        seed=seed,
        class_index=class_index,
        indices=range(block * block_size, (block + 1) * block_size),
        dim=generator.config.latent_dim,
        std=generator.config.latent_std,
    )
    classes = torch.full((block_size,), class_index, dtype=torch.int64)
    return to_grey_levels(generator.network(torch.from_numpy(latents), classes))


def sample_class(
    generator: LoadedGenerator, *, seed: int, class_index: int, block_size: int = BLOCK_SIZE
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(index, image (side, side) uint8) of a class, without end; computed in whole blocks."""
    block = 0
    while True:
        images = sample_block(generator, seed=seed, class_index=class_index, block=block, block_size=block_size)
        yield from enumerate(images, start=block * block_size)
        block += 1


def image_provenance(
    generator: LoadedGenerator, *, seed: int, class_index: int, index: int, block_size: int = BLOCK_SIZE
) -> dict[str, Any]:
    """What `remake_image` needs, JSON-able; the caller adds the run."""
    return {
        "generator": generator.name,
        "checkpoint_sha256": generator.sha256,
        "iteration": generator.iteration,
        "seed": seed,
        "class": generator.classes[class_index],
        "class_index": class_index,
        "index": index,
        "block_size": block_size,
    }


def remake_image(checkpoint: Path | LoadedGenerator, provenance: dict[str, Any]) -> NDArray[np.uint8]:
    """The image that `provenance` describes, (side, side) uint8, from its checkpoint.

    Raises CheckpointError when the checkpoint is not the one that made the image, ValueError when a value is missing.
    """
    missing = [
        name
        for name in ("checkpoint_sha256", "seed", "class", "class_index", "index", "block_size")
        if name not in provenance
    ]
    if missing:
        raise ValueError(f"Provenance lacks {', '.join(missing)}: this image was not drawn from a generator here")
    sha256 = provenance["checkpoint_sha256"]
    generator = load_generator(checkpoint, sha256=sha256) if isinstance(checkpoint, Path) else checkpoint
    class_index, index, block_size = provenance["class_index"], provenance["index"], provenance["block_size"]
    if generator.sha256 != sha256:
        raise CheckpointError(f"The image was made by checkpoint {sha256[:12]}, this is {generator.sha256[:12]}")
    if generator.classes[class_index : class_index + 1] != (provenance["class"],):
        raise ValueError(f"Class {provenance['class']!r} is not number {class_index} of {', '.join(generator.classes)}")
    images = sample_block(
        generator, seed=provenance["seed"], class_index=class_index, block=index // block_size, block_size=block_size
    )
    return images[index % block_size]


def _network(data: CheckpointData, path: Path) -> nn.Module:
    try:
        network = create_generator(data.generator, data.config, n_classes=len(data.classes))
        network.load_state_dict(data.networks["generator"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"Checkpoint {path.name} does not fit its own settings: {error}") from error
    return network.double().eval()
