"""Memorisation-informed Fréchet distance: Bai et al. 2021, section 3.1 (the measure of a 2019 Kaggle contest).

The Fréchet distance divided by the mean cosine distance of synthetic images to their nearest training image, when that
is below a threshold; above it the Fréchet distance as it is. The threshold was chosen for Inception features of dogs:
where real images that were not trained on lie nearer than it as well, everything is penalised alike, and only
the comparison with the floor, or the memorisation check, means anything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from generation.gan.measures.frechet import FrechetDistance, frechet_distance
from generation.gan.measures.neighbours import COLUMNS, ROWS

THRESHOLD = 0.1  # of cosine distance, as published
SMALLEST = 1e-14  # added to the distance, so that copies alone give a large number and no division by zero


@dataclass(frozen=True, kw_only=True)
class MemorisationInformed:
    value: float
    frechet: float
    cosine_distance: float  # mean of the nearest, 0 to 1
    threshold: float
    is_penalised: bool


def memorisation_informed(
    training: ArrayLike,
    synthetic: ArrayLike,
    *,
    frechet: FrechetDistance | None = None,
    threshold: float = THRESHOLD,
) -> MemorisationInformed:
    """MiFID of features (n, d) of the training images and of the synthetic ones; `frechet` of both, if known."""
    distance = mean_cosine_distance(synthetic, training)
    plain = (frechet or frechet_distance(training, synthetic)).value
    is_penalised = distance < threshold
    return MemorisationInformed(
        value=plain / (distance + SMALLEST) if is_penalised else plain,
        frechet=plain,
        cosine_distance=distance,
        threshold=threshold,
        is_penalised=is_penalised,
    )


def mean_cosine_distance(queries: ArrayLike, others: ArrayLike) -> float:
    """Mean over `queries` (n, d) of the smallest 1 - |cos| to a row of `others` (m, d); rows of zeros are left out."""
    one, two = np.asanyarray(queries), np.asanyarray(others)
    nearest: list[NDArray[np.float64]] = []
    for top in range(0, len(one), ROWS):
        x = _unit(one[top : top + ROWS])
        best = np.zeros(len(x))
        for left in range(0, len(two), COLUMNS):
            y = _unit(two[left : left + COLUMNS])
            if len(y):
                best = np.maximum(best, np.abs(x @ y.T).max(axis=1))
        nearest.append(1.0 - np.minimum(best, 1.0))
    values = np.concatenate(nearest) if nearest else np.zeros(0)
    if not len(values) or not len(two):
        raise ValueError("No feature that is not zero: nothing can be compared")
    return float(values.mean())


def _unit(features: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(features, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1)
    return np.asarray(rows[norms > 0] / norms[norms > 0, None])
