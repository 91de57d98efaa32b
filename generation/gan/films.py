"""Pictures of the latent space: a film from image to image, and the mixture of two images' styles.

Between normal latents the way is along the sphere on which they lie (White 2016, arXiv 1609.04468; the formula is that
of Shoemake 1985): the straight line leads through shorter vectors, which the network never saw. In the intermediate
space of a StyleGAN the way is straight (Karras et al. 2019, section 4.1).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from generation.gan.data import to_grey_levels
from generation.gan.grids import tile
from generation.gan.sampling import LoadedGenerator, draw_latents

MAX_FRAMES = 600
MAX_CANVAS = 4096  # pixels, the longer side of a frame


def spherical(first: Tensor, second: Tensor, share: float) -> Tensor:
    """The point at `share` (0 to 1) of the way from `first` to `second`, rows (B, dim), along great circles.

    Length: that of the two ends, in proportion. Nearly parallel rows are interpolated straight, opposite ones have no
    way that is shorter than others and are interpolated straight too.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"first is {tuple(first.shape)}, second {tuple(second.shape)}; both must be (B, dim)")
    lengths = first.norm(dim=1, keepdim=True), second.norm(dim=1, keepdim=True)
    tiny = torch.finfo(first.dtype).tiny
    one, two = first / lengths[0].clamp_min(tiny), second / lengths[1].clamp_min(tiny)
    angle = torch.arccos((one * two).sum(dim=1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(angle)
    straight = sine < 1e-6
    safe = torch.where(straight, torch.ones_like(sine), sine)
    weight_one = torch.where(straight, 1 - share, torch.sin((1 - share) * angle) / safe)
    weight_two = torch.where(straight, torch.full_like(sine, share), torch.sin(share * angle) / safe)
    length = (1 - share) * lengths[0] + share * lengths[1]
    return (weight_one * one + weight_two * two) * length


def has_styles(network: Any) -> bool:
    """Whether the network has an intermediate latent space: `mapping` to w and `synthesis` from it."""
    return callable(getattr(network, "mapping", None)) and callable(getattr(network, "synthesis", None))


@torch.no_grad()
def styles(generator: LoadedGenerator, latents: Tensor, class_index: int) -> Tensor:
    """w (B, n_layers, w_dim) of latents (B, dim), drawn towards the mean by the generator's truncation."""
    network: Any = generator.network
    classes = torch.full((len(latents),), class_index, dtype=torch.int64, device=generator.device)
    w: Tensor = network.mapping(latents, classes)
    psi = generator.options.truncation
    return w if psi == 1 else network.w_mean + psi * (w - network.w_mean)


@torch.no_grad()
def film_frames(
    generator: LoadedGenerator,
    *,
    seed: int,
    class_indices: Sequence[int],
    columns: int = 4,
    stops: int = 4,
    steps: int = 24,
    before_each: Callable[[], None] = lambda: None,
) -> Iterator[NDArray[np.uint8]]:
    """Frames (classes, columns, side, side) uint8 of a film without end: the last one leads back to the first.

    Each column of a class goes from one image to the next, over `stops` images with `steps` frames each; the images are
    those that sampling with the same seed draws first: column c begins at index c * stops.
    Raises ValueError for numbers out of range.
    """
    if stops < 2 or steps < 1 or columns < 1 or not class_indices:
        raise ValueError(
            f"{stops} stops, {steps} steps, {columns} columns: at least 2, 1 and 1 are needed, and a class"
        )
    if stops * steps > MAX_FRAMES:
        raise ValueError(f"{stops} x {steps} frames; a film has at most {MAX_FRAMES}")
    points = [_points(generator, seed, class_index, columns, stops) for class_index in class_indices]
    for stop in range(stops):
        for step in range(steps):
            before_each()
            rows = [
                _between(generator, row[stop], row[(stop + 1) % stops], step / steps, class_index)
                for class_index, row in zip(class_indices, points, strict=True)
            ]
            yield np.stack([to_grey_levels(images.double()) for images in rows])


@torch.no_grad()
def style_mixing(
    generator: LoadedGenerator, *, seed: int, class_index: int, rows: int = 4, columns: int = 6, crossover: int
) -> NDArray[np.uint8]:
    """(rows + 1, columns + 1, side, side) uint8: each image has the coarse styles of its row, the rest of its column.

    The first row and column show the images that the styles are from, the corner is white. The first `crossover` of the
    network's layers take the row's style (Karras et al. 2019, figure 3). Raises ValueError for a network without an
    intermediate latent space, or a crossover that leaves one side without a layer.
    """
    network: Any = generator.network
    if not has_styles(network):
        raise ValueError("This generator has no styles to mix; StyleGAN2 has. Make a film of it instead")
    w = styles(generator, _latents(generator, seed, class_index, range(rows + columns)), class_index)
    if not 1 <= crossover < w.shape[1]:
        raise ValueError(f"crossover is {crossover}; this network has {w.shape[1]} layers, so 1 to {w.shape[1] - 1}")
    sources = to_grey_levels(network.synthesis(w).double())
    side = sources.shape[-1]
    grid = np.full((rows + 1, columns + 1, side, side), 255, dtype=np.uint8)
    grid[1:, 0], grid[0, 1:] = sources[:rows], sources[rows:]
    for row in range(rows):
        mixed = w[rows:].clone()
        mixed[:, :crossover] = w[row, :crossover]
        grid[row + 1, 1:] = to_grey_levels(network.synthesis(mixed).double())
    return grid


def save_film(path: Path, frames: Sequence[NDArray[np.uint8]], *, frames_per_second: int = 12, scale: int = 1) -> None:
    """Write frames (rows, columns, side, side) as an animated WebP that repeats for ever; whole or not at all.

    MP4 is not offered: every encoder that comes with Python packages is under the GPL or LGPL.
    Raises ValueError when there is no frame or a frame is larger than MAX_CANVAS.
    """
    if not frames:
        raise ValueError("A film needs at least one frame")
    pictures = [Image.fromarray(tile(frame, scale=scale)) for frame in frames]
    if max(pictures[0].size) > MAX_CANVAS:
        raise ValueError(f"A frame of {pictures[0].size} pixels; at most {MAX_CANVAS} each. Use fewer columns")
    temporary = path.with_suffix(".tmp")
    pictures[0].save(
        temporary,
        format="WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / frames_per_second),
        loop=0,
        quality=90,
    )
    temporary.replace(path)


def _latents(generator: LoadedGenerator, seed: int, class_index: int, indices: Sequence[int]) -> Tensor:
    drawn = draw_latents(
        seed=seed,
        class_index=class_index,
        indices=indices,
        dim=generator.config.latent_dim,
        std=generator.config.latent_std,
    )
    return torch.from_numpy(drawn).to(generator.device, torch.float64 if generator.options.is_exact else torch.float32)


def _points(generator: LoadedGenerator, seed: int, class_index: int, columns: int, stops: int) -> list[Tensor]:
    """What is interpolated at each stop, (columns, ...): latents, or styles where the network has them."""
    latents = _latents(generator, seed, class_index, range(columns * stops))
    whole = styles(generator, latents, class_index) if has_styles(generator.network) else latents
    return [whole[stop::stops] for stop in range(stops)]


def _between(generator: LoadedGenerator, first: Tensor, second: Tensor, share: float, class_index: int) -> Tensor:
    network: Any = generator.network
    images: Tensor
    if has_styles(network):
        images = network.synthesis(torch.lerp(first, second, share))
    else:
        classes = torch.full((len(first),), class_index, dtype=torch.int64, device=generator.device)
        images = network(spherical(first, second, share), classes)
    return images
