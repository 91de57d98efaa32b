"""Draws images from a checkpoint so that any one of them can be made again, bit for bit, from four numbers.

The latent of an image depends on (seed, class, index) alone. By default images are computed on the CPU in double
precision, in fixed blocks of consecutive indices, in evaluation mode: thread counts, devices and instruction sets then
differ by about 1e-13 of a grey level, far below what could change a rounded pixel. The fast precisions give that up:
their images come out again within a tolerance, which `measure_tolerance` finds.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
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
from generation.gan.sampling_options import DEFAULT_OPTIONS, SamplingOptions
from worker.compute.settings import MAX_SEED

BLOCK_SIZE = 32  # images that are drawn together; recorded with each image
PIXELS_AT_ONCE = {"cpu": 32 * 128**2, "cuda": 32 * 512**2}  # of one forward pass: a block of large images has several
TOLERANCE_IMAGES = 4  # how many `measure_tolerance` draws twice


@dataclass(frozen=True, kw_only=True)
class LoadedGenerator:
    """A network ready to draw from, and where it came from."""

    name: str  # in generation.gan.registry
    network: nn.Module  # evaluation mode; double precision on the CPU when exact, else single precision
    config: GeneratorConfig
    classes: tuple[str, ...]
    iteration: int
    sha256: str  # of the checkpoint file
    options: SamplingOptions = DEFAULT_OPTIONS
    device: str = "cpu"


def load_generator(
    path: Path, *, sha256: str | None = None, options: SamplingOptions = DEFAULT_OPTIONS
) -> LoadedGenerator:
    """The generator of a checkpoint file; with `sha256`, only when the file has that digest.

    Raises CheckpointError when the file cannot be used, ValueError for a truncation that the network does not have or
    a device that is not there.
    """
    data = load_checkpoint(path, sha256=sha256)
    network = _network(data, path)
    if options.truncation != 1 and not getattr(network, "supports_truncation", False):
        title = get_generator(data.generator).title
        raise ValueError(
            f"truncation is {options.truncation:g}; “{title}” has none, only networks with an intermediate latent "
            "space (StyleGAN2) do. Leave it at 1"
        )
    device = _device(options)
    return LoadedGenerator(
        name=data.generator,
        network=network.double() if options.is_exact else network.float().to(device),
        config=get_generator(data.generator).config.from_dict(data.config),
        classes=tuple(data.classes),
        iteration=data.iteration,
        sha256=sha256 or file_sha256(path),
        options=options,
        device=device,
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
    generator: LoadedGenerator,
    *,
    seed: int,
    class_index: int,
    block: int,
    block_size: int = BLOCK_SIZE,
    before_each: Callable[[], None] = lambda: None,
) -> NDArray[np.uint8]:
    """Images number block * block_size to (block + 1) * block_size - 1 of a class: (block_size, side, side) uint8.

    `side` is the size that the network has reached, at most `config.image_size`. `before_each` is called before each
    forward pass, of which a block of large images has several, and may raise.
    """
    if not 0 <= class_index < len(generator.classes):
        raise ValueError(f"class_index is {class_index}; this generator has {len(generator.classes)} classes")
    if block_size < 1 or block < 0:
        raise ValueError(f"block {block} of size {block_size}: the size must be at least 1, the block not negative")
    latents = torch.from_numpy(
        draw_latents(
            seed=seed,
            class_index=class_index,
            indices=range(block * block_size, (block + 1) * block_size),
            dim=generator.config.latent_dim,
            std=generator.config.latent_std,
        )
    )
    images = []
    for part in latents.split(max(1, PIXELS_AT_ONCE[generator.device] // generator.config.image_size**2)):
        before_each()
        images.append(to_grey_levels(_forward(generator, part, class_index)))
    return np.concatenate(images)


def _forward(generator: LoadedGenerator, latents: torch.Tensor, class_index: int) -> torch.Tensor:
    options, device = generator.options, generator.device
    classes = torch.full((len(latents),), class_index, dtype=torch.int64, device=device)
    latents = latents.to(device, torch.float64 if options.is_exact else torch.float32)
    values = {} if options.truncation == 1 else {"truncation": options.truncation}
    with contextlib.ExitStack() as stack:
        if options.precision == "bfloat16":
            stack.enter_context(torch.autocast(device, dtype=torch.bfloat16))
        elif device == "cuda":  # TF32 keeps 10 bits of each product: whole grey levels of difference
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
        images: torch.Tensor = generator.network(latents, classes, **values)
    images = images.to(torch.float64)
    if not torch.isfinite(images).all():
        raise ValueError(
            f"The generator makes values that are not numbers ({options.precision} precision). "
            "Sample an earlier checkpoint, or choose the exact precision"
        )
    return images


def measure_tolerance(generator: LoadedGenerator, exact: LoadedGenerator, *, seed: int, class_index: int) -> int:
    """Grey levels by which an image of a fast `generator` may differ from the one that `exact` makes.

    Twice the largest difference of any pixel in the first TOLERANCE_IMAGES images of a class, and at least 1: what
    rounding alone can do. 0 when `generator` is exact.
    """
    if generator.options.is_exact:
        return 0
    fast, slow = (
        sample_block(one, seed=seed, class_index=class_index, block=0, block_size=TOLERANCE_IMAGES).astype(np.int16)
        for one in (generator, exact)
    )
    return max(1, 2 * int(np.abs(fast - slow).max()))


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
    """What `remake_image` needs, JSON-able; the caller adds the run, and for a fast precision the tolerance."""
    return {
        "generator": generator.name,
        "checkpoint_sha256": generator.sha256,
        "iteration": generator.iteration,
        "seed": seed,
        "class": generator.classes[class_index],
        "class_index": class_index,
        "index": index,
        "block_size": block_size,
        **generator.options.provenance(),
    }


def remake_image(checkpoint: Path | LoadedGenerator, provenance: dict[str, Any]) -> NDArray[np.uint8]:
    """The image that `provenance` describes, (side, side) uint8, from its checkpoint, in exact precision.

    An image that was drawn exactly comes out bit for bit; one that was drawn in a fast precision within the
    "tolerance" grey levels of its provenance.
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
    if isinstance(checkpoint, Path):
        exact = SamplingOptions(truncation=SamplingOptions.from_provenance(provenance).truncation)
        generator = load_generator(checkpoint, sha256=sha256, options=exact)
    else:
        generator = checkpoint
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
    return network.eval()


def _device(options: SamplingOptions) -> str:
    if options.is_exact or options.device == "cpu":
        return "cpu"
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', and PyTorch finds no CUDA device here")
    return "cuda" if torch.cuda.is_available() else "cpu"
