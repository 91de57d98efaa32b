"""Signal detection: how well a reader tells synthetic from real (d'), and which of the two he or she tends to say (c).

Accuracy mixes the two: a reader who says "synthetic" more often gets more synthetic images right and more real ones
wrong. d' is free of that tendency, as far as the equal-variance normal model holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and interval; NaN where there is none."""

    estimate: float
    se: float
    low: float
    high: float


NOTHING = Estimate(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class SignalDetection:
    """The signal is "synthetic": a hit is a synthetic image called synthetic, a false alarm a real one called so.

    `criterion` above 0: tends to say real; below 0: tends to say synthetic; whatever the positive class is. For pairs
    the signal is the left side, and a criterion above 0 is a tendency to choose the right.
    """

    hit_rate: float  # after the log-linear correction
    false_alarm_rate: float
    d_prime: Estimate  # 0: cannot tell; 1: 69 % right at best; 2: 84 %
    criterion: Estimate
    n_signal: int
    n_noise: int
    confidence: float
    method: str
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.d_prime.estimate)


def signal_detection(
    hits: int, n_signal: int, false_alarms: int, n_noise: int, *, pairs: bool = False, confidence: float = 0.95
) -> SignalDetection:
    """d' and criterion c of one reader, with the log-linear correction.

    Hautus' correction adds 0.5 to hits and false alarms and 1 to the images of each class, always, so that shares of
    0 and 1 have a quantile too::

        H = (hits + 0.5) / (n_signal + 1);   F = (false_alarms + 0.5) / (n_noise + 1)
        d' = z(H) - z(F);   c = -(z(H) + z(F)) / 2;   for pairs d' is divided by sqrt(2)
        var(z(P)) = P (1 - P) / ((n + 1) phi(z(P))^2);   var(d') = var(z(H)) + var(z(F));   var(c) = var(d') / 4

    Parameters
    ----------
    hits, n_signal : synthetic images called synthetic, and all synthetic ones (pairs: "left" where left is right).
    false_alarms, n_noise : real images called synthetic, and all real ones (pairs: "left" where right is right).
    pairs : two-alternative forced choice.
    confidence : of the normal-theory intervals, in (0, 1).

    Returns
    -------
    SignalDetection : undefined, with a reason, without answers about one of the classes.

    Raises
    ------
    ValueError : counts that are not possible, or a confidence out of range.

    References
    ----------
    Hautus MJ. Behav Res Methods Instrum Comput 1995;27:46-51 (correction). Gourevitch V, Galanter E. Psychometrika
    1967;32:25-33 (variance). Macmillan NA, Creelman CD. Detection Theory: A User's Guide, 2nd ed. 2005, chapters 1, 2,
    7 (pairs), 13. R: ``psycho::dprime(..., adjusted = TRUE)`` gives d' and c.
    """
    for k, n in ((hits, n_signal), (false_alarms, n_noise)):
        if n < 0 or not 0 <= k <= n:
            raise ValueError(f"Counts k = {k}, n = {n} are not possible: 0 <= k <= n is needed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    method = "log-linear correction (Hautus 1995), standard errors of Gourevitch and Galanter (1967)"
    if n_signal == 0 or n_noise == 0:
        nan, reason = math.nan, "answers about both classes are needed"
        return SignalDetection(nan, nan, NOTHING, NOTHING, n_signal, n_noise, confidence, method, reason)
    hit_rate, false_alarm_rate = (hits + 0.5) / (n_signal + 1), (false_alarms + 0.5) / (n_noise + 1)
    z_hit, z_false = float(special.ndtri(hit_rate)), float(special.ndtri(false_alarm_rate))
    se = math.sqrt(_variance(hit_rate, z_hit, n_signal) + _variance(false_alarm_rate, z_false, n_noise))
    quantile = float(special.ndtri(0.5 + confidence / 2))
    root = math.sqrt(2) if pairs else 1.0
    return SignalDetection(
        hit_rate=hit_rate,
        false_alarm_rate=false_alarm_rate,
        d_prime=_estimate((z_hit - z_false) / root, se / root, quantile),
        criterion=_estimate(-(z_hit + z_false) / 2, se / 2, quantile),
        n_signal=n_signal,
        n_noise=n_noise,
        confidence=confidence,
        method=method,
    )


def mean_signal_detection(readers: Sequence[SignalDetection], *, confidence: float = 0.95) -> SignalDetection:
    """Mean d' and mean c of several readers, with Student's interval over readers (images are taken as they are).

    A mean of readers, not the d' of their pooled answers: pooling readers with different criteria lowers d'
    (Macmillan and Creelman 2005, chapter 11).

    Returns
    -------
    SignalDetection : rates are means too. Without interval, with a reason, for a single reader; undefined without any.
    """
    defined = [reader for reader in readers if reader.is_defined]
    method = "mean of the readers, Student's t over readers"
    n_signal, n_noise = sum(reader.n_signal for reader in readers), sum(reader.n_noise for reader in readers)
    if not defined:
        nan, reason = math.nan, "no reader has answers about both classes"
        return SignalDetection(nan, nan, NOTHING, NOTHING, n_signal, n_noise, confidence, method, reason)
    n = len(defined)
    quantile = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) if n > 1 else math.nan

    def mean(values: list[float]) -> Estimate:
        se = float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else math.nan
        return _estimate(float(np.mean(values)), se, quantile)

    return SignalDetection(
        hit_rate=float(np.mean([reader.hit_rate for reader in defined])),
        false_alarm_rate=float(np.mean([reader.false_alarm_rate for reader in defined])),
        d_prime=mean([reader.d_prime.estimate for reader in defined]),
        criterion=mean([reader.criterion.estimate for reader in defined]),
        n_signal=n_signal,
        n_noise=n_noise,
        confidence=confidence,
        method=method,
        reason="" if n > 1 else "one reader alone gives no interval over readers",
    )


def _variance(share: float, z: float, n: int) -> float:
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return share * (1 - share) / ((n + 1) * density**2)


def _estimate(estimate: float, se: float, quantile: float) -> Estimate:
    return Estimate(estimate, se, estimate - quantile * se, estimate + quantile * se)
