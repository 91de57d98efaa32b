"""Two classifiers compared: areas by DeLong, decisions by McNemar; and correction for several comparisons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

from classification.cnn.measures.auc import DELONG, OBUCHOWSKI, clusters_of
from classification.cnn.measures.estimates import clustered_mean
from classification.cnn.measures.predictions import Predictions, check_same_images
from turing.stats.comparison import adjust_benjamini_hochberg, adjust_holm, paired_shares
from turing.stats.graded.checks import check_confidence
from turing.stats.graded.clustered import clustered_covariance, compare_clustered_areas
from turing.stats.graded.delong import AreaComparison, compare_areas, compare_paired_areas, compared_areas


@dataclass(frozen=True, kw_only=True)
class AucComparison:
    """first - second. NaN wherever a value does not exist; `reason` then says why."""

    first: float
    second: float
    difference: float
    se: float
    low: float
    high: float
    statistic: float  # Z where the images are the same, D where not
    df: float  # infinite: normal theory
    p: float
    method: str  # in words
    confidence: float
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DecisionComparison:
    """Right and wrong calls of the same images by two classifiers; difference: shares right, first - second."""

    both_right: int
    first_only: int
    second_only: int
    both_wrong: int
    difference: float
    low: float
    high: float
    p_exact: float
    p_mid: float
    method: str
    confidence: float
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """p values of several comparisons, in their order; NaN where a comparison could not be made."""

    p: tuple[float, ...]
    holm: tuple[float, ...]  # bounds the chance of any false finding
    benjamini_hochberg: tuple[float, ...]  # bounds the expected share of false findings


def compare_auc_paired(first: Predictions, second: Predictions, *, confidence: float = 0.95) -> AucComparison:
    """AUCs of two classifiers on the same images.

    Classifiers that put the images in the same order are not different: p = 1, an interval of no width.

    Returns
    -------
    AucComparison : undefined, with a reason, with fewer than two images of a class or a difference without variance.

    Raises
    ------
    ValueError : other images, or a confidence outside (0, 1).

    References
    ----------
    DeLong ER et al. Biometrics 1988;44:837-845; with several images of a patient Obuchowski NA. Biometrics
    1997;53:567-578. Same as R pROC ``roc.test(paired = TRUE, method = "delong")``.
    """
    check_same_images(first, second)
    check_confidence(confidence)
    scores = first.cases, first.controls, second.cases, second.controls
    if first.is_clustered:
        found = compare_clustered_areas(*scores, *clusters_of(first), confidence=confidence)
        return _of_areas(found, f"{OBUCHOWSKI}, paired")
    return _of_areas(compare_paired_areas(*scores, confidence=confidence), f"{DELONG}, paired")


def compare_auc_unpaired(first: Predictions, second: Predictions, *, confidence: float = 0.95) -> AucComparison:
    """AUCs on different images of different patients, for example of an internal and an external test set.

    Student's t with Welch's degrees of freedom, in which images count; patients, where they have several images.

    Raises
    ------
    ValueError : a patient who is in both, or a confidence outside (0, 1).

    References
    ----------
    As `compare_auc_paired`, and Welch BL. Biometrika 1947;34:28-35. Same as R pROC ``roc.test(paired = FALSE)``.
    """
    check_confidence(confidence)
    both = set(first.patients or ()) & set(second.patients or ())
    if both:
        raise ValueError(
            f"{len(both)} patient(s) are in both test sets (such as {min(both)}): an unpaired comparison needs other "
            "patients. For the same images use the paired one"
        )
    if not (first.is_clustered or second.is_clustered):
        scores = first.cases, first.controls, second.cases, second.controls
        return _of_areas(compare_areas(*scores, confidence=confidence), f"{DELONG}, unpaired")
    plain = compare_areas(first.cases, first.controls, second.cases, second.controls, confidence=confidence)
    method = f"{OBUCHOWSKI}, unpaired"
    variances = [_clustered_variance(one) for one in (first, second)]
    if any(math.isnan(variance) for variance in variances):
        return _undefined(plain, method, "images of each kind from at least two patients are needed")
    parts = [variance**2 / (one.n_patients - 1) for variance, one in zip(variances, (first, second), strict=True)]
    df = sum(variances) ** 2 / sum(parts) if sum(parts) else math.nan
    found = compared_areas(plain.first, plain.second, False, sum(variances), df, confidence)
    return _of_areas(found, method)


def compare_decisions(
    first: Predictions,
    second: Predictions,
    *,
    first_threshold: float = 0.5,
    second_threshold: float = 0.5,
    confidence: float = 0.95,
) -> DecisionComparison:
    """Which of two classifiers calls more of the same images rightly, by McNemar: exact, and its mid-p.

    Several images of a patient: McNemar's test with patients as the units. If there is no difference, the two
    classifiers may be exchanged within a patient, so each patient's difference of right calls d_i is as likely -d_i;
    the distribution of the sum is computed exactly. With one image per patient that is McNemar's exact test.

    Returns
    -------
    DecisionComparison : undefined, with a reason, without images or when a threshold is NaN.

    Raises
    ------
    ValueError : other images, or a confidence outside (0, 1).

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157. Fagerland MW et al. BMC Med Res Methodol 2013;13:91 (mid-p). Newcombe RG.
    Stat Med 1998;17:2635-2650 (interval). Clusters: Fisher RA. The Design of Experiments 1935, section 21 (exchange
    within pairs); Obuchowski NA. Stat Med 1998;17:1495-1507 (the same question with normal theory).
    """
    check_same_images(first, second)
    check_confidence(confidence)
    if not len(first) or math.isnan(first_threshold) or math.isnan(second_threshold):
        reason = "a threshold is not known" if len(first) else "there are no images"
        nan = math.nan
        return DecisionComparison(
            both_right=0,
            first_only=0,
            second_only=0,
            both_wrong=0,
            difference=nan,
            low=nan,
            high=nan,
            p_exact=nan,
            p_mid=nan,
            method="",
            confidence=confidence,
            reason=reason,
        )
    right = [
        one.called_positive(threshold) == one.is_positive
        for one, threshold in ((first, first_threshold), (second, second_threshold))
    ]
    found = paired_shares(right[0].astype(float), right[1].astype(float), confidence=confidence)
    low, high = 0.0 - found.difference.high, 0.0 - found.difference.low
    p_exact, p_mid = found.p_exact, found.p_mid
    method = "McNemar, exact; interval of Newcombe"
    if first.is_clustered:
        change = right[0].astype(np.float64) - right[1]
        low, high = clustered_mean(change, first.patient_codes, confidence=confidence)[2:]
        p_exact, p_mid = exchange_test(np.bincount(first.patient_codes, change).astype(np.int64))
        method = "McNemar over patients (exact exchange within patients); interval with patients as units"
    return DecisionComparison(
        both_right=found.both_right,
        first_only=found.first_only,
        second_only=found.second_only,
        both_wrong=found.both_wrong,
        difference=0.0 - found.difference.difference,  # no difference is 0, not -0: not every database keeps that sign
        low=low,
        high=high,
        p_exact=p_exact,
        p_mid=p_mid,
        method=method,
        confidence=confidence,
    )


def exchange_test(differences: NDArray[np.int64]) -> tuple[float, float]:
    """P(|S| >= |sum d|), and that less half of P(|S| = |sum d|), for S = sum of +-d_i, each sign with chance 1/2.

    Exact: patients of equal |d| = k give k (2 B - n_k), B binomial; these few distributions are convolved.

    Parameters
    ----------
    differences : whole numbers, one per patient.
    """
    sizes, how_many = np.unique(np.abs(differences), return_counts=True)
    distribution = np.ones(1)
    for size, n in zip(sizes.tolist(), how_many.tolist(), strict=True):
        if not size:
            continue
        part = np.zeros(2 * size * n + 1)
        part[:: 2 * size] = stats.binom.pmf(np.arange(n + 1), n, 0.5)
        distribution = np.maximum(signal.convolve(distribution, part), 0)
    reach = len(distribution) // 2
    sums = np.abs(np.arange(len(distribution)) - reach)
    observed = abs(int(differences.sum()))
    at_least = min(float(distribution[sums >= observed].sum()), 1.0)
    return at_least, at_least - float(distribution[sums == observed].sum()) / 2


def correct_for_many(p: Sequence[float]) -> Corrected:
    """Holm and Benjamini-Hochberg over a set of comparisons; NaN stays NaN and is no test.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70. Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. As R ``p.adjust``.
    """
    return Corrected(p=tuple(p), holm=adjust_holm(p), benjamini_hochberg=adjust_benjamini_hochberg(p))


def _clustered_variance(predictions: Predictions) -> float:
    codes = clusters_of(predictions)
    if min(len(np.unique(code)) for code in codes) < 2:
        return math.nan
    covariance = clustered_covariance(predictions.cases[:, None], predictions.controls[:, None], *codes)[1]
    return float(covariance[0, 0])


def _of_areas(found: AreaComparison, method: str) -> AucComparison:
    if found.is_paired and math.isnan(found.p) and found.difference == 0 and min(_sizes(found)) > 1:
        # without error the standard error is 0 whatever the classifiers do on other images
        is_perfect = found.first.auc in (0, 1)
        width = math.nan if is_perfect else 0.0
        return AucComparison(
            first=found.first.auc,
            second=found.second.auc,
            difference=0.0,
            se=width,
            low=width,
            high=width,
            statistic=0.0,
            df=math.inf,
            p=1.0,
            method=f"{method}; equal curves",
            confidence=found.confidence,
            reason=f"both have an AUC of {found.first.auc:g}: there is no interval" if is_perfect else "",
        )
    return AucComparison(
        first=found.first.auc,
        second=found.second.auc,
        difference=found.difference,
        se=found.se,
        low=found.low,
        high=found.high,
        statistic=found.statistic,
        df=found.df,
        p=found.p,
        method=method,
        confidence=found.confidence,
        reason=found.reason,
    )


def _sizes(found: AreaComparison) -> tuple[int, int]:
    return found.first.n_cases, found.first.n_controls


def _undefined(found: AreaComparison, method: str, reason: str) -> AucComparison:
    nan = math.nan
    return AucComparison(
        first=found.first.auc,
        second=found.second.auc,
        difference=found.difference,
        se=nan,
        low=nan,
        high=nan,
        statistic=nan,
        df=nan,
        p=nan,
        method=method,
        confidence=found.confidence,
        reason=reason,
    )
