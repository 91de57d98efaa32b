"""Whether a score of 80 % means 80 %: reliability, Brier score, and temperature scaling fitted on the tuning set."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from classification.cnn.measures.estimates import clustered_mean
from classification.cnn.measures.predictions import Predictions
from turing.stats.graded.calibration import Calibration, calibration

SMALLEST = 1e-12  # scores are moved this far from 0 and 1, where the logit is infinite
MOST_SHARPENING = 1e6  # of 1 / T in the search


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Calibration of the scores of the positive class, in the words and numbers of `turing.stats`."""

    positive: str
    table: Calibration  # bins, Brier score with its parts, expected calibration error, Spiegelhalter's test
    log_loss: float  # mean negative log likelihood; of scores kept 1e-12 away from 0 and 1
    note: str


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """T of sigmoid(logit(score) / T). 1, with a reason, where the tuning set does not give one."""

    value: float
    log_loss_before: float  # on the tuning set
    log_loss_after: float
    n_tuning: int
    reason: str = ""

    @property
    def was_fitted(self) -> bool:
        return not self.reason


def measure_calibration(predictions: Predictions, *, n_bins: int = 10, confidence: float = 0.95) -> Reliability:
    """Reliability table, Brier score with its decomposition, expected calibration error (see `turing.stats`).

    Several images of a patient: the interval of the Brier score has patients as its units; those of the bins and
    Spiegelhalter's p take images as independent, which `note` says.

    Returns
    -------
    Reliability : undefined, with a reason in `table`, without images.

    Raises
    ------
    ValueError : a confidence out of range, or fewer than two bins.
    """
    table = calibration(predictions.scores, predictions.is_positive, n_bins=n_bins, confidence=confidence)
    note = ""
    if predictions.is_clustered:
        errors = (predictions.scores - predictions.is_positive) ** 2
        _, se, low, high = clustered_mean(errors, predictions.patient_codes, confidence=confidence)
        table = replace(table, brier_se=se, brier_low=max(low, 0.0), brier_high=min(high, 1.0))
        note = (
            "Interval of the Brier score: patients as units. Intervals of the bins and the test of calibration take "
            "images as independent and are too sure of themselves"
        )
    return Reliability(positive=predictions.positive, table=table, log_loss=_log_loss(predictions), note=note)


def fit_temperature(tuning: Predictions) -> Temperature:
    """The temperature with the smallest negative log likelihood on the tuning set.

    With z = logit(score), s = 1 for positive images and -1 for others, and b = 1 / T, the loss sum(log(1 +
    exp(-s b z))) is convex in b; its derivative, -sum(s z sigmoid(-s b z)), rises, and its root is found by bisection.
    Order and AUC stay as they are, and so does what is called positive at 0.5.

    Returns
    -------
    Temperature : 1, with a reason, where there is no best one: one class only; every score 0.5; no image on the wrong
        side of 0.5 (the smaller T the better, without end); scores that on the whole point the wrong way (the larger
        T the better, without end).

    References
    ----------
    Guo C, Pleiss G, Sun Y, Weinberger KQ. ICML 2017:1321-1330, section 4.2. Platt J. Advances in Large Margin
    Classifiers 1999:61-74 (the same with an intercept).
    """
    before = _log_loss(tuning)
    if not tuning.n_positive or not tuning.n_negative:
        missing = tuning.negative if tuning.n_positive else tuning.positive
        reason = f"no tuning image is {missing}" if len(tuning) else "there are no tuning images"
        return _unscaled(tuning, before, reason)
    towards = np.where(tuning.is_positive, 1.0, -1.0) * _logits(tuning.scores)
    if not towards.any():
        return _unscaled(tuning, before, "every tuning score is 0.5")
    if (towards >= 0).all():
        reason = "no tuning image is on the wrong side of 0.5, so sharper scores would always seem better"
        return _unscaled(tuning, before, reason)
    if towards.sum() <= 0:
        reason = "the tuning scores on the whole point to the wrong class, so flatter scores would always seem better"
        return _unscaled(tuning, before, reason)

    def slope(b: float) -> float:
        return -float(towards @ special.expit(-b * towards))

    if slope(MOST_SHARPENING) <= 0:
        return _unscaled(tuning, before, "the tuning images on the wrong side of 0.5 are at 0.5 itself, nearly")
    top = 1.0
    while slope(top) <= 0:
        top *= 2
    b = float(optimize.brentq(slope, 0.0, top, xtol=1e-300, rtol=1e-14, maxiter=500))
    after = float(np.logaddexp(0.0, -b * towards).mean())
    return Temperature(value=1 / b, log_loss_before=before, log_loss_after=after, n_tuning=len(tuning))


def scale_by_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The same images with sigmoid(logit(score) / T) as scores.

    Raises
    ------
    ValueError : a temperature that is not a positive number.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"The temperature is {temperature}: it must be a positive number")
    if temperature == 1:
        return predictions
    scaled = special.expit(_logits(predictions.scores) / temperature)
    return replace(predictions, scores=np.where(np.isin(predictions.scores, (0, 1)), predictions.scores, scaled))


def _unscaled(tuning: Predictions, loss: float, reason: str) -> Temperature:
    return Temperature(value=1.0, log_loss_before=loss, log_loss_after=loss, n_tuning=len(tuning), reason=reason)


def _logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(special.logit(np.clip(scores, SMALLEST, 1 - SMALLEST)), dtype=np.float64)


def _log_loss(predictions: Predictions) -> float:
    if not len(predictions):
        return math.nan
    towards = np.where(predictions.is_positive, 1.0, -1.0) * _logits(predictions.scores)
    return float(np.logaddexp(0.0, -towards).mean())
