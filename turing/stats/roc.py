"""Area under the empirical ROC curve of graded answers, with the interval of DeLong, DeLong and Clarke-Pearson."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

# What rounding makes of a variance of 0 is near 1e-32; one image of 50,000 that changes place makes 1e-18.
NO_VARIANCE = 1e-28


@dataclass(frozen=True)
class RocArea:
    """AUC of `n_cases` against `n_controls`. NaN wherever a value does not exist; `reason` then says why."""

    n_cases: int
    n_controls: int
    auc: float  # in [0, 1]; 0.5: the ratings say nothing
    se: float
    low: float
    high: float
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.auc)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


def roc_area(
    cases: Sequence[float] | np.ndarray, controls: Sequence[float] | np.ndarray, *, confidence: float = 0.95
) -> RocArea:
    """Probability that a case is rated higher than a control, ties counting one half (Mann-Whitney), with DeLong's SE.

    With R the mid-ranks of all m + n ratings, and R' those among the cases (controls) alone, each case has the
    placement V10 = (R - R') / n and each control V01 = 1 - (R - R') / m; AUC = mean(V10), and the variance is
    var(V10) / m + var(V01) / n with denominators m - 1 and n - 1.

    Parameters
    ----------
    cases : ratings of the class that should be rated high; `controls` : of the other. Any order, ties allowed.
    confidence : of the normal-theory interval, in (0, 1); its ends are cut at 0 and 1, as R pROC does.

    Returns
    -------
    RocArea : undefined, with a reason, when there is no case or no control. Without an interval, with a reason, for a
        single case or control, or when the variance is 0: with an AUC of 1 or 0 DeLong's interval has no width, which
        says nothing of the uncertainty (R pROC gives it all the same, with a warning).

    Raises
    ------
    ValueError : a rating that is not finite, or a confidence out of range.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. Sun X, Xu W. IEEE Signal Process Lett
    2014;21:1389-1393 (by mid-ranks). Same as R pROC ``ci.auc(method = "delong")`` with direction "<".
    """
    high, low = np.asarray(cases, dtype=float), np.asarray(controls, dtype=float)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    if not (np.isfinite(high).all() and np.isfinite(low).all()):
        raise ValueError("Ratings must be finite numbers")
    m, n = len(high), len(low)
    if m == 0 or n == 0:
        return area_of_variance(m, n, math.nan, math.nan, confidence=confidence)
    of_cases, of_controls = placements(high, low)
    auc = float(of_cases.mean())
    if m == 1 or n == 1:
        reason = "a single image of one kind gives no standard error"
        return area_of_variance(m, n, auc, math.nan, confidence=confidence, reason=reason)
    variance = float(of_cases.var(ddof=1) / m + of_controls.var(ddof=1) / n)
    return area_of_variance(m, n, auc, variance, confidence=confidence)


def placements(cases: np.ndarray, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of controls below each case, and of cases above each control, ties counting one half, by mid-ranks.

    Parameters
    ----------
    cases, controls : finite ratings, (m,) and (n,), neither empty.

    Returns
    -------
    V10 (m,) and V01 (n,) of DeLong; the mean of either is the AUC.
    """
    m, n = len(cases), len(controls)
    ranks = stats.rankdata(np.concatenate([cases, controls]))
    return (ranks[:m] - stats.rankdata(cases)) / n, 1 - (ranks[m:] - stats.rankdata(controls)) / m


def area_of_variance(m: int, n: int, auc: float, variance: float, *, confidence: float, reason: str = "") -> RocArea:
    """The record of an area whose variance is known; without one (NaN or 0), with a reason, there is no interval."""
    if not m or not n:
        reason = "ratings of both kinds of images are needed"
    elif variance < NO_VARIANCE:
        variance, reason = math.nan, "the standard error is 0, so there is no interval"
    z, se = float(special.ndtri(0.5 + confidence / 2)), math.sqrt(variance)
    has_interval = not math.isnan(se)
    return RocArea(
        n_cases=m,
        n_controls=n,
        auc=auc,
        se=se,
        low=max(auc - z * se, 0.0) if has_interval else math.nan,
        high=min(auc + z * se, 1.0) if has_interval else math.nan,
        confidence=confidence,
        reason=reason,
    )
