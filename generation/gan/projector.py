"""Nearest latent of a given image: how near a generator can come to a real radiograph.

The latent is optimised against the image (Bojanowski et al. 2018, arXiv 1707.05776; Karras et al. 2020, arXiv
1912.04958, section 5, whose perceptual distance needs weights that are not free to use everywhere; ours needs none).
It starts from the nearest of many random images. A small distance says that the generator can make this image, not
that it has learnt it by heart.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from generation.gan.data import to_grey_levels, to_unit_range
from generation.gan.films import has_styles
from generation.gan.sampling import LoadedGenerator, draw_latents

BATCH = 32  # random images per forward pass
STARTS = 4  # nearest random images from which the search begins
RATE = 0.1  # Adam's largest step, in standard deviations of the latent
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps over which the rate rises and falls (Karras et al. 2020)


@dataclass(frozen=True, kw_only=True)
class Projection:
    class_index: int
    latent: NDArray[np.float32]  # (dim,): found, or where the search in w began
    style: NDArray[np.float32] | None  # w (n_layers, w_dim) of a network with styles
    image: NDArray[np.uint8]  # (side, side): the nearest image that was found
    distance: float  # of that image, by `distances`
    nearest_random: NDArray[np.uint8]  # (side, side)
    random_distance: float  # of the nearest of `random_images` random ones
    random_images: int
    mean_difference: float  # mean absolute difference of `image` in grey levels, 0 to 255
    curve: tuple[float, ...]  # distance after each step


def distances(images: Tensor, target: Tensor) -> Tensor:
    """(B,): mean squared difference of the pixels plus the mean absolute difference of each level of detail.

    `images` (B, C, side, side) and `target` (1, C, side, side) in [-1, 1]. The levels are those of a Laplacian pyramid
    with a 2 x 2 box (Burt and Adelson 1983; as a distance: Ling and Okada 2006), down to 4 pixels or the first odd
    side; every level counts alike, so that coarse shape weighs as much as fine structure.
    """
    total = (images - target).square().mean(dim=(1, 2, 3))
    difference = images - target  # the pyramid is linear: that of the difference is the difference of the pyramids
    while difference.shape[-1] > 4 and difference.shape[-1] % 2 == 0:
        coarse = functional.avg_pool2d(difference, 2)
        detail = difference - functional.interpolate(coarse, scale_factor=2, mode="nearest")
        total = total + detail.abs().mean(dim=(1, 2, 3))
        difference = coarse
    return total + difference.abs().mean(dim=(1, 2, 3))


def project(
    generator: LoadedGenerator,
    image: NDArray[np.uint8],
    *,
    seed: int = 0,
    class_index: int | None = None,
    steps: int = 300,
    random_images: int = 1000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Projection:
    """The nearest image of `generator` to `image` (side, side) uint8, which has the size that the network makes.

    With `class_index` None the class of the nearest random image is taken. The search is in the latent, and in w where
    the network has styles. `generator` is loaded in single precision. The same seed gives the same result on the same
    machine. `progress(done, total)` is called at each step and may raise.
    Raises ValueError when the image has another size or a number is out of range.
    """
    if steps < 1 or random_images < STARTS:
        raise ValueError(f"{steps} steps from {random_images} random images; at least 1 and {STARTS} are needed")
    generator.network.requires_grad_(False)
    total = steps + -(-random_images // BATCH)
    search = _Search(generator, seed=seed, progress=progress, total=total)
    side = search.side(class_index or 0)
    if image.dtype != np.uint8 or image.shape != (side, side):
        raise ValueError(f"The image is {image.dtype} {image.shape}; this generator makes {side} x {side}, uint8")
    target = to_unit_range(torch.from_numpy(image)[None], channels=generator.config.channels).to(generator.device)
    classes = list(range(len(generator.classes))) if class_index is None else [class_index]
    found_class, latents, random_distance, nearest = search.random(target, classes, random_images)
    latent, style, best, picture, curve = search.descend(target, latents, found_class, steps)
    return Projection(
        class_index=found_class,
        latent=latent,
        style=style,
        image=picture,
        distance=best,
        nearest_random=nearest,
        random_distance=random_distance,
        random_images=random_images,
        mean_difference=float(np.abs(picture.astype(np.int16) - image).mean()),
        curve=curve,
    )


class _Search:
    def __init__(
        self, generator: LoadedGenerator, *, seed: int, progress: Callable[[int, int], None], total: int
    ) -> None:
        self.network: Any = generator.network
        self.generator, self.seed, self.total, self.done = generator, seed, total, 0
        self._progress = progress

    def side(self, class_index: int) -> int:
        with torch.no_grad():
            return int(self._images(self._draw(class_index, range(1)), class_index).shape[-1])

    def random(self, target: Tensor, classes: list[int], count: int) -> tuple[int, Tensor, float, NDArray[np.uint8]]:
        """Class of the nearest random image, the STARTS nearest latents of that class, its distance and pixels."""
        found: list[tuple[float, int, int]] = []  # distance, class, index
        nearest: tuple[float, Tensor] = (math.inf, torch.empty(0))
        share = -(-count // len(classes))
        with torch.no_grad():
            for class_index in classes:
                for start in range(0, share, BATCH):
                    indices = range(start, min(start + BATCH, share))
                    images = self._images(self._draw(class_index, indices), class_index)
                    away = distances(images, target)
                    found += [(float(d), class_index, i) for d, i in zip(away, indices, strict=True)]
                    best = int(away.argmin())
                    if float(away[best]) < nearest[0]:
                        nearest = float(away[best]), images[best : best + 1]
                    self._step()
        distance, class_index, _ = min(found)
        starts = [index for _, number, index in sorted(found) if number == class_index][:STARTS]
        return class_index, self._draw(class_index, starts), distance, to_grey_levels(nearest[1])[0]

    def descend(
        self, target: Tensor, latents: Tensor, class_index: int, steps: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, float, NDArray[np.uint8], tuple[float, ...]]:
        """From all of `latents` at once; the nearest image of all steps."""
        with_styles = has_styles(self.network)
        std = self.generator.config.latent_std
        classes = torch.full((len(latents),), class_index, dtype=torch.int64, device=latents.device)
        point = (self.network.mapping(latents, classes) if with_styles else latents).detach().clone()
        point.requires_grad_(True)
        optimiser = torch.optim.Adam([point], lr=RATE if with_styles else RATE * std, betas=(0.9, 0.999))
        base = optimiser.param_groups[0]["lr"]
        best: tuple[float, int, Tensor, Tensor] = (math.inf, 0, point.detach(), latents)
        curve = []
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = base * _ramp(step / steps)
            images = self.network.synthesis(point) if with_styles else self.network(point, classes)
            away = distances(images, target)
            loss = away.sum()
            if not with_styles:  # a latent is as long as random ones are; what lies elsewhere was never trained
                loss = loss + 0.01 * ((point / std).square().mean(dim=1) - 1).square().sum()
            nearest = int(away.argmin())
            if away[nearest].item() < best[0]:
                kept = images[nearest : nearest + 1].detach()
                best = away[nearest].item(), nearest, point.detach()[nearest].clone(), kept
            curve.append(best[0])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            self._step()
        distance, which, found, image = best
        latent = latents[which] if with_styles else found
        style = found.cpu().numpy() if with_styles else None
        return latent.cpu().numpy(), style, distance, to_grey_levels(image)[0], tuple(curve)

    def _draw(self, class_index: int, indices: Any) -> Tensor:
        config = self.generator.config
        drawn = draw_latents(
            seed=self.seed, class_index=class_index, indices=indices, dim=config.latent_dim, std=config.latent_std
        )
        return torch.from_numpy(drawn).to(self.generator.device, torch.float32)

    def _images(self, latents: Tensor, class_index: int) -> Tensor:
        classes = torch.full((len(latents),), class_index, dtype=torch.int64, device=latents.device)
        images: Tensor = self.network(latents, classes)
        return images

    def _step(self) -> None:
        self.done += 1
        self._progress(min(self.done, self.total), self.total)


def _ramp(share: float) -> float:
    """Share of the largest rate at `share` of the steps: linear rise, then a cosine fall at the end."""
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - share) / RAMP_DOWN))
    return max(0.01, fall * min(1.0, (share + 0.01) / RAMP_UP))
