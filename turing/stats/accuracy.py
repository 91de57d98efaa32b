"""Accuracy of readers with exact binomial confidence intervals.

The positive class is an argument everywhere: papers disagree on which of "real called real" and "synthetic called
synthetic" is the sensitivity, so nothing here assumes one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True)
class Proportion:
    """k of n, with a two-sided exact interval. With n = 0 the estimate is NaN and the interval is [0, 1]."""

    k: int
    n: int
    estimate: float  # in [0, 1]
    low: float
    high: float
    confidence: float  # e.g. 0.95

    @property
    def is_defined(self) -> bool:
        return self.n > 0


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """Proportion with the exact interval of Clopper and Pearson (1934), as in R's ``binom.test(k, n)``.

    The limits are quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k); 0 at k = 0 and 1 at k = n.

    Parameters
    ----------
    k, n : counts, 0 <= k <= n.
    confidence : in (0, 1).

    Raises
    ------
    ValueError : for counts or a confidence out of range.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.
    """
    if n < 0 or not 0 <= k <= n:
        raise ValueError(f"Counts k = {k}, n = {n} are not possible: 0 <= k <= n is needed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    if n == 0:
        return Proportion(k=0, n=0, estimate=math.nan, low=0.0, high=1.0, confidence=confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betainccinv(k + 1, n - k, tail))
    return Proportion(k=k, n=n, estimate=k / n, low=low, high=high, confidence=confidence)


@dataclass(frozen=True)
class ReaderAccuracy:
    """Shares of right answers: of all images, of the positive class (sensitivity) and of the other (specificity)."""

    positive_class: str
    accuracy: Proportion
    sensitivity: Proportion
    specificity: Proportion


def reader_accuracy(
    truth: Sequence[str], answer: Sequence[str], *, positive_class: str, confidence: float = 0.95
) -> ReaderAccuracy:
    """Accuracy, sensitivity and specificity of the answers of one reader (or of several, pooled).

    Pooled over readers the interval treats all answers as independent, as published image Turing tests do; answers
    about one image and answers of one reader are not, so a pooled interval is too narrow.

    Parameters
    ----------
    truth, answer : class names, one per answer, equal length, at most two different names in all.
    positive_class : the class whose share of right answers is the sensitivity.

    Raises
    ------
    ValueError : unequal lengths, or more than two classes counting the positive one.
    """
    if len(truth) != len(answer):
        raise ValueError(f"truth has {len(truth)} values and answer {len(answer)}: one of each per answer is needed")
    classes = {positive_class, *truth, *answer}
    if len(classes) > 2:
        raise ValueError(f"More than two classes: {', '.join(sorted(classes))}")
    right = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for true_class, given in zip(truth, answer, strict=True):
        positive = true_class == positive_class
        total[positive] += 1
        right[positive] += true_class == given
    return ReaderAccuracy(
        positive_class=positive_class,
        accuracy=clopper_pearson(right[True] + right[False], total[True] + total[False], confidence=confidence),
        sensitivity=clopper_pearson(right[True], total[True], confidence=confidence),
        specificity=clopper_pearson(right[False], total[False], confidence=confidence),
    )


@dataclass(frozen=True)
class PairAccuracy:
    """Of pairs of which one image had to be chosen: shares of right choices, and of choices of the left image."""

    accuracy: Proportion
    chose_left: Proportion


def pair_accuracy(truth: Sequence[str], answer: Sequence[str], *, confidence: float = 0.95) -> PairAccuracy:
    """Proportion correct in two-alternative forced choice, and the bias to a side.

    For a reader without a preference for a side the proportion correct equals the area under the ROC curve that the
    same reader would have with graded answers about single images.

    Parameters
    ----------
    truth, answer : "left" or "right", one per pair, equal length: where the image asked for was, and what was chosen.

    Raises
    ------
    ValueError : unequal lengths, or anything but left and right.

    References
    ----------
    Green DM, Swets JA. Signal Detection Theory and Psychophysics. Wiley 1966, section 2.4 (the area theorem).
    Hanley JA, McNeil BJ. Radiology 1982;143:29-36.
    """
    if len(truth) != len(answer):
        raise ValueError(f"truth has {len(truth)} values and answer {len(answer)}: one of each per pair is needed")
    unknown = sorted({*truth, *answer} - {"left", "right"})
    if unknown:
        raise ValueError(f"Neither left nor right: {', '.join(unknown)}")
    right = sum(true_side == chosen for true_side, chosen in zip(truth, answer, strict=True))
    return PairAccuracy(
        accuracy=clopper_pearson(right, len(answer), confidence=confidence),
        chose_left=clopper_pearson(sum(chosen == "left" for chosen in answer), len(answer), confidence=confidence),
    )
