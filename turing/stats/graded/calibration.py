"""Whether stated confidence is earned: of the images that a reader calls synthetic with 80 %, are 80 % synthetic?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.accuracy import Proportion, clopper_pearson
from turing.stats.graded.checks import check_confidence
from turing.stats.nothing import nans

NOT_NUMBERS = ("n", "bins", "confidence", "reason")


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers whose stated probability is in [low, high) (the last bin: [low, high])."""

    low: float
    high: float
    mean_stated: float  # NaN for an empty bin
    observed: Proportion  # share of positives, with the exact interval


@dataclass(frozen=True)
class Calibration:
    """NaN wherever a value does not exist; `reason` then says why.

    brier = reliability - resolution + uncertainty, exactly, over the different stated values (Murphy).
    """

    n: int
    base_rate: float  # share of positives
    brier: float  # mean squared error of the stated probability; 0 is perfect, 0.25 is "always 50 %"
    brier_se: float  # over answers, treated as independent
    brier_low: float
    brier_high: float
    brier_of_base_rate: float  # of a reader who always states the base rate ("uncertainty")
    reliability: float  # >= 0; 0: what is stated is what happens
    resolution: float  # >= 0; how much what happens differs between stated values
    expected_error: float  # expected calibration error over the bins, in [0, 1]
    largest_error: float  # the largest one of a bin
    mean_bias: float  # mean stated - base rate; above 0: "synthetic" is stated too readily
    z: float  # Spiegelhalter's test of calibration, standard normal if what is stated is right
    p: float
    bins: tuple[ReliabilityBin, ...]
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.brier)


def calibration(stated: ArrayLike, positive: ArrayLike, *, n_bins: int = 10, confidence: float = 0.95) -> Calibration:
    """Reliability table, Brier score with its parts, and expected calibration error.

    With stated probability f, outcome o (0 or 1), N answers, and n_b answers, mean stated f_b and share of positives
    o_b in bin b::

        brier = mean((f - o)^2)
        expected calibration error = sum_b n_b / N |f_b - o_b|
        z = sum((o - f)(1 - 2 f)) / sqrt(sum((1 - 2 f)^2 f (1 - f)))

    Parameters
    ----------
    stated : probabilities of being positive ("synthetic"), in [0, 1]: a rating of 0 to 100 divided by 100.
    positive : 1 where it is, else 0; same length.
    n_bins : bins of equal width, at least 2.

    Returns
    -------
    Calibration : undefined, with a reason, without answers.

    Raises
    ------
    ValueError : lengths that differ, a stated value outside [0, 1] or missing, an outcome that is not 0 or 1.

    References
    ----------
    Brier GW. Mon Weather Rev 1950;78:1-3. Murphy AH. J Appl Meteorol 1973;12:595-600. Spiegelhalter DJ. Stat Med
    1986;5:421-433. Pakdaman Naeini M, Cooper GF, Hauskrecht M. AAAI 2015:2901-2907 (expected calibration error). Brier
    score as scikit-learn ``brier_score_loss``; z as R rms ``val.prob`` (no R value was at hand).
    """
    probability, outcome = np.asarray(stated, dtype=float), np.asarray(positive, dtype=float)
    check_confidence(confidence)
    if probability.ndim != 1 or probability.shape != outcome.shape:
        raise ValueError(f"stated has shape {probability.shape} and positive {outcome.shape}: one of each per answer")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("stated must hold probabilities from 0 to 1, none missing: divide a rating of 0 to 100 by 100")
    if not np.isin(outcome, (0, 1)).all():
        raise ValueError("positive must hold 0 and 1 only")
    if n_bins < 2:
        raise ValueError(f"n_bins = {n_bins}: at least 2 are needed")
    n = len(probability)
    bins = _bins(probability, outcome, n_bins, confidence)
    if not n:
        numbers = nans(*(name for name in Calibration.__dataclass_fields__ if name not in NOT_NUMBERS))
        return Calibration(n=0, **numbers, bins=bins, confidence=confidence, reason="there are no ratings")
    errors = (probability - outcome) ** 2
    base = float(outcome.mean())
    reliability, resolution = _murphy(probability, outcome, base)
    se = float(errors.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    quantile = float(special.ndtri(0.5 + confidence / 2))
    gaps = [(part.observed.n, abs(part.mean_stated - part.observed.estimate)) for part in bins if part.observed.n]
    z, p = _spiegelhalter(probability, outcome)
    brier = float(errors.mean())
    return Calibration(
        n=n,
        base_rate=base,
        brier=brier,
        brier_se=se,
        brier_low=max(brier - quantile * se, 0.0),
        brier_high=min(brier + quantile * se, 1.0),
        brier_of_base_rate=base * (1 - base),
        reliability=reliability,
        resolution=resolution,
        expected_error=sum(count * gap for count, gap in gaps) / n,
        largest_error=max(gap for _, gap in gaps),
        mean_bias=float(probability.mean()) - base,
        z=z,
        p=p,
        bins=bins,
        confidence=confidence,
    )


def _bins(probability: np.ndarray, outcome: np.ndarray, n_bins: int, confidence: float) -> tuple[ReliabilityBin, ...]:
    edges = np.arange(n_bins + 1) / n_bins
    place = np.minimum(np.searchsorted(edges, probability, side="right") - 1, n_bins - 1)
    found = []
    for number in range(n_bins):
        chosen = place == number
        mean = float(probability[chosen].mean()) if chosen.any() else math.nan
        observed = clopper_pearson(int(outcome[chosen].sum()), int(chosen.sum()), confidence=confidence)
        found.append(ReliabilityBin(float(edges[number]), float(edges[number + 1]), mean, observed))
    return tuple(found)


def _murphy(probability: np.ndarray, outcome: np.ndarray, base: float) -> tuple[float, float]:
    levels, place = np.unique(probability, return_inverse=True)
    count = np.bincount(place)
    share = np.bincount(place, outcome) / count
    return float(count @ (levels - share) ** 2 / len(outcome)), float(count @ (share - base) ** 2 / len(outcome))


def _spiegelhalter(probability: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """NaN where every statement is 0, 50 or 100 %, which leaves the test without variance."""
    lean = 1 - 2 * probability
    variance = float((lean**2 * probability * (1 - probability)).sum())
    if variance < 1e-15:
        return math.nan, math.nan
    z = float(((outcome - probability) * lean).sum()) / math.sqrt(variance)
    return z, float(2 * special.ndtr(-abs(z)))
