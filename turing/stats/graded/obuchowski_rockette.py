"""The area under the ROC curve averaged over readers by the analysis of variance of Obuchowski and Rockette, with the
degrees of freedom of Hillis: what most published reader studies report."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.graded.checks import check_confidence, check_tables
from turing.stats.graded.delong import delong_covariance
from turing.stats.nothing import nans
from turing.stats.roc import placements

METHODS = ("delong", "jackknife")


@dataclass(frozen=True)
class ObuchowskiRockette:
    """Average of the readers' areas. NaN wherever a value does not exist; `reason` then says why."""

    n_readers: int
    n_cases: int
    n_controls: int
    method: str  # of the covariances: "delong" or "jackknife"
    estimate: float
    se: float
    df: float  # infinite when readers do not differ at all
    low: float  # cut at 0
    high: float  # cut at 1
    p_half: float  # two-sided test against 0.5
    ms_reader: float  # mean square between readers
    error_variance: float  # mean variance of a reader's area over images
    covariance: float  # "Cov2": mean covariance of two readers' areas over images; used as 0 where below
    reader_variance: float  # ms_reader - error_variance + covariance, cut at 0
    confidence: float
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.estimate)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


def obuchowski_rockette(
    cases: ArrayLike, controls: ArrayLike, *, method: str = "delong", confidence: float = 0.95
) -> ObuchowskiRockette:
    """Reader-averaged AUC, readers and images random.

    A_j = mu + R_j + e_j, where e has variance Var and covariance Cov2 between readers who rated the same images; both
    are estimated from the images (DeLong or jackknife) and averaged over readers. With J readers::

        MS = sum (A_j - A.)^2 / (J - 1)
        var(A.) = (MS + J max(Cov2, 0)) / J
        df = (MS + J max(Cov2, 0))^2 / (MS^2 / (J - 1)),   t interval

    Parameters
    ----------
    cases : ratings (m, readers) of the class that should be rated high; `controls` (n, readers). NaN: not rated.
        Images that a reader did not rate are left out for all (said in `notes`): the covariances need the same images.
    method : "delong" or "jackknife" (leaving out one image at a time).

    Returns
    -------
    ObuchowskiRockette : undefined, with a reason, without an image of each class that all rated; without an interval
        for one reader, fewer than two images of a class, or a variance of 0.

    Raises
    ------
    ValueError : tables of different readers, an infinite rating, an unknown method.

    References
    ----------
    Obuchowski NA, Rockette HE. Commun Stat Simul Comput 1995;24:285-308. Hillis SL. Stat Med 2007;26:596-619. Hillis
    SL, Obuchowski NA, Schartz KM, Berbaum KS. Stat Med 2005;24:1579-1607. As the single-treatment analysis of R
    MRMCaov ``mrmc(empirical_auc(...), cov = DeLong)`` and RJafroc.
    """
    high, low = check_tables(cases, controls)
    check_confidence(confidence)
    if method not in METHODS:
        raise ValueError(f"method = '{method}': it must be delong or jackknife")
    n_all = len(high) + len(low)
    high, low = high[~np.isnan(high).any(axis=1)], low[~np.isnan(low).any(axis=1)]
    left_out = n_all - len(high) - len(low)
    notes: tuple[str, ...] = ()
    if left_out:
        notes = (f"{left_out} of {n_all} images were not rated by every reader and were left out",)
    n_readers, m, n = high.shape[1], len(high), len(low)
    if not n_readers or not m or not n:
        reason = "there are no images of both kinds that every reader rated"
        return _without_interval(n_readers, m, n, method, math.nan, confidence, reason, notes)
    areas = np.array([placements(high[:, reader], low[:, reader])[0].mean() for reader in range(n_readers)])
    if n_readers < 2 or min(m, n) < 2:
        reason = "one reader does not show how readers differ"
        if n_readers > 1:
            reason = "a single image of one kind gives no standard error"
        return _without_interval(n_readers, m, n, method, float(areas.mean()), confidence, reason, notes)
    covariance = delong_covariance(high, low)[1] if method == "delong" else jackknife_covariance(high, low)
    own = float(np.trace(covariance) / n_readers)
    between = float((covariance.sum() - np.trace(covariance)) / (n_readers * (n_readers - 1)))
    return combine_readers(
        areas, own, between, n_cases=m, n_controls=n, method=method, confidence=confidence, notes=notes
    )


def combine_readers(
    areas: ArrayLike,
    error_variance: float,
    covariance: float,
    *,
    n_cases: int,
    n_controls: int,
    method: str = "delong",
    confidence: float = 0.95,
    notes: tuple[str, ...] = (),
) -> ObuchowskiRockette:
    """The analysis from the readers' areas (at least two), their mean variance and their mean covariance."""
    values = np.asarray(areas, dtype=float)
    n_readers, estimate = len(values), float(values.mean())
    ms = float(values.var(ddof=1))
    denominator = ms + n_readers * max(covariance, 0.0)
    if denominator < 1e-15:
        reason = "the standard error is 0, so there is no interval (perfect curves)"
        return _without_interval(n_readers, n_cases, n_controls, method, estimate, confidence, reason, notes)
    se = math.sqrt(denominator / n_readers)
    df = denominator**2 / (ms**2 / (n_readers - 1)) if ms > 1e-15 else math.inf
    ratio = abs(estimate - 0.5) / se
    if math.isinf(df):
        quantile, tail = float(special.ndtri(0.5 + confidence / 2)), float(special.ndtr(-ratio))
    else:
        quantile, tail = float(special.stdtrit(df, 0.5 + confidence / 2)), float(special.stdtr(df, -ratio))
    return ObuchowskiRockette(
        n_readers=n_readers,
        n_cases=n_cases,
        n_controls=n_controls,
        method=method,
        estimate=estimate,
        se=se,
        df=df,
        low=max(estimate - quantile * se, 0.0),
        high=min(estimate + quantile * se, 1.0),
        p_half=2 * tail,
        ms_reader=ms,
        error_variance=error_variance,
        covariance=covariance,
        reader_variance=max(ms - error_variance + covariance, 0.0),
        confidence=confidence,
        notes=notes,
    )


def jackknife_covariance(cases: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """(N - 1) / N sum_k (A_(-k) - mean)(A_(-k) - mean)', over all N = m + n images left out one at a time.

    Parameters
    ----------
    cases, controls : complete ratings (m, readers), (n, readers), m, n >= 2.
    """
    m, n, n_readers = len(cases), len(controls), cases.shape[1]
    left_out = np.empty((m + n, n_readers))
    for reader in range(n_readers):
        of_cases, of_controls = placements(cases[:, reader], controls[:, reader])
        left_out[:m, reader] = (of_cases.sum() - of_cases) / (m - 1)
        left_out[m:, reader] = (of_controls.sum() - of_controls) / (n - 1)
    rest = left_out - left_out.mean(axis=0)
    return (m + n - 1) / (m + n) * rest.T @ rest


def _without_interval(
    n_readers: int,
    n_cases: int,
    n_controls: int,
    method: str,
    estimate: float,
    confidence: float,
    reason: str,
    notes: tuple[str, ...],
) -> ObuchowskiRockette:
    return ObuchowskiRockette(
        n_readers=n_readers,
        n_cases=n_cases,
        n_controls=n_controls,
        method=method,
        estimate=estimate,
        **nans("se", "df", "low", "high", "p_half", "ms_reader", "error_variance", "covariance", "reader_variance"),
        confidence=confidence,
        reason=reason,
        notes=notes,
    )
