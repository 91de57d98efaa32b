"""Confusion matrix, accuracy, sensitivity, specificity, F1 and predictive values at one threshold, with intervals."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classification.cnn.measures.estimates import (
    Draws,
    Estimate,
    draw_totals,
    exact_f1,
    exact_share,
    patient_sums,
    percentiles,
    undefined,
)
from classification.cnn.measures.predictions import Predictions, images_of_patients
from turing.stats.accuracy import clopper_pearson
from turing.stats.graded.checks import check_confidence


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many images of each class were called what."""

    positive: str
    negative: str
    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def n(self) -> int:
        return self.true_positive + self.false_negative + self.false_positive + self.true_negative

    @property
    def rows(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Truth by rows, positive first; what it was called by columns, positive first."""
        return (self.true_positive, self.false_negative), (self.false_positive, self.true_negative)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Measures at one threshold; an image is called positive when its score is at least that."""

    positive: str
    negative: str
    threshold: float
    threshold_words: str
    confusion: Confusion
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    f1: Estimate
    ppv: Estimate
    npv: Estimate
    confidence: float
    note: str  # how the intervals were made, in words
    reason: str = ""

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """In the order of a table."""
        return self.accuracy, self.sensitivity, self.specificity, self.f1, self.ppv, self.npv


@dataclass(frozen=True)
class _Measure:
    """A share: of the cells (true positive, false negative, false positive, true negative), some of some."""

    name: str
    title: str
    numerator: tuple[int, int, int, int]
    denominator: tuple[int, int, int, int]
    nothing: str  # why it has no value


def measure_scores(
    predictions: Predictions,
    *,
    threshold: float = 0.5,
    threshold_words: str = "",
    draws: Draws | None = None,
    confidence: float = 0.95,
) -> Scores:
    """Measures of what a classifier calls the images when the threshold is this.

    One image per patient: exact intervals of Clopper and Pearson; of F1 as `estimates.exact_f1`. Several images of a
    patient: percentiles of a bootstrap that draws patients with all their images, since exact intervals over images
    would be too narrow; where a share is 0 or 1, which leaves no draws that differ, the exact interval over the
    patients behind it. `note` says which.

    Parameters
    ----------
    threshold : in [0, 1], or just above 1 (nothing is called positive); NaN: no threshold could be chosen, so that
        nothing is defined and `reason`, `threshold_words`, says why.
    threshold_words : how it was chosen, for headers.
    draws : of the bootstrap; not used where no patient has several images.

    Raises
    ------
    ValueError : a confidence outside (0, 1).

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. Names as in Altman DG, Bland JM. BMJ 1994;308:1552 and 309:102.
    """
    check_confidence(confidence)
    measures = _measures(predictions.positive, predictions.negative)
    if math.isnan(threshold) or not len(predictions):
        reason = threshold_words or "no threshold is known" if len(predictions) else "there are no images"
        return _without(predictions, measures, threshold, threshold_words, reason, confidence)
    cells = _cells(predictions, threshold)
    totals = [int(total) for total in cells.sum(axis=0)]
    if predictions.is_clustered:
        of_patients = patient_sums(cells, predictions.patient_codes, predictions.n_patients)
        drawn = draws or Draws()
        totals_drawn = draw_totals(of_patients, drawn)
        found = [_clustered(one, of_patients, totals_drawn, drawn, confidence) for one in measures]
        note = (
            f"{images_of_patients(predictions)}: intervals by {drawn.words} (a patient is drawn with all images; seed "
            f"{drawn.seed}), percentiles; exact over patients where a share is 0 or 1"
        )
    else:
        found = [_exact(one, totals, confidence) for one in measures]
        note = f"{images_of_patients(predictions)}: exact intervals (Clopper and Pearson)"
    return _record(predictions, threshold, threshold_words, _confusion(predictions, totals), found, confidence, note)


def _measures(positive: str, negative: str) -> tuple[_Measure, ...]:
    # cells: true positive, false negative, false positive, true negative
    neither = f"no image is or is called {positive}"
    called_positive, called_negative = f"no image is called {positive}", f"no image is called {negative}"
    return (
        _Measure("Accuracy", f"Accuracy (positive: {positive})", (1, 0, 0, 1), (1, 1, 1, 1), "there are no images"),
        _Measure(
            "Sensitivity",
            f"Sensitivity ({positive} called {positive})",
            (1, 0, 0, 0),
            (1, 1, 0, 0),
            f"no image is {positive}",
        ),
        _Measure(
            "Specificity",
            f"Specificity ({negative} called {negative})",
            (0, 0, 0, 1),
            (0, 0, 1, 1),
            f"no image is {negative}",
        ),
        _Measure("F1", f"F1 (positive: {positive})", (1, 0, 0, 0), (1, 1, 1, 0), neither),
        _Measure(
            "PPV",
            f"Positive predictive value (called {positive}: is {positive})",
            (1, 0, 0, 0),
            (1, 0, 1, 0),
            called_positive,
        ),
        _Measure(
            "NPV",
            f"Negative predictive value (called {negative}: is {negative})",
            (0, 0, 0, 1),
            (0, 1, 0, 1),
            called_negative,
        ),
    )


def _cells(predictions: Predictions, threshold: float) -> NDArray[np.float64]:
    called, truth = predictions.called_positive(threshold), predictions.is_positive
    return np.column_stack([truth & called, truth & ~called, ~truth & called, ~truth & ~called]).astype(np.float64)


def _confusion(predictions: Predictions, totals: list[int]) -> Confusion:
    return Confusion(
        positive=predictions.positive,
        negative=predictions.negative,
        true_positive=totals[0],
        false_negative=totals[1],
        false_positive=totals[2],
        true_negative=totals[3],
    )


def _exact(one: _Measure, totals: list[int], confidence: float) -> Estimate:
    k, n = int(np.dot(one.numerator, totals)), int(np.dot(one.denominator, totals))
    if one.name == "F1":
        return exact_f1(one.name, one.title, k, n - k, confidence=confidence, reason=one.nothing)
    return exact_share(one.name, one.title, k, n, confidence=confidence, reason=one.nothing)


def _clustered(
    one: _Measure,
    of_patients: NDArray[np.float64],
    totals: NDArray[np.float64],
    draws: Draws,
    confidence: float,
) -> Estimate:
    """Of F1 the share is Jaccard's, transformed at the end, as it rises with it."""
    is_f1 = one.name == "F1"
    upper, lower = of_patients @ one.numerator, of_patients @ one.denominator
    k, n = int(upper.sum()), int(lower.sum())
    if not n:
        return undefined(one.name, one.title, one.nothing, confidence)
    if k in (0, n):
        n_patients = int((lower > 0).sum())
        exact = clopper_pearson(n_patients if k else 0, n_patients, confidence=confidence)
        low, high, reason = exact.low, exact.high, ""
        method = f"exact over the {n_patients} patients"
    else:
        with np.errstate(invalid="ignore"):
            shares = (totals @ one.numerator) / (totals @ one.denominator)
        low, high, reason = percentiles(shares, confidence=confidence)
        method = draws.words
    found = Estimate(
        name=one.name,
        title=one.title,
        value=k / n,
        low=low,
        high=high,
        k=k,
        n=n,
        method=method,
        confidence=confidence,
        reason=reason,
    )
    if not is_f1:
        return found
    value, low, high = (2 * part / (1 + part) for part in (found.value, low, high))
    return replace(found, value=value, low=low, high=high, k=0, n=0)


def _without(
    predictions: Predictions,
    measures: tuple[_Measure, ...],
    threshold: float,
    threshold_words: str,
    reason: str,
    confidence: float,
) -> Scores:
    found = [undefined(one.name, one.title, reason, confidence) for one in measures]
    confusion = _confusion(predictions, [0, 0, 0, 0])
    record = _record(predictions, threshold, threshold_words, confusion, found, confidence, "")
    return replace(record, reason=reason)


def _record(
    predictions: Predictions,
    threshold: float,
    threshold_words: str,
    confusion: Confusion,
    found: list[Estimate],
    confidence: float,
    note: str,
) -> Scores:
    accuracy, sensitivity, specificity, f1, ppv, npv = found
    return Scores(
        positive=predictions.positive,
        negative=predictions.negative,
        threshold=threshold,
        threshold_words=threshold_words or f"{threshold:g}",
        confusion=confusion,
        accuracy=accuracy,
        sensitivity=sensitivity,
        specificity=specificity,
        f1=f1,
        ppv=ppv,
        npv=npv,
        confidence=confidence,
        note=note,
    )
