"""Summary of reading times. A doubtful time is counted and named, never dropped in silence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TimeSummary:
    """Median and quartiles in seconds of the `n_timed` answers that have a time; NaN when there is none."""

    n: int  # answers
    n_timed: int
    n_flagged: int  # answers with at least one flag; those with a time are part of the median
    median: float
    q1: float
    q3: float

    @property
    def is_defined(self) -> bool:
        return self.n_timed > 0

    @property
    def n_missing(self) -> int:
        return self.n - self.n_timed


def summarise_times(seconds: Sequence[float | None], flagged: Sequence[bool]) -> TimeSummary:
    """Median and interquartile range (quantiles of Hyndman and Fan's type 7, the default of R and numpy).

    Parameters
    ----------
    seconds : reading times >= 0, one per answer; None where no time was measured.
    flagged : whether the time of that answer may be wrong, same length.

    Raises
    ------
    ValueError : unequal lengths, or a time that is negative or not finite.
    """
    if len(seconds) != len(flagged):
        raise ValueError(
            f"seconds has {len(seconds)} values and flagged {len(flagged)}: one of each per answer is needed"
        )
    times = np.array([value for value in seconds if value is not None], dtype=float)
    bad = times[~(np.isfinite(times) & (times >= 0))]
    if bad.size:
        raise ValueError(f"Reading time {bad[0]} s is not possible: a finite number from 0 is needed")
    q1, median, q3 = np.quantile(times, [0.25, 0.5, 0.75]) if times.size else (math.nan, math.nan, math.nan)
    return TimeSummary(
        n=len(seconds),
        n_timed=len(times),
        n_flagged=sum(flagged),
        median=float(median),
        q1=float(q1),
        q3=float(q3),
    )
