"""Fréchet distance between two sets of features (FID when they are Inception's): Heusel et al. 2017, section 4.

    d^2 = |mu_1 - mu_2|^2 + Tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

for the means and unbiased covariances of Gaussians fitted to each set. It falls as sets grow, however alike they are
(Binkowski et al. 2018, appendix D.2): compare only numbers of the same n, and with the real-real floor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

Array = NDArray[np.float64]
BLOCK = 1024  # rows that are in double precision at a time


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Mean (d,) and unbiased covariance (d, d) of `n` features."""

    n: int
    mean: Array
    covariance: Array


class GaussianFit:
    """Fits a Gaussian to features that come in batches; keeps d^2 numbers, however many there are.

    Sums of squares about the running mean are merged batch by batch (Chan, Golub, LeVeque 1983, eq. 2.1), so nothing
    cancels when the mean is large.
    """

    def __init__(self) -> None:
        self.n = 0
        self._mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    def add(self, features: ArrayLike) -> None:
        """`features` (B, d), finite. Raises ValueError for another shape, another d, or a value that is not finite."""
        batch = np.asarray(features, dtype=np.float64)
        if batch.ndim != 2 or (self.n and batch.shape[1] != len(self._mean)):
            raise ValueError(f"features have shape {batch.shape}; expected (B, {len(self._mean) or 'd'})")
        if not len(batch):
            return
        if not np.isfinite(batch).all():
            raise ValueError("features hold values that are not finite: the extractor or an image is damaged")
        if not self.n:
            self._mean, self._scatter = np.zeros(batch.shape[1]), np.zeros((batch.shape[1],) * 2)
        mean, n = batch.mean(axis=0), len(batch)
        centred, shift = batch - mean, mean - self._mean
        self._scatter += centred.T @ centred + np.outer(shift, shift) * (self.n * n / (self.n + n))
        self._mean = self._mean + shift * (n / (self.n + n))
        self.n += n

    def gaussian(self) -> Gaussian:
        """Raises ValueError for fewer than two features: they have no covariance."""
        if self.n < 2:
            raise ValueError(f"{self.n} images: a Fréchet distance needs at least 2 in each set")
        return Gaussian(n=self.n, mean=self._mean.copy(), covariance=self._scatter / (self.n - 1))


@dataclass(frozen=True, kw_only=True)
class FrechetDistance:
    value: float  # squared distance, >= 0; 0 for equal Gaussians
    mean_part: float  # |mu_1 - mu_2|^2
    covariance_part: float
    n_first: int
    n_second: int


def fit_gaussian(features: ArrayLike) -> Gaussian:
    """Of features (n, d), n >= 2; a memory-mapped array is read in blocks."""
    fit, rows = GaussianFit(), np.asanyarray(features)
    for start in range(0, len(rows), BLOCK):
        fit.add(rows[start : start + BLOCK])
    return fit.gaussian()


def frechet_distance(first: ArrayLike | Gaussian, second: ArrayLike | Gaussian) -> FrechetDistance:
    """Fréchet distance of two sets of features (n, d), or of Gaussians fitted before. Symmetric.

    Raises ValueError when the sets do not have the same d, or fewer than two rows.
    """
    one = first if isinstance(first, Gaussian) else fit_gaussian(first)
    two = second if isinstance(second, Gaussian) else fit_gaussian(second)
    if one.mean.shape != two.mean.shape:
        raise ValueError(f"features of {one.mean.size} and {two.mean.size} numbers cannot be compared")
    shift = one.mean - two.mean
    mean_part = float(shift @ shift)
    # Tr (S1 S2)^(1/2) is the sum of singular values of S1^(1/2) S2^(1/2): no square of them is ever formed, so the
    # many zero directions of a small set stay at rounding error
    cross = float(linalg.svdvals(_root(one.covariance) @ _root(two.covariance), check_finite=False).sum())
    covariance_part = float(np.trace(one.covariance) + np.trace(two.covariance)) - 2 * cross
    return FrechetDistance(
        value=max(0.0, mean_part + covariance_part),
        mean_part=mean_part,
        covariance_part=covariance_part,
        n_first=one.n,
        n_second=two.n,
    )


def _root(covariance: Array) -> Array:
    """Symmetric square root; directions whose variance is rounding error count as none."""
    values, vectors = linalg.eigh(covariance, check_finite=False)
    values[values < len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)] = 0.0
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)
