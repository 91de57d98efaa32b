"""Area under the ROC curve and average precision with their intervals."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classification.cnn.measures.estimates import Draws, Estimate, percentiles, undefined
from classification.cnn.measures.predictions import Predictions, images_of_patients
from turing.stats.accuracy import clopper_pearson
from turing.stats.graded.checks import check_confidence
from turing.stats.graded.clustered import clustered_area
from turing.stats.roc import RocArea, roc_area

DELONG = "DeLong"
OBUCHOWSKI = "DeLong, images of a patient together (Obuchowski)"


@dataclass(frozen=True, kw_only=True)
class Areas:
    """`auc` is the one to print; the others are it and average precision with the intervals of single methods."""

    auc: Estimate  # DeLong's interval, or the exact one where the classes are told apart without error
    auc_bootstrap: Estimate  # by patient
    average_precision: Estimate  # interval by bootstrap by patient
    se: float  # of the AUC, by DeLong or Obuchowski; NaN where there is none
    n_positive: int
    n_negative: int
    note: str


@dataclass(frozen=True)
class _Sorted:
    """Images by falling score; `ends`: last image of each different score."""

    codes: NDArray[np.int64]
    is_positive: NDArray[np.bool_]
    ends: NDArray[np.int64]


def measure_areas(predictions: Predictions, *, draws: Draws | None = None, confidence: float = 0.95) -> Areas:
    """AUC and average precision with their intervals.

    AUC: probability that an image of the positive class has a higher score than one of the other, ties counting one
    half. Interval by DeLong; where a patient has several images, by Obuchowski's form of it. With an AUC of 1 or 0 the
    standard error is 0 and says nothing; the exact interval is then `exact_limit`'s. Average precision: as
    scikit-learn ``average_precision_score``, sum of (R_k - R_(k-1)) P_k over the different scores.

    Parameters
    ----------
    draws : of the bootstrap: patients with all their images, with replacement; percentiles.

    Returns
    -------
    Areas : estimates are undefined, with a reason, without images of one class.

    Raises
    ------
    ValueError : a confidence outside (0, 1).

    References
    ----------
    DeLong ER et al. Biometrics 1988;44:837-845. Obuchowski NA. Biometrics 1997;53:567-578. Efron B, Tibshirani RJ. An
    Introduction to the Bootstrap, 1993. Davis J, Goadrich M. ICML 2006:233-240 (why precision is not interpolated).
    """
    check_confidence(confidence)
    drawn = draws or Draws()
    title = f"AUC (positive: {predictions.positive})"
    title_ap = f"Average precision (positive: {predictions.positive})"
    if not predictions.n_positive or not predictions.n_negative:
        missing = predictions.negative if predictions.n_positive else predictions.positive
        reason = f"no image is {missing}: images of both classes are needed" if len(predictions) else "no images"
        nothing = undefined("AUC", title, reason, confidence)
        return Areas(
            auc=nothing,
            auc_bootstrap=nothing,
            average_precision=undefined("Average precision", title_ap, reason, confidence),
            se=math.nan,
            n_positive=predictions.n_positive,
            n_negative=predictions.n_negative,
            note=images_of_patients(predictions),
        )
    area = delong_area(predictions, confidence=confidence)
    ordered = _sorted(predictions)
    value_ap = _areas_of(ordered, np.ones(predictions.n_patients))[1]
    draws_auc, draws_ap = _bootstrap(ordered, predictions.n_patients, drawn)
    by_draws = _by_bootstrap("AUC", title, area.auc, draws_auc, drawn, confidence)
    return Areas(
        auc=_printed(predictions, area, title, confidence),
        auc_bootstrap=by_draws,
        average_precision=_by_bootstrap("Average precision", title_ap, value_ap, draws_ap, drawn, confidence),
        se=area.se,
        n_positive=predictions.n_positive,
        n_negative=predictions.n_negative,
        note=f"{images_of_patients(predictions)}; {drawn.words}, seed {drawn.seed}",
    )


def delong_area(predictions: Predictions, *, confidence: float = 0.95) -> RocArea:
    """AUC with DeLong's interval, or Obuchowski's where a patient has several images."""
    if not predictions.is_clustered:
        return roc_area(predictions.cases, predictions.controls, confidence=confidence)
    return clustered_area(predictions.cases, predictions.controls, *clusters_of(predictions), confidence=confidence)


def clusters_of(predictions: Predictions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients of the cases and of the controls."""
    codes, truth = predictions.patient_codes, predictions.is_positive
    return codes[truth], codes[~truth]


def independent_pairs(predictions: Predictions) -> int:
    """Most pairs of a positive and a negative image such that no patient is in two pairs or twice in one."""
    cases, controls = (np.unique(part) for part in clusters_of(predictions))
    return min(len(cases), len(controls), len(np.union1d(cases, controls)) // 2)


def exact_limit(n_pairs: int, *, confidence: float = 0.95) -> float:
    """Lower limit of the area when all pairs were told apart rightly: (1 - confidence) / 2 to the power 1 / n_pairs.

    Pairs of a positive and a negative image that share no patient are independent, and each is right with probability
    AUC, whatever the distribution of scores. No error among all pairs means none among these, so the interval of
    Clopper and Pearson for n_pairs of n_pairs holds the area at least as often as it says.

    References
    ----------
    For the question: Obuchowski NA, Lieber ML. Acad Radiol 2002;9:526-530 (they assume binormal scores, this does not).
    """
    return clopper_pearson(n_pairs, n_pairs, confidence=confidence).low


def _printed(predictions: Predictions, area: RocArea, title: str, confidence: float) -> Estimate:
    found = Estimate(
        name="AUC",
        title=title,
        value=area.auc,
        low=area.low,
        high=area.high,
        method=OBUCHOWSKI if predictions.is_clustered else DELONG,
        confidence=confidence,
        reason=area.reason,
    )
    n_pairs = independent_pairs(predictions)
    if area.auc not in (0, 1) or not n_pairs:
        return found
    limit = exact_limit(n_pairs, confidence=confidence)
    ends = (limit, 1.0) if area.auc == 1 else (0.0, 1 - limit)
    method = f"exact over {n_pairs} independent pairs of images"
    return replace(found, low=ends[0], high=ends[1], method=method, reason="")


def _by_bootstrap(
    name: str, title: str, value: float, drawn: NDArray[np.float64], draws: Draws, confidence: float
) -> Estimate:
    low, high, reason = percentiles(drawn, confidence=confidence)
    if not reason and low == high:
        low = high = math.nan
        reason = "all draws of patients give the same value, so there is no interval"
    return Estimate(
        name=name,
        title=title,
        value=value,
        low=low,
        high=high,
        method=draws.words,
        confidence=confidence,
        reason=reason,
    )


def _sorted(predictions: Predictions) -> _Sorted:
    order = np.argsort(-predictions.scores, kind="stable")
    scores = predictions.scores[order]
    ends = np.flatnonzero(np.r_[scores[1:] != scores[:-1], True])
    return _Sorted(predictions.patient_codes[order], predictions.is_positive[order], ends)


def _bootstrap(ordered: _Sorted, n_patients: int, draws: Draws) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUC and average precision of each draw. Sorted once; a draw is a weight for each patient."""
    generator = np.random.default_rng(draws.seed)
    found = np.empty((draws.n, 2))
    for number in range(draws.n):
        weights = np.bincount(generator.integers(0, n_patients, n_patients), minlength=n_patients)
        found[number] = _areas_of(ordered, weights)
    return found[:, 0], found[:, 1]


def _areas_of(ordered: _Sorted, weights: NDArray[np.generic]) -> tuple[float, float]:
    """AUC and average precision when patient i counts `weights[i]` times; NaN without one of the classes."""
    of_images = weights[ordered.codes]
    called = np.cumsum(of_images)[ordered.ends].astype(np.float64)
    hits = np.cumsum(of_images * ordered.is_positive)[ordered.ends].astype(np.float64)
    false = called - hits
    n_positive, n_negative = hits[-1], false[-1]
    if not n_positive or not n_negative:
        return math.nan, math.nan
    new_hits, new_false = np.diff(hits, prepend=0.0), np.diff(false, prepend=0.0)
    area = float(new_false @ (hits - new_hits / 2)) / (n_positive * n_negative)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return area, float(new_hits @ precision) / n_positive
