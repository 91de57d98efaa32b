"""Kernel distance between two sets of features (KID when they are Inception's): Binkowski et al. 2018, section 4.

The unbiased squared maximum mean discrepancy with the kernel k(x, y) = (x.y / d + 1)^3. Unlike the Fréchet distance it
does not shrink with n: about 0, below as often as above, when both sets come from one distribution and share no image.
The default below 2,000 images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class KernelDistance:
    """`sd` is the spread over subsets. It is no standard error of `value`: subsets of one set overlap."""

    value: float  # mean over subsets; may be below 0
    sd: float
    n_subsets: int
    subset_size: int
    n_first: int
    n_second: int


def kernel_distance(
    first: ArrayLike, second: ArrayLike, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """KID of features (n, d): mean and SD over `subsets` random subsets without repeats, drawn from both sets.

    A subset has `subset_size` images, but at most half of the smaller set, so that subsets differ. Only the rows of a
    subset are read of a memory-mapped array. Raises ValueError for fewer than 4 images in a set or another d.
    """
    one, two = np.asanyarray(first), np.asanyarray(second)
    if one.ndim != 2 or two.ndim != 2 or one.shape[1] != two.shape[1]:
        raise ValueError(f"features have shapes {one.shape} and {two.shape}; they must be (n, d) with one d")
    smaller = min(len(one), len(two))
    if smaller < 4:
        raise ValueError(f"{smaller} images: a kernel distance needs at least 4 in each set")
    if subsets < 2 or subset_size < 2:
        raise ValueError(f"{subsets} subsets of {subset_size}: at least 2 of 2 are needed")
    size = min(subset_size, smaller // 2)
    random = np.random.default_rng(seed)
    found = np.array([unbiased_mmd2(_draw(one, size, random), _draw(two, size, random)) for _ in range(subsets)])
    return KernelDistance(
        value=float(found.mean()),
        sd=float(found.std(ddof=1)),
        n_subsets=subsets,
        subset_size=size,
        n_first=len(one),
        n_second=len(two),
    )


def unbiased_mmd2(first: ArrayLike, second: ArrayLike) -> float:
    """Gretton et al. 2012, eq. 3, with the cubic kernel, of features (m, d) and (n, d); m and n at least 2."""
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    m, n = len(one), len(two)
    within_one, within_two = _kernel(one, one), _kernel(two, two)
    same = (within_one.sum() - np.trace(within_one)) / (m * (m - 1))
    same += (within_two.sum() - np.trace(within_two)) / (n * (n - 1))
    return float(same - 2 * _kernel(one, two).mean())


def _kernel(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((one @ two.T / one.shape[1] + 1.0) ** 3)


def _draw(features: NDArray[np.floating], size: int, random: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(features[np.sort(random.choice(len(features), size, replace=False))], dtype=np.float64)
