"""Where readers put their marks: a smooth density over the image, for heat maps."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

LEAST_BANDWIDTH = 0.01  # of the image's side; all marks in one place would else give a spike without width


@dataclass(frozen=True, eq=False)
class MarksDensity:
    """Density over the image, rows from the top, columns from the left. Empty, with a reason, where there are none."""

    density: np.ndarray  # (size, size), mean of each cell; its mean over cells is 1: even marking is 1 everywhere
    n_marks: int
    bandwidth_x: float  # standard deviation of the kernel, in image widths
    bandwidth_y: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return self.n_marks > 0


def marks_density(x: ArrayLike, y: ArrayLike, *, size: int = 64, bandwidth: float | None = None) -> MarksDensity:
    """Gaussian kernel density of points in the unit square, reflected at its edges so that nothing leaks out.

    density(x, y) = mean_k K_h1(x - x_k) K_h2(y - y_k), each K with its mirror images at 0 and 1 and integrated over the
    cells. Bandwidth by Scott's rule for two dimensions, sd n^(-1/6) in each, not below 0.01.

    Parameters
    ----------
    x, y : of the marks (points, or centres of boxes), in image widths and heights from the upper left, in [0, 1].
    size : cells per side, 2 to 1024.
    bandwidth : of both directions, in (0, 1]; left out: Scott's rule.

    Raises
    ------
    ValueError : lengths that differ, a coordinate outside the image, or a setting out of range.

    References
    ----------
    Scott DW. Multivariate Density Estimation. Wiley 1992, section 6.3.1. Silverman BW. Density Estimation. Chapman and
    Hall 1986, section 2.10 (reflection). R's ``MASS::kde2d`` has another bandwidth and lets density leak over edges.
    """
    across, down = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if across.ndim != 1 or across.shape != down.shape:
        raise ValueError(f"x has shape {across.shape} and y {down.shape}: one of each per mark is needed")
    if not ((across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)).all():
        raise ValueError("Marks must lie in the image: x and y from 0 to 1 (divide pixels by the image's size)")
    if not 2 <= size <= 1024:
        raise ValueError(f"size = {size} is out of range: 2 to 1024 cells per side")
    if bandwidth is not None and not 0 < bandwidth <= 1:
        raise ValueError(f"bandwidth = {bandwidth} is out of range: above 0, at most 1 (the image's side)")
    if not len(across):
        return MarksDensity(np.zeros((size, size)), 0, math.nan, math.nan, "no image was marked")
    widths = [_scott(values) if bandwidth is None else bandwidth for values in (across, down)]
    by_x, by_y = (_cells(values, size, width) for values, width in zip((across, down), widths, strict=True))
    return MarksDensity(by_y.T @ by_x / len(across) * size**2, len(across), widths[0], widths[1])


def _scott(values: np.ndarray) -> float:
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.1
    return max(spread * len(values) ** (-1 / 6), LEAST_BANDWIDTH)


def _cells(values: np.ndarray, size: int, width: float) -> np.ndarray:
    """Share of each mark's kernel in each cell (marks, size); mirrored often enough for the widest kernel."""
    edges = np.arange(size + 1) / size
    total = np.zeros((len(values), size))
    reach = math.ceil(8 * width) + 1
    for turn in range(-reach, reach + 1):
        for centre in (values + 2 * turn, 2 * turn - values):
            total += np.diff(special.ndtr((edges - centre[:, None]) / width), axis=1)
    return total
