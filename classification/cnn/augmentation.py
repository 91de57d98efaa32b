"""Conventional augmentation (Kong 2022): mirrored, and turned by up to so many degrees.

What happens to an image is drawn from its pixels' hash, a recorded seed and the number of the variant ("slot"), not
from its place in a list or from what was drawn before: variant 3 of an image is the same picture in every run, so that
its features can be kept.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How variants are drawn. Raises ValueError for degrees outside 0 to 180 or a negative seed."""

    mirror: bool = True  # half of the variants
    rotation_degrees: float = 10.0  # to either side, evenly
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rotation_degrees <= 180:
            raise ValueError(f"rotation_degrees is {self.rotation_degrees}; it must be a number in [0, 180]")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be 0 or more")

    @property
    def key(self) -> str:
        """Another one whenever a variant would be another picture."""
        return f"v1 mirror={int(self.mirror)} rotation={self.rotation_degrees!r} seed={self.seed}"

    def draw(self, sha256: str, slot: int) -> tuple[bool, float]:
        """Whether variant `slot` of the image with this pixel hash is mirrored, and its turn in degrees."""
        digest = hashlib.sha256(f"{self.key} slot={slot} image={sha256}".encode()).digest()
        random = np.random.default_rng(int.from_bytes(digest[:16], "little"))
        mirrored = bool(random.random() < 0.5) and self.mirror
        return mirrored, float(random.uniform(-self.rotation_degrees, self.rotation_degrees))

    def apply(self, pixels: NDArray[np.uint8], sha256: str, slot: int) -> NDArray[np.uint8]:
        """Variant `slot` of an image (side, side) uint8; what turns in from outside continues the border."""
        mirrored, degrees = self.draw(sha256, slot)
        return turn(pixels[:, ::-1] if mirrored else pixels, degrees)


def turn(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """An image (side, side) uint8 turned counter-clockwise about its centre, bilinear, rounded half to even."""
    if degrees == 0:
        return np.ascontiguousarray(pixels)
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    # rows give where an output pixel comes from, x to the right and y down
    matrix = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]], dtype=torch.float64)
    image = torch.from_numpy(pixels.astype(np.float64))[None, None]
    grid = functional.affine_grid(matrix[None], [1, 1, *pixels.shape], align_corners=False)
    turned = functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    levels: NDArray[np.uint8] = turned[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return levels
