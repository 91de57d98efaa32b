"""Likeness of random pairs of one class, against mode collapse: multi-scale SSIM, Wang et al. 2003, as Odena et al.
2017 (section 4.3) and Kong et al. 2022 use it.

Five scales with an 11-pixel window need more than 160 pixels. Smaller pictures have fewer, and a mean over three scales
cannot be compared with one over five: the variant is part of the value.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2
WINDOW, SIGMA = 11, 1.5  # pixels
BATCH = 32  # pairs at a time


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Which MS-SSIM: the first `len(weights)` published weights, scaled to sum 1; negative terms count as 0, and
    the last scale counts its borders, mirrored: the variant of torchmetrics.
    """

    side: int  # pixels of the pictures
    weights: tuple[float, ...]
    window: int = WINDOW
    sigma: float = SIGMA

    @property
    def scales(self) -> int:
        return len(self.weights)

    def __str__(self) -> str:
        weights = ", ".join(f"{weight:.4f}" for weight in self.weights)
        scales = f"{self.scales} scale{'s' if self.scales > 1 else ''}"
        return (
            f"{scales} at {self.side} px (weights {weights}), Gaussian window {self.window} px (SD {self.sigma:g}), "
            "grey levels 0 to 255, negative terms as 0, borders mirrored at the last scale"
        )


@dataclass(frozen=True, kw_only=True)
class PairLikeness:
    """Of one class: 1 is two equal pictures."""

    label: str
    mean: float
    sd: float
    low: float  # 95 % normal interval of the mean, pairs taken as independent
    high: float
    n_pairs: int
    n_images: int
    variant: Variant


def choose_variant(side: int) -> Variant:
    """The most scales, at most five, that pictures of `side` px have. Raises ValueError below 12 px.

    As the window has to fit in the smallest scale: side / (scales - 1)^2 > window - 1 (the rule of torchmetrics,
    which is at least as strict) and side >= 2^scales.
    """
    for scales in range(len(WEIGHTS), 0, -1):
        if side // max(1, scales - 1) ** 2 > WINDOW - 1 and side >= 2**scales:
            chosen = np.array(WEIGHTS[:scales])
            return Variant(side=side, weights=tuple(float(weight) for weight in chosen / chosen.sum()))
    raise ValueError(f"Pictures of {side} px are smaller than the window of SSIM, {WINDOW} px")


def ms_ssim(first: NDArray[np.uint8], second: NDArray[np.uint8], variant: Variant | None = None) -> NDArray[np.float64]:
    """MS-SSIM (B,) in [0, 1] of pictures (B, side, side) uint8, pair by pair, in double precision."""
    if first.shape != second.shape or first.ndim != 3 or first.shape[1] != first.shape[2]:
        raise ValueError(f"pictures have shapes {first.shape} and {second.shape}; both must be (B, side, side)")
    variant = variant or choose_variant(first.shape[1])
    parts = []
    for start in range(0, len(first), BATCH):
        x, y = (
            torch.from_numpy(pixels[start : start + BATCH].astype(np.float64)).unsqueeze(1)
            for pixels in (first, second)
        )
        values = multiscale_structural_similarity_index_measure(
            x,
            y,
            kernel_size=variant.window,
            sigma=variant.sigma,
            reduction="none",
            data_range=255.0,
            betas=variant.weights,
            normalize="relu",
        )
        parts.append(values.numpy())
    return np.concatenate(parts) if parts else np.zeros(0)


def draw_pairs(labels: ArrayLike, *, label: str, pairs: int, seed: int = 0) -> NDArray[np.int64]:
    """Positions (pairs, 2) of different images of one class; as many pairs, none twice, as there can be at most.

    Raises ValueError for fewer than two images of the class.
    """
    members = np.flatnonzero(np.asarray(labels).astype(str) == label)
    n = len(members)
    if n < 2:
        raise ValueError(f"{n} images of class {label}: a pair needs two")
    possible = n * (n - 1) // 2
    random = np.random.default_rng([seed, *label.encode()])
    numbers = random.choice(possible, min(pairs, possible), replace=False) if possible < 10**7 else None
    if numbers is None:  # so many that a repeat is rare, and is left out
        numbers = np.unique(random.integers(possible, size=2 * pairs))
        numbers = random.permutation(numbers)[:pairs]
    # number of a pair (i, j), j < i: i (i - 1) / 2 + j
    i = ((1 + np.sqrt(8.0 * numbers + 1)) // 2).astype(np.int64)
    i -= i * (i - 1) // 2 > numbers
    i += (i + 1) * i // 2 <= numbers
    return np.stack([members[i], members[numbers - i * (i - 1) // 2]], axis=1)


def pair_likeness(first: NDArray[np.uint8], second: NDArray[np.uint8], *, label: str, n_images: int) -> PairLikeness:
    """Mean over the pairs (B, side, side) of one class of `n_images`."""
    variant = choose_variant(first.shape[1])
    values = ms_ssim(first, second, variant)
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    half = 1.959963984540054 * sd / len(values) ** 0.5
    return PairLikeness(
        label=label,
        mean=mean,
        sd=sd,
        low=mean - half,
        high=mean + half,
        n_pairs=len(values),
        n_images=n_images,
        variant=variant,
    )
