"""The empirical ROC curve, and the area under a part of it as R pROC computes it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from turing.stats.graded.checks import check_confidence, check_ratings
from turing.stats.nothing import nans

REGIONS = ("specificity", "sensitivity")


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Operating points from (0, 0) to (1, 1); point k calls a case what is rated at least `threshold[k]`.

    Empty, with a reason, where one of the classes has no image.
    """

    false_positive: np.ndarray  # share of controls called a case, rising
    true_positive: np.ndarray  # share of cases called a case, rising
    threshold: np.ndarray  # falling; the first is infinite
    n_cases: int
    n_controls: int
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return self.n_cases > 0 and self.n_controls > 0


@dataclass(frozen=True)
class PartialArea:
    """Area under a part of the ROC curve; NaN wherever a value does not exist, and `reason` then says why.

    `corrected` is McClish's standardised area: 0.5 for ratings that say nothing, 1 for perfect ones. `low`, `high`
    belong to `corrected` where it exists, else to `area`, by the stratified bootstrap (percentiles).
    """

    region: str  # of "specificity" or of "sensitivity"
    low_end: float
    high_end: float
    area: float
    corrected: float
    low: float
    high: float
    confidence: float
    n_bootstrap: int
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.area)


def roc_curve(cases: ArrayLike, controls: ArrayLike) -> RocCurve:
    """Empirical ROC curve: one point per different rating, none left out.

    Parameters
    ----------
    cases : ratings of the class that should be rated high; `controls` : of the other.

    Raises
    ------
    ValueError : ratings that are not finite.

    Notes
    -----
    Points as R pROC ``roc(direction = "<")`` (pROC puts thresholds halfway between ratings; the points are the same).
    """
    high, low = check_ratings(cases, controls)
    if not len(high) or not len(low):
        nothing = np.zeros(0)
        return RocCurve(nothing, nothing, nothing, len(high), len(low), "ratings of both kinds of images are needed")
    levels = np.unique(np.concatenate([high, low]))[::-1]
    high, low = np.sort(high), np.sort(low)
    above = [1 - np.searchsorted(values, levels, side="left") / len(values) for values in (low, high)]
    return RocCurve(
        false_positive=np.r_[0.0, above[0]],
        true_positive=np.r_[0.0, above[1]],
        threshold=np.r_[math.inf, levels],
        n_cases=len(high),
        n_controls=len(low),
    )


def partial_area(
    cases: ArrayLike,
    controls: ArrayLike,
    *,
    low_end: float = 0.9,
    high_end: float = 1.0,
    region: str = "specificity",
    n_bootstrap: int = 0,
    seed: int = 0,
    confidence: float = 0.95,
) -> PartialArea:
    """Area under the empirical ROC curve where the specificity (or the sensitivity) is from `low_end` to `high_end`.

    The curve is joined by straight lines. McClish's correction, with ``min`` the area of the diagonal over the same
    range, (high - low)(2 - high - low) / 2, and ``max`` = high - low::

        corrected = (1 + (area - min) / (max - min)) / 2

    Parameters
    ----------
    low_end, high_end : 0 <= low_end < high_end <= 1.
    region : "specificity" or "sensitivity".
    n_bootstrap : resamples, cases and controls apart, for the interval; 0: no interval. `seed` belongs to it.

    Returns
    -------
    PartialArea : undefined, with a reason, when a class is empty; `corrected` NaN, with a reason, when the area is
        below that of the diagonal (as pROC).

    Raises
    ------
    ValueError : ratings that are not finite, ends out of range or order, an unknown region.

    References
    ----------
    McClish DK. Med Decis Making 1989;9:190-195. Robin X et al. BMC Bioinformatics 2011;12:77 (pROC). Same as R pROC
    ``auc(partial.auc = c(high_end, low_end), partial.auc.focus = region, partial.auc.correct = TRUE)``.
    """
    high, low = check_ratings(cases, controls)
    check_confidence(confidence)
    if region not in REGIONS:
        raise ValueError(f"region = '{region}': it must be specificity or sensitivity")
    if not 0 <= low_end < high_end <= 1:
        raise ValueError(f"low_end = {low_end}, high_end = {high_end}: 0 <= low_end < high_end <= 1 is needed")
    if not len(high) or not len(low):
        reason = "ratings of both kinds of images are needed"
        numbers = nans("area", "corrected", "low", "high")
        return PartialArea(region, low_end, high_end, **numbers, confidence=confidence, n_bootstrap=0, reason=reason)
    area, corrected = _area_and_corrected(high, low, low_end, high_end, region)
    reason = ""
    if math.isnan(corrected):
        reason = "the curve lies below the diagonal in this range, where McClish's correction is not defined"
    interval = (math.nan, math.nan)
    if n_bootstrap:
        draws = _bootstrap(high, low, low_end, high_end, region, n_bootstrap, np.random.default_rng(seed))
        values = draws[:, 0 if reason else 1]
        values = values[~np.isnan(values)]
        tail = (1 - confidence) / 2
        interval = (float(np.quantile(values, tail)), float(np.quantile(values, 1 - tail)))
    return PartialArea(region, low_end, high_end, area, corrected, *interval, confidence, n_bootstrap, reason)


def _bootstrap(
    high: np.ndarray,
    low: np.ndarray,
    low_end: float,
    high_end: float,
    region: str,
    n: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Areas and corrected areas (n, 2): resampling images of a class is drawing how often each rating comes up."""
    counts = _counts(high, low)
    drawn = [
        generator.multinomial(len(values), share / len(values), n)
        for values, share in zip((high, low), counts, strict=True)
    ]
    return np.column_stack(_areas(drawn[0], drawn[1], low_end, high_end, region))


def _area_and_corrected(
    high: np.ndarray, low: np.ndarray, low_end: float, high_end: float, region: str
) -> tuple[float, float]:
    counts = _counts(high, low)
    area, corrected = _areas(counts[0][None], counts[1][None], low_end, high_end, region)
    return float(area[0]), float(corrected[0])


def _counts(high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each different rating was given, highest first, to cases and to controls."""
    levels = np.unique(np.concatenate([high, low]))
    of_high, of_low = (np.bincount(np.searchsorted(levels, part), minlength=len(levels))[::-1] for part in (high, low))
    return of_high, of_low


def _areas(
    of_high: np.ndarray, of_low: np.ndarray, low_end: float, high_end: float, region: str
) -> tuple[np.ndarray, np.ndarray]:
    """From counts (draws, ratings)."""
    y, x = (
        np.pad(np.cumsum(part, axis=1) / part.sum(axis=1, keepdims=True), ((0, 0), (1, 0)))
        for part in (of_high, of_low)
    )
    if region == "sensitivity":  # mirrored: the area to the right of the curve, as a function of 1 - sensitivity
        x, y = 1 - y[:, ::-1], 1 - x[:, ::-1]
    left, right = 1 - high_end, 1 - low_end
    area = _between(x, y, left, right)
    least, most = (right**2 - left**2) / 2, right - left
    with np.errstate(invalid="ignore", divide="ignore"):
        corrected = np.where(area >= least - 1e-12, (1 + (area - least) / (most - least)) / 2, math.nan)
    return area, corrected


def _between(x: np.ndarray, y: np.ndarray, left: float, right: float) -> np.ndarray:
    """Area under the joined points from `left` to `right`; a vertical step at an end belongs to the side beyond it."""
    starts, ends = np.maximum(x[:, :-1], left), np.minimum(x[:, 1:], right)
    run = x[:, 1:] - x[:, :-1]
    slope = (y[:, 1:] - y[:, :-1]) / np.where(run > 0, run, 1.0)
    heights = y[:, :-1] + slope * ((starts + ends) / 2 - x[:, :-1])
    return (np.maximum(ends - starts, 0) * heights).sum(axis=1)
