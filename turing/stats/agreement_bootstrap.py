"""Bootstrap over images of the coefficients of agreement: readers are taken as they are, images are drawn again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turing.stats.gwet import check_ratings

CHUNK = 2_000_000  # weights held at once


@dataclass(frozen=True)
class BootstrapInterval:
    """Standard error and percentile interval of one coefficient; NaN, with a reason, where there is none."""

    se: float
    low: float
    high: float
    n_draws: int
    n_undefined: int  # draws in which the coefficient did not exist (all answers equal); left out
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.low)


@dataclass(frozen=True)
class AgreementBootstrap:
    """`fleiss` of the images that every reader answered; `kappa` and `ac1` with missing answers kept (Gwet)."""

    fleiss: BootstrapInterval
    kappa: BootstrapInterval
    ac1: BootstrapInterval
    seed: int
    confidence: float


def bootstrap_agreement(
    ratings: np.ndarray | Sequence[Sequence[int]],
    *,
    n_categories: int = 2,
    n_draws: int = 2000,
    seed: int,
    confidence: float = 0.95,
) -> AgreementBootstrap:
    """Nonparametric bootstrap over images of Fleiss' kappa (complete images), of Gwet's kappa and of AC1.

    Each draw takes as many images as there are, with replacement, each with all its answers. Drawn is how often each
    kind of image (so many answers of each category) occurs, so names and order of images and readers do not matter.

    Parameters
    ----------
    ratings : as in `gwet.gwet_agreement`.
    n_draws : at least 100.
    seed : the same seed gives the same draws.
    confidence : of the percentile intervals, in (0, 1).

    Raises
    ------
    ValueError : as `gwet.gwet_agreement`, and for fewer than 100 draws.

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall 1993, chapters 6 and 13. For kappa:
    Vanbelle S, Albert A. J Stat Comput Simul 2008;78:1009-1015. R: ``boot::boot`` over rows and
    ``boot.ci(type = "perc")``.
    """
    codes = check_ratings(ratings, n_categories, confidence)
    if n_draws < 100:
        raise ValueError(f"n_draws = {n_draws}: at least 100 are needed")
    counts = (codes[:, :, None] == np.arange(n_categories)).sum(axis=1)
    answered = counts[counts.sum(axis=1) > 0]
    complete = counts[counts.sum(axis=1) == codes.shape[1]]
    generator = np.random.default_rng(seed)
    fleiss, _ = _draw(complete, n_draws, generator) if codes.shape[1] > 1 else _nothing(n_draws)
    kappa, ac1 = _draw(answered, n_draws, generator)
    return AgreementBootstrap(
        fleiss=_interval(fleiss, confidence),
        kappa=_interval(kappa, confidence),
        ac1=_interval(ac1, confidence),
        seed=seed,
        confidence=confidence,
    )


def _draw(counts: np.ndarray, n_draws: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Kappa and AC1 of each draw; NaN where it does not exist. `counts` (images, categories): readers who said so."""
    n, n_categories = counts.shape
    if n < 2 or not (counts.sum(axis=1) >= 2).any():
        return _nothing(n_draws)
    # images with the same answers are alike: drawing how many of each kind there are is the same as drawing images
    kinds, how_many = np.unique(counts, axis=0, return_counts=True)
    per_image = kinds.sum(axis=1)
    agreeing = (kinds * (kinds - 1)).sum(axis=1) / np.maximum(per_image * (per_image - 1), 1)
    statistics = np.column_stack([agreeing, per_image >= 2, kinds / per_image[:, None]])
    size = max(1, CHUNK // len(kinds))
    sums = np.concatenate(
        [
            generator.multinomial(n, how_many / n, size=min(size, n_draws - start)) @ statistics
            for start in range(0, n_draws, size)
        ]
    )
    share = sums[:, 2:] / n
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = sums[:, 0] / sums[:, 1]
        chance = (share**2).sum(axis=1)
        kappa = np.where(chance < 1 - 1e-12, (observed - chance) / (1 - chance), math.nan)
        other = (share * (1 - share)).sum(axis=1) / (n_categories - 1)
        ac1 = (observed - other) / (1 - other)
    return kappa, ac1


def _nothing(n_draws: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(n_draws, math.nan), np.full(n_draws, math.nan)


def _interval(draws: np.ndarray, confidence: float) -> BootstrapInterval:
    used = draws[np.isfinite(draws)]
    n_undefined = len(draws) - len(used)
    if len(used) < len(draws) / 2:
        nan, reason = math.nan, "in most draws of images the coefficient does not exist"
        return BootstrapInterval(nan, nan, nan, len(draws), n_undefined, reason)
    low, high = np.quantile(used, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return BootstrapInterval(float(used.std(ddof=1)), float(low), float(high), len(draws), n_undefined)
