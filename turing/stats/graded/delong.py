"""Two areas under empirical ROC curves compared by the method of DeLong, DeLong and Clarke-Pearson; and the covariance
of the areas of many readers who rated the same images."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.graded.checks import check_confidence, check_ratings, check_tables
from turing.stats.roc import NO_VARIANCE, RocArea, placements, roc_area


@dataclass(frozen=True)
class AreaComparison:
    """Difference of two areas. NaN wherever a value does not exist; `reason` then says why.

    Paired: normal theory, `df` infinite. Unpaired: Student's t with Welch's `df`.
    """

    first: RocArea
    second: RocArea
    is_paired: bool
    difference: float  # first - second
    se: float
    statistic: float  # Z where paired, D where not
    df: float
    p: float
    low: float
    high: float
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.p)


def delong_covariance(cases: ArrayLike, controls: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Areas of several curves of the same images, and their covariance matrix.

    With V10 and V01 the placements of `roc.placements`, S10 and S01 their covariance matrices over the m cases and the
    n controls (denominators m - 1 and n - 1): covariance = S10 / m + S01 / n.

    Parameters
    ----------
    cases, controls : ratings (m, curves) and (n, curves), complete; m, n >= 2.

    Returns
    -------
    areas (curves,) and covariance (curves, curves).

    Raises
    ------
    ValueError : a missing or infinite rating, or fewer than two images of a class.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. Same as R pROC ``var`` and ``cov``.
    """
    high, low = check_tables(cases, controls)
    if np.isnan(high).any() or np.isnan(low).any():
        raise ValueError("The covariance of areas needs every image rated in every curve: leave out the others first")
    if len(high) < 2 or len(low) < 2:
        raise ValueError(f"{len(high)} cases and {len(low)} controls: at least two of each are needed")
    both = [placements(high[:, curve], low[:, curve]) for curve in range(high.shape[1])]
    of_cases, of_controls = (np.stack(part) for part in zip(*both, strict=True))
    covariance = np.atleast_2d(np.cov(of_cases)) / len(high) + np.atleast_2d(np.cov(of_controls)) / len(low)
    return of_cases.mean(axis=1), covariance


def compare_paired_areas(
    first_cases: ArrayLike,
    first_controls: ArrayLike,
    second_cases: ArrayLike,
    second_controls: ArrayLike,
    *,
    confidence: float = 0.95,
) -> AreaComparison:
    """Areas of two curves of the same images, rating k of the one belonging to rating k of the other.

    Z = (A1 - A2) / sqrt(v1 + v2 - 2 c12), standard normal.

    Returns
    -------
    AreaComparison : undefined, with a reason, for fewer than two images of a class, or a difference without variance.

    Raises
    ------
    ValueError : ratings that are not finite, or numbers of images that differ.

    References
    ----------
    DeLong et al. 1988. Same as R pROC ``roc.test(paired = TRUE, method = "delong")``.
    """
    high1, low1 = check_ratings(first_cases, first_controls)
    high2, low2 = check_ratings(second_cases, second_controls)
    if len(high1) != len(high2) or len(low1) != len(low2):
        raise ValueError(
            f"Paired curves need the same images: {len(high1)} and {len(high2)} cases, {len(low1)} and {len(low2)} "
            "controls were given"
        )
    first, second = roc_area(high1, low1, confidence=confidence), roc_area(high2, low2, confidence=confidence)
    if min(len(high1), len(low1)) < 2:
        return undefined_comparison(first, second, True, confidence, "at least two images of each kind are needed")
    # v1 + v2 - 2 c12, without the digits that this loses when the curves are nearly the same
    of_cases, of_controls = (
        one - two for one, two in zip(placements(high1, low1), placements(high2, low2), strict=True)
    )
    variance = float(of_cases.var(ddof=1) / len(high1) + of_controls.var(ddof=1) / len(low1))
    return compared_areas(first, second, True, variance, math.inf, confidence)


def compare_areas(
    first_cases: ArrayLike,
    first_controls: ArrayLike,
    second_cases: ArrayLike,
    second_controls: ArrayLike,
    *,
    confidence: float = 0.95,
) -> AreaComparison:
    """Areas of two curves of different images.

    D = (A1 - A2) / sqrt(v1 + v2), Student's t with, N being all images of a curve::

        df = (v1 + v2)^2 / (v1^2 / (N1 - 1) + v2^2 / (N2 - 1))

    Returns
    -------
    AreaComparison : undefined, with a reason, as for paired curves.

    Raises
    ------
    ValueError : ratings that are not finite.

    References
    ----------
    DeLong et al. 1988; Welch BL. Biometrika 1947;34:28-35. Same as R pROC ``roc.test(paired = FALSE)``.
    """
    high1, low1 = check_ratings(first_cases, first_controls)
    high2, low2 = check_ratings(second_cases, second_controls)
    first, second = roc_area(high1, low1, confidence=confidence), roc_area(high2, low2, confidence=confidence)
    if min(len(high1), len(low1), len(high2), len(low2)) < 2:
        return undefined_comparison(first, second, False, confidence, "at least two images of each kind are needed")
    v1, v2 = (
        float(delong_covariance(high[:, None], low[:, None])[1][0, 0]) for high, low in ((high1, low1), (high2, low2))
    )
    below = v1**2 / (len(high1) + len(low1) - 1) + v2**2 / (len(high2) + len(low2) - 1)
    return compared_areas(first, second, False, v1 + v2, (v1 + v2) ** 2 / below if below > 0 else math.nan, confidence)


def compared_areas(
    first: RocArea, second: RocArea, is_paired: bool, variance: float, df: float, confidence: float
) -> AreaComparison:
    """The record of two areas, from the variance of their difference; undefined, with a reason, where that is 0."""
    check_confidence(confidence)
    difference = first.auc - second.auc
    if variance < NO_VARIANCE:
        reason = "the standard error of the difference is 0, so there is no test (perfect or equal curves)"
        return undefined_comparison(first, second, is_paired, confidence, reason)
    se = math.sqrt(variance)
    quantile = float(special.stdtrit(df, 0.5 + confidence / 2))
    if math.isinf(df):
        quantile = float(special.ndtri(0.5 + confidence / 2))
    tail = special.ndtr(-abs(difference) / se) if math.isinf(df) else special.stdtr(df, -abs(difference) / se)
    return AreaComparison(
        first=first,
        second=second,
        is_paired=is_paired,
        difference=difference,
        se=se,
        statistic=difference / se,
        df=df,
        p=float(2 * tail),
        low=difference - quantile * se,
        high=difference + quantile * se,
        confidence=confidence,
    )


def undefined_comparison(
    first: RocArea, second: RocArea, is_paired: bool, confidence: float, reason: str
) -> AreaComparison:
    """Two areas without a test, and why."""
    check_confidence(confidence)
    nan = math.nan
    difference = first.auc - second.auc
    return AreaComparison(first, second, is_paired, difference, nan, nan, nan, nan, nan, nan, confidence, reason)
