"""Precision and recall of a generator: Kynkäänniemi et al. 2019, section 2, Algorithm 1.

A set's manifold is the union of balls around its features, each as wide as the distance to the k-th nearest other one.
Precision: share of synthetic images within the manifold of real ones (are they realistic?). Recall: share of real
images within the manifold of synthetic ones (is everything covered?).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from generation.gan.measures.neighbours import neighbour_radii, squared_distances


@dataclass(frozen=True, kw_only=True)
class PrecisionRecall:
    precision: float  # 0 to 1
    recall: float  # 0 to 1
    neighbours: int
    n_real: int
    n_synthetic: int


def precision_recall(
    real: ArrayLike, synthetic: ArrayLike, *, neighbours: int = 3, most: int | None = None, seed: int = 0
) -> PrecisionRecall:
    """Of features (n, d); from more than `most` of a set so many are drawn at random.

    Both depend on n: compare only numbers of the same n. Raises ValueError for fewer than `neighbours` + 1 images.
    """
    random = np.random.default_rng(seed)
    real_rows, synthetic_rows = _at_most(real, most, random), _at_most(synthetic, most, random)
    return PrecisionRecall(
        precision=_covered(synthetic_rows, real_rows, neighbours),
        recall=_covered(real_rows, synthetic_rows, neighbours),
        neighbours=neighbours,
        n_real=len(real_rows),
        n_synthetic=len(synthetic_rows),
    )


def _covered(points: NDArray[np.floating], manifold: NDArray[np.floating], neighbours: int) -> float:
    radii = neighbour_radii(manifold, neighbours=neighbours)
    covered = np.zeros(len(points), dtype=bool)
    for rows, columns, squared in squared_distances(points, manifold):
        covered[rows] |= (squared <= radii[columns]).any(axis=1)
    return float(covered.mean())


def _at_most(features: ArrayLike, most: int | None, random: np.random.Generator) -> NDArray[np.floating]:
    rows = np.asanyarray(features)
    if most is None or len(rows) <= most:
        return rows
    return np.asarray(rows[np.sort(random.choice(len(rows), most, replace=False))])
