"""How well a ranking brought the excluded images first, and what a random check says of the rest. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from classification.cnn.measures.estimates import Estimate, exact_share

FIRST = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, kw_only=True)
class First:
    """Of the first `n` images in the order, `excluded` were excluded: the precision at n is their share."""

    n: int
    excluded: int

    @property
    def percent(self) -> float:
        return 100 * self.excluded / self.n


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Of the images that were looked at in the order of the score."""

    n: int
    excluded: int
    firsts: tuple[First, ...]
    average_precision: float | None  # None: all were excluded, or none was

    @property
    def percent(self) -> float:
        return 100 * self.excluded / self.n


def measure_ranking(*, scores: Sequence[float], excluded: Sequence[bool]) -> Ranking:
    """Both in the order of the queue, the highest score first.

    Average precision is sum_n (R_n - R_(n-1)) P_n over the thresholds of the score (scikit-learn's
    `average_precision_score`); images of equal score share a threshold. Of a random order it is about the share of
    excluded images.
    """
    outcome = np.asarray(excluded, dtype=bool)
    total = np.cumsum(outcome)
    n = len(outcome)
    wanted = [size for size in FIRST if size < n] + [n]
    average = float(average_precision_score(outcome, np.asarray(scores))) if 0 < total[-1] < n else None
    return Ranking(
        n=n,
        excluded=int(total[-1]),
        firsts=tuple(First(n=size, excluded=int(total[size - 1])) for size in wanted),
        average_precision=average,
    )


@dataclass(frozen=True, kw_only=True)
class CheckSample:
    """A random sample of the images that were left, and what it says of those that nobody looked at."""

    share: Estimate  # of the sample that was excluded, with its exact interval
    rest: int  # images that were left before the sample was drawn

    @property
    def unseen(self) -> int:
        return self.rest - self.share.n

    @property
    def missed(self) -> int:
        """Images among the unseen that would have been excluded: the estimate, then the ends of its interval."""
        return round(self.unseen * self.share.value)

    @property
    def missed_low(self) -> int:
        return round(self.unseen * self.share.low)

    @property
    def missed_high(self) -> int:
        return round(self.unseen * self.share.high)


def measure_check(*, excluded: int, sampled: int, rest: int) -> CheckSample:
    """`sampled` images were drawn at random from `rest`, of which `excluded` had to go.

    The exact binomial interval (Clopper and Pearson 1934) does not use that the rest is finite, so that it is rather
    too wide than too narrow. Raises ValueError for an empty sample, or one larger than the rest.
    """
    if not 0 < sampled <= rest:
        raise ValueError(
            f"A sample of {sampled} images from {rest}: it must have at least one, and not more than there are"
        )
    share = exact_share(
        "Missed", "Excluded of the check sample", excluded, sampled, confidence=0.95, reason="nothing was sampled"
    )
    return CheckSample(share=share, rest=rest)
