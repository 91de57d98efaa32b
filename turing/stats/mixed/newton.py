"""Minimises a deviance with an exact Hessian, where the first parameters are standard deviations.

The deviance is even in each standard deviation t. So a step across 0 lands at a mirror image and is folded back, and
t = 0 is always a stationary point, minimum or not: an optimiser that only looks at the gradient may stop there. Here
the eigenvalues of the Hessian are taken by their absolute value, which makes every step a descent, and a result is
probed: at t > 0 from a boundary, and at the boundary from t > 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

CLOSE_ENOUGH = 1e-14  # squared length of the Newton step, in units of the curvature: about (step / standard error)^2
ROUNDING = 1e-8  # below this squared length a step that gains nothing ends the search
LONGEST_STEP = 2.0  # of any parameter: standard deviations, and coefficients of columns of mean square 1
PROBES = (0.2, 0.7, 1.5)  # of a standard deviation that was found to be 0
FINE_PROBES = (0.05, 0.01, 0.002)  # before these, where the deviance curves down at 0
AT_ZERO = 1e-3  # a standard deviation below this is set to 0 if the deviance is no better for being above it


class Point(Protocol):
    """A deviance at given parameters."""

    @property
    def parameters(self) -> np.ndarray: ...
    @property
    def value(self) -> float: ...
    @property
    def gradient(self) -> np.ndarray: ...
    @property
    def hessian(self) -> np.ndarray: ...


P = TypeVar("P", bound=Point)
Deviance = Callable[[np.ndarray, P | None], P]  # the second argument is an evaluation near by, to start from


@dataclass(frozen=True, eq=False)
class Minimum(Generic[P]):
    """Where a search ended."""

    point: P
    converged: bool
    n_iterations: int  # Newton steps, all searches together
    ran_away: bool = False  # a standard deviation passed the limit


def find_minimum(
    deviance: Deviance[P],
    start: np.ndarray,
    *,
    n_even: int,
    free: np.ndarray | None = None,
    near: P | None = None,
    largest: float = np.inf,
    max_iterations: int = 200,
) -> Minimum[P]:
    """The minimum, looked for from `start` and, once found, from the other side of each boundary.

    Parameters
    ----------
    start : n_even standard deviations, then the other parameters.
    free : False for parameters that stay at their start; all are free when left out.
    near : an evaluation near the start.
    largest : of a standard deviation; beyond it the search ends with `ran_away`.
    """
    moving = np.ones(len(start), bool) if free is None else free
    best = _descend(deviance, start, near, n_even, moving, largest, max_iterations)
    for _ in range(4):
        if not best.converged:
            break
        better = _from_the_other_side(deviance, best, n_even, moving, largest, max_iterations)
        if better is None:
            break
        best = better
    return best


def _descend(
    deviance: Deviance[P],
    start: np.ndarray,
    near: P | None,
    n_even: int,
    moving: np.ndarray,
    largest: float,
    max_iterations: int,
) -> Minimum[P]:
    """Newton's method with step halving."""
    point = deviance(_fold(start, n_even), near)
    for iteration in range(max_iterations):
        step, length = _newton_step(point, moving)
        if length < CLOSE_ENOUGH:
            return Minimum(_without_dust(deviance, point, n_even, moving), True, iteration)
        if point.parameters[:n_even].max(initial=0) > largest:
            return Minimum(point, False, iteration, ran_away=True)
        scale = min(1.0, LONGEST_STEP / np.abs(step).max())
        for _ in range(40):
            moved = deviance(_fold(point.parameters + scale * step, n_even), point)
            if moved.value < point.value - 1e-4 * scale * length:
                break
            if length < ROUNDING and moved.value <= point.value + 1e-12 * (1 + abs(point.value)):
                break
            scale /= 2
        else:
            return Minimum(point, length < ROUNDING, iteration)
        point = moved
    return Minimum(point, False, max_iterations)


def _newton_step(point: P, moving: np.ndarray) -> tuple[np.ndarray, float]:
    """The step, 0 for parameters that stay, and its squared length -g'step."""
    gradient = point.gradient[moving]
    eigenvalues, vectors = np.linalg.eigh(point.hessian[np.ix_(moving, moving)])
    size = np.abs(eigenvalues)
    along = (vectors.T @ gradient) / np.maximum(size, 1e-10 * max(size.max(initial=0), 1e-300))
    step = np.zeros(len(moving))
    step[moving] = -(vectors @ along)
    return step, float(-(step[moving] @ gradient))


def _fold(parameters: np.ndarray, n_even: int) -> np.ndarray:
    return np.r_[np.abs(parameters[:n_even]), parameters[n_even:]]


def _without_dust(deviance: Deviance[P], point: P, n_even: int, moving: np.ndarray) -> P:
    """Standard deviations that are 0 but for rounding, set to 0."""
    dust = (point.parameters[:n_even] > 0) & (point.parameters[:n_even] < AT_ZERO) & moving[:n_even]
    if not dust.any():
        return point
    clean = deviance(np.r_[np.where(dust, 0.0, point.parameters[:n_even]), point.parameters[n_even:]], point)
    return clean if clean.value <= point.value + 1e-11 * (1 + abs(point.value)) else point


def _from_the_other_side(
    deviance: Deviance[P], best: Minimum[P], n_even: int, moving: np.ndarray, largest: float, max_iterations: int
) -> Minimum[P] | None:
    """A better minimum than `best` beyond one of the boundaries, if there is one."""
    here = best.point.parameters
    for which in np.flatnonzero(moving[:n_even]):
        probes: tuple[float, ...] = (0.0,)
        if here[which] == 0:
            probes = PROBES if best.point.hessian[which, which] >= 0 else (*FINE_PROBES, *PROBES)
        for probe in probes:
            there = here.copy()
            there[which] = probe
            point = deviance(there, best.point)
            if point.value < best.point.value - 1e-12 * (1 + abs(best.point.value)):
                found = _descend(deviance, there, best.point, n_even, moving, largest, max_iterations)
                if found.point.value < best.point.value:
                    steps = best.n_iterations + found.n_iterations
                    return Minimum(found.point, found.converged, steps, found.ran_away)
    return None
