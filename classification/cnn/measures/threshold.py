"""From which score on an image is called positive. Chosen on the tuning set, never on the images of the test."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from classification.cnn.measures.curves import OperatingPoints, operating_points
from classification.cnn.measures.predictions import Predictions

Rule = Literal["fixed", "youden", "specificity", "sensitivity"]
RULES: dict[Rule, str] = {
    "fixed": "A fixed threshold",
    "youden": "Highest sensitivity + specificity on the tuning set (Youden)",
    "specificity": "At least this specificity on the tuning set",
    "sensitivity": "At least this sensitivity on the tuning set",
}
NOTHING_CALLED = math.nextafter(1.0, 2.0)  # above every probability


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """NaN, with a reason, where the tuning set does not give one."""

    value: float
    rule: str
    words: str  # for headers: "0.37 (Youden on 212 tuning images)"
    tuning_sensitivity: float = math.nan  # on the tuning set, too good by its choice; NaN for a fixed one
    tuning_specificity: float = math.nan
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.value)


def fixed_threshold(value: float = 0.5) -> Threshold:
    """A threshold that no data chose.

    Raises
    ------
    ValueError : outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise ValueError(f"The threshold is {value}: it must lie from 0 to 1")
    return Threshold(value=value, rule="fixed", words=f"{value:g} (fixed)")


def youden_threshold(tuning: Predictions) -> Threshold:
    """The threshold with the highest sensitivity + specificity - 1 on the tuning set; of equal ones the highest.

    References
    ----------
    Youden WJ. Cancer 1950;3:32-35. As R pROC ``coords("best", best.method = "youden")``.
    """
    points = operating_points(tuning)
    if not points.is_defined:
        return _without("youden", points)
    # in whole numbers, so that rounding decides no tie
    index = points.true_positives * points.n_negative - points.false_positives * points.n_positive
    return _at(points, int(np.argmax(index)), "youden", f"Youden on {len(tuning)} tuning images")


def threshold_for_specificity(tuning: Predictions, *, at_least: float) -> Threshold:
    """The threshold with the highest sensitivity whose specificity on the tuning set is at least this.

    Raises
    ------
    ValueError : a specificity outside [0, 1].
    """
    _check_share("specificity", at_least)
    points = operating_points(tuning)
    if not points.is_defined:
        return _without("specificity", points)
    allowed = np.flatnonzero(points.specificity >= at_least - 1e-12)
    place = int(np.flatnonzero(points.true_positives == points.true_positives[allowed[-1]])[0])
    words = f"specificity of at least {100 * at_least:g} % on {len(tuning)} tuning images"
    return _at(points, place, "specificity", words)


def threshold_for_sensitivity(tuning: Predictions, *, at_least: float) -> Threshold:
    """The threshold with the highest specificity whose sensitivity on the tuning set is at least this.

    Raises
    ------
    ValueError : a sensitivity outside [0, 1].
    """
    _check_share("sensitivity", at_least)
    points = operating_points(tuning)
    if not points.is_defined:
        return _without("sensitivity", points)
    allowed = np.flatnonzero(points.sensitivity >= at_least - 1e-12)
    place = int(np.flatnonzero(points.false_positives == points.false_positives[allowed[0]])[-1])
    words = f"sensitivity of at least {100 * at_least:g} % on {len(tuning)} tuning images"
    return _at(points, place, "sensitivity", words)


def _at(points: OperatingPoints, place: int, rule: Rule, words: str) -> Threshold:
    value = _halfway(points, place)
    shown = f"{value:.4g}" if value <= 1 else "above 1, so that no image is called " + points.positive
    return Threshold(
        value=value,
        rule=rule,
        words=f"{shown} ({words})",
        tuning_sensitivity=float(points.sensitivity[place]),
        tuning_specificity=float(points.specificity[place]),
    )


def _halfway(points: OperatingPoints, place: int) -> float:
    """Halfway between the lowest score called positive and the next lower one, so that a new image just beside either
    is not always called the same."""
    upper = float(points.thresholds[place])
    if math.isinf(upper):
        return NOTHING_CALLED
    lower = float(points.thresholds[place + 1]) if place + 1 < len(points.thresholds) else 0.0
    middle = (upper + lower) / 2
    return middle if lower < middle else upper


def _without(rule: Rule, points: OperatingPoints) -> Threshold:
    reason = f"the tuning set gives no threshold: {points.reason}"
    return Threshold(value=math.nan, rule=rule, words=reason, reason=reason)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"The {name} asked for is {value}: it must lie from 0 to 1 (90 % is 0.9)")
