"""Distributions of reading times, and outliers by rules that were declared beforehand. Nothing is dropped here:
outliers are marked and counted, and what depends on them is computed with and without."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from turing.stats.nothing import nans

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
MAD_SCALE = 1.0 / float(special.ndtri(0.75))  # makes the median absolute deviation of a normal variable its SD


@dataclass(frozen=True, eq=False)
class TimeDistribution:
    """Reading times in seconds. NaN wherever a value does not exist; `reason` then says why."""

    n: int  # answers
    n_timed: int  # with a time
    median: float
    median_low: float  # exact interval from order statistics; NaN with too few times
    median_high: float
    quantiles: tuple[float, ...]  # at QUANTILES
    mean: float
    sd: float
    geometric_mean: float  # exp(mean(log(t + 1))) - 1: the centre on the scale of the models
    least: float
    largest: float
    times: np.ndarray = field(repr=False)  # sorted, for the cumulative curve: share (k + 1) / n_timed at times[k]
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return self.n_timed > 0

    @property
    def shares(self) -> np.ndarray:
        """Empirical cumulative distribution at `times`."""
        return np.arange(1, self.n_timed + 1) / max(self.n_timed, 1)


@dataclass(frozen=True)
class TimeCell:
    """Times of the answers about images of one kind that were right (or wrong)."""

    truth: str
    is_correct: bool
    distribution: TimeDistribution


@dataclass(frozen=True)
class OutlierRules:
    """Which reading times are doubtful, declared before the times are looked at. None: no such rule.

    Raises
    ------
    ValueError : a limit that is negative or not finite, limits in the wrong order, or a factor that is not positive.
    """

    min_seconds: float | None = None  # shorter: too fast to have looked
    max_seconds: float | None = None  # longer: the reader was probably away
    mad_factor: float | None = None  # further from the reader's own median of log(t + 1) than this many scaled MADs

    def __post_init__(self) -> None:
        for name in ("min_seconds", "max_seconds"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} = {value} is out of range: a finite number of seconds from 0 is needed")
        if self.mad_factor is not None and not (math.isfinite(self.mad_factor) and self.mad_factor > 0):
            raise ValueError(
                f"mad_factor = {self.mad_factor} is out of range: a number above 0, such as 3.5, is needed"
            )
        if self.min_seconds is not None and self.max_seconds is not None and self.min_seconds >= self.max_seconds:
            raise ValueError(
                f"min_seconds = {self.min_seconds:g} must be below max_seconds = {self.max_seconds:g}: else every time "
                "is an outlier"
            )

    @property
    def is_empty(self) -> bool:
        return self.min_seconds is None and self.max_seconds is None and self.mad_factor is None


@dataclass(frozen=True, eq=False)
class Outliers:
    """Which answers each rule marks; an answer without a time is none. Arrays have one entry per answer."""

    rules: OutlierRules
    too_fast: np.ndarray = field(repr=False)
    too_slow: np.ndarray = field(repr=False)
    unusual: np.ndarray = field(repr=False)  # far from the reader's own median
    flagged: np.ndarray = field(repr=False)  # the measurement itself doubts the time
    n_timed: int
    n_too_fast: int
    n_too_slow: int
    n_unusual: int
    n_flagged: int
    n_marked: int  # by at least one of the four
    notes: tuple[str, ...] = ()

    @property
    def marked(self) -> np.ndarray:
        return self.too_fast | self.too_slow | self.unusual | self.flagged

    @property
    def text(self) -> str:
        """What was marked, for people."""
        if self.rules.is_empty and not self.n_flagged:
            return "No rule for outliers was declared: every reading time counts."
        parts = []
        for limit, count, words in (
            (self.rules.min_seconds, self.n_too_fast, "shorter than {:g} s"),
            (self.rules.max_seconds, self.n_too_slow, "longer than {:g} s"),
            (self.rules.mad_factor, self.n_unusual, "further than {:g} scaled MADs from the reader's own median"),
        ):
            if limit is not None:
                parts.append(f"{count} {words.format(limit)}")
        if self.n_flagged:
            parts.append(f"{self.n_flagged} flagged by the measurement")
        return f"Doubtful among {self.n_timed} reading times: {', '.join(parts)}; {self.n_marked} in all."


def describe_times(seconds: ArrayLike, *, confidence: float = 0.95) -> TimeDistribution:
    """Quantiles (type 7, R's default), median with its exact interval, mean, and the cumulative curve.

    The interval of the median is (t_(l), t_(n - l + 1)) with the largest l for which P(Binomial(n, 1/2) < l) is at most
    half of 1 - confidence: it holds for any distribution, and is a little wider than asked for.

    Parameters
    ----------
    seconds : one per answer, >= 0; NaN where no time was measured.

    Raises
    ------
    ValueError : a time that is negative or infinite, or a confidence out of range.

    References
    ----------
    Hyndman RJ, Fan Y. Am Stat 1996;50:361-365 (type 7). Conover WJ. Practical Nonparametric Statistics. 3rd ed. Wiley
    1999, section 3.2. As R ``quantile``, and ``DescTools::MedianCI(method = "exact")`` (no R value was at hand).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    values = check_times(seconds)
    times = np.sort(values[~np.isnan(values)])
    n = len(times)
    if not n:
        numbers = nans("median", "median_low", "median_high", "mean", "sd", "geometric_mean", "least", "largest")
        return TimeDistribution(
            n=len(values), n_timed=0, **numbers, quantiles=(math.nan,) * len(QUANTILES), times=times,
            confidence=confidence, reason="no answer has a reading time",
        )  # fmt: skip
    low, high = _median_interval(times, confidence)
    return TimeDistribution(
        n=len(values),
        n_timed=n,
        median=float(np.median(times)),
        median_low=low,
        median_high=high,
        quantiles=tuple(np.quantile(times, QUANTILES).tolist()),
        mean=float(times.mean()),
        sd=float(times.std(ddof=1)) if n > 1 else math.nan,
        geometric_mean=float(np.expm1(np.log1p(times).mean())),
        least=float(times[0]),
        largest=float(times[-1]),
        times=times,
        confidence=confidence,
    )


def times_by_answer(
    seconds: ArrayLike, truth: Sequence[str], correct: ArrayLike, *, confidence: float = 0.95
) -> tuple[TimeCell, ...]:
    """Distributions by what the image is and whether the answer was right: every truth with right and with wrong.

    Parameters
    ----------
    seconds : as in `describe_times`.
    truth : one class name per answer.
    correct : 1 right, 0 wrong, NaN not answered (in no cell).

    Raises
    ------
    ValueError : lengths that differ, or a time that is not possible.
    """
    times, kinds, right = check_times(seconds), np.asarray(truth, dtype=str), np.asarray(correct, dtype=float)
    if not len(times) == len(kinds) == len(right):
        raise ValueError(f"seconds has {len(times)} values, truth {len(kinds)}, correct {len(right)}: one per answer")
    return tuple(
        TimeCell(
            str(kind), is_right, describe_times(times[(kinds == kind) & (right == is_right)], confidence=confidence)
        )
        for kind in np.unique(kinds)
        for is_right in (True, False)
    )


def find_outliers(
    seconds: ArrayLike, reader: ArrayLike, rules: OutlierRules, *, flagged: ArrayLike | None = None
) -> Outliers:
    """Marks doubtful reading times by declared rules; drops none.

    The rule by MAD (median absolute deviation) looks at log(t + 1) within each reader, scaled by 1.4826 to a standard
    deviation. A reader whose MAD is 0 (more than half of the times equal) is not judged by it, which is said.

    Parameters
    ----------
    seconds : one per answer, NaN where not measured (never marked).
    reader : labels, same length.
    flagged : whether the measurement itself doubts a time; such times are marked too. Left out: none.

    Raises
    ------
    ValueError : lengths that differ, or a time that is negative or infinite.

    References
    ----------
    Iglewicz B, Hoaglin DC. How to Detect and Handle Outliers. ASQC 1993 (3.5 as a usual factor). R ``mad``.
    """
    times, readers = check_times(seconds), np.asarray(reader)
    if readers.shape != times.shape:
        raise ValueError(f"seconds has {len(times)} values and reader {readers.size}: one of each per answer is needed")
    timed = ~np.isnan(times)
    nothing = np.zeros(len(times), bool)
    with np.errstate(invalid="ignore"):
        fast = times < rules.min_seconds if rules.min_seconds is not None else nothing
        slow = times > rules.max_seconds if rules.max_seconds is not None else nothing
    unusual, notes = nothing, []
    if rules.mad_factor is not None:
        unusual = nothing.copy()
        for name in np.unique(readers[timed]):
            own = timed & (readers == name)
            logs = np.log1p(times[own])
            mad = MAD_SCALE * float(np.median(np.abs(logs - np.median(logs))))
            if mad == 0:
                notes.append(
                    f"More than half of the reading times of {name} are equal, so the rule by the reader's own median "
                    "could not be applied to that reader."
                )
                continue
            unusual[own] = np.abs(logs - np.median(logs)) > rules.mad_factor * mad
    doubted = nothing if flagged is None else np.asarray(flagged, dtype=bool) & timed
    return Outliers(
        rules=rules,
        too_fast=fast,
        too_slow=slow,
        unusual=unusual,
        flagged=doubted,
        n_timed=int(timed.sum()),
        n_too_fast=int(fast.sum()),
        n_too_slow=int(slow.sum()),
        n_unusual=int(unusual.sum()),
        n_flagged=int(doubted.sum()),
        n_marked=int((fast | slow | unusual | doubted).sum()),
        notes=tuple(notes),
    )


def check_times(seconds: ArrayLike) -> np.ndarray:
    """Times as floats, NaN where there is none.

    Raises
    ------
    ValueError : not one-dimensional, or a time that is negative or infinite.
    """
    values = np.asarray(seconds, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"seconds has {values.ndim} dimension(s); one time per answer is needed")
    bad = np.flatnonzero((values < 0) | np.isinf(values))
    if bad.size:
        raise ValueError(
            f"Reading time {values[bad[0]]:g} s in row {bad[0]} (counted from 0) is not possible: a finite number from "
            "0 is needed, or NaN where none was measured"
        )
    return values


def _median_interval(times: np.ndarray, confidence: float) -> tuple[float, float]:
    n = len(times)
    rank = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    while rank > 0 and stats.binom.cdf(rank - 1, n, 0.5) > (1 - confidence) / 2:
        rank -= 1
    if rank < 1:
        return math.nan, math.nan
    return float(times[rank - 1]), float(times[n - rank])
