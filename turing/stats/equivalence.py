"""Are readers at chance? The exact test against 50 %, and the test of the opposite: that accuracy is *near* 50 %.

That a test against 50 % finds nothing does not show that images are indistinguishable: with few answers it never finds
anything. Equivalence is a claim of its own, with a margin that is declared beforehand and two one-sided tests (TOST).
"""

import math
from dataclasses import dataclass

from scipy import optimize, special, stats

from turing.stats.accuracy import clopper_pearson

CHANCE = 0.5
FARTHEST = 37.0  # normal quantile beyond which a p value is 0 in floating point


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of `estimate` against 0.5 -+ `margin`. NaN, with a reason, where there is nothing to test.

    `low` and `high` are the interval at confidence 1 - 2 alpha (90 % for alpha 0.05): equivalence holds exactly when it
    lies inside of (0.5 - margin, 0.5 + margin).
    """

    measure: str  # what was tested, in words
    method: str
    estimate: float  # in [0, 1]
    low: float
    high: float
    margin: float
    alpha: float
    p_lower: float  # of the hypothesis that the accuracy is 0.5 - margin or less
    p_upper: float  # of the hypothesis that it is 0.5 + margin or more
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.p)

    @property
    def p(self) -> float:
        """Of no equivalence: the larger of the two."""
        return max(self.p_lower, self.p_upper) if not math.isnan(self.p_lower) else math.nan

    @property
    def holds(self) -> bool:
        """Only then may it be said that readers cannot distinguish."""
        return self.p <= self.alpha  # NaN: no


def exact_p(k: int, n: int, *, chance: float = CHANCE) -> float:
    """Two-sided exact binomial test of k right of n against `chance`; NaN for n = 0.

    Sums the probabilities of all counts that are no likelier than k, as R's ``binom.test(k, n, chance)$p.value``.

    Raises
    ------
    ValueError : counts that are not possible, or a chance out of (0, 1).

    References
    ----------
    Conover WJ. Practical Nonparametric Statistics, 3rd ed. Wiley 1999, section 3.1.
    """
    _check_counts(k, n)
    if not 0 < chance < 1:
        raise ValueError(f"chance = {chance} is out of range: it must lie between 0 and 1")
    return float(stats.binomtest(k, n, chance).pvalue) if n else math.nan


def proportion_equivalence(
    k: int, n: int, *, margin: float, alpha: float = 0.05, measure: str = "accuracy"
) -> Equivalence:
    """Exact two one-sided tests that the accuracy behind k right of n lies within `margin` of 0.5.

    p_lower = P(X >= k | 0.5 - margin), p_upper = P(X <= k | 0.5 + margin), X binomial: answers of one reader about
    different images. The interval is that of Clopper and Pearson at confidence 1 - 2 alpha, with the same verdict.

    Parameters
    ----------
    margin : in (0, 0.5), declared before the answers are seen.
    alpha : of each of the two tests, in (0, 0.5).

    Raises
    ------
    ValueError : counts that are not possible, or a parameter out of range.

    References
    ----------
    Schuirmann DJ. J Pharmacokinet Biopharm 1987;15:657-680. Wellek S. Testing Statistical Hypotheses of Equivalence and
    Noninferiority, 2nd ed. CRC 2010, section 4.3 (binomial). R: ``binom.test(k, n, 0.5 -+ margin, alternative = ...)``.
    """
    _check_counts(k, n)
    _check_parameters(margin, alpha)
    method = "exact binomial, two one-sided tests"
    if n == 0:
        return no_equivalence("there is no answer", margin=margin, alpha=alpha, measure=measure, method=method)
    interval = clopper_pearson(k, n, confidence=1 - 2 * alpha)
    return Equivalence(
        measure=measure,
        method=method,
        estimate=k / n,
        low=interval.low,
        high=interval.high,
        margin=margin,
        alpha=alpha,
        p_lower=float(stats.binom.sf(k - 1, n, CHANCE - margin)),
        p_upper=float(stats.binom.cdf(k, n, CHANCE + margin)),
    )


def balanced_equivalence(
    right_one: int, n_one: int, right_other: int, n_other: int, *, margin: float, alpha: float = 0.05
) -> Equivalence:
    """Two one-sided tests that the balanced accuracy, (sensitivity + specificity) / 2, lies within `margin` of 0.5.

    For unequal numbers of real and synthetic images, where the plain accuracy of a reader who knows nothing is not 0.5.
    The balanced accuracy is 0.5 + (p1 - q2) / 2 with q2 = 1 - p2, so its interval is half of Newcombe's hybrid score
    interval of a difference, at confidence 1 - 2 alpha; p values are where that interval touches the margin.

    Parameters
    ----------
    right_one, n_one, right_other, n_other : right answers and answers about each class.
    margin, alpha : as in `proportion_equivalence`.

    Raises
    ------
    ValueError : counts that are not possible, or a parameter out of range.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890, method 10. R: ``DescTools::BinomDiffCI(method = "score")``.
    """
    _check_counts(right_one, n_one)
    _check_counts(right_other, n_other)
    _check_parameters(margin, alpha)
    measure, method = "balanced accuracy", "Newcombe's hybrid score interval, two one-sided tests"
    if n_one == 0 or n_other == 0:
        reason = "answers about both classes are needed"
        return no_equivalence(reason, margin=margin, alpha=alpha, measure=measure, method=method)
    counts = (right_one, n_one, right_other, n_other)
    low, high = balanced_interval(*counts, confidence=1 - 2 * alpha)
    return Equivalence(
        measure=measure,
        method=method,
        estimate=(right_one / n_one + right_other / n_other) / 2,
        low=low,
        high=high,
        margin=margin,
        alpha=alpha,
        p_lower=float(special.ndtr(_quantile_at(counts, CHANCE - margin))),
        p_upper=float(special.ndtr(-_quantile_at(counts, CHANCE + margin))),
    )


def balanced_interval(
    right_one: int, n_one: int, right_other: int, n_other: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the balanced accuracy (see `balanced_equivalence`); both classes must have answers."""
    z = float(special.ndtri(0.5 + confidence / 2))
    counts = (right_one, n_one, right_other, n_other)
    return _balanced_limit(*counts, z=-z), _balanced_limit(*counts, z=z)


def logit_equivalence(
    estimate: float, se: float, *, df: float, margin: float, alpha: float = 0.05, measure: str, method: str
) -> Equivalence:
    """Two one-sided t tests of an accuracy that was estimated with a standard error on the logit scale.

    Parameters
    ----------
    estimate : accuracy, in (0, 1).
    se : of its logit, > 0.
    df : degrees of freedom, > 0; infinite for a normal test.
    measure, method : what was estimated and how, in words.

    Raises
    ------
    ValueError : a parameter out of range.
    """
    _check_parameters(margin, alpha)
    if not 0 < estimate < 1 or not se > 0 or not df > 0:
        raise ValueError(
            f"estimate = {estimate}, se = {se}, df = {df}: a share inside (0, 1) and positive se, df needed"
        )
    at, quantile = float(special.logit(estimate)), float(stats.t.ppf(1 - alpha, df))
    return Equivalence(
        measure=measure,
        method=method,
        estimate=estimate,
        low=float(special.expit(at - quantile * se)),
        high=float(special.expit(at + quantile * se)),
        margin=margin,
        alpha=alpha,
        p_lower=float(stats.t.sf((at - special.logit(CHANCE - margin)) / se, df)),
        p_upper=float(stats.t.cdf((at - special.logit(CHANCE + margin)) / se, df)),
    )


def no_equivalence(reason: str, *, margin: float, alpha: float, measure: str, method: str) -> Equivalence:
    """Nothing could be tested, for that reason."""
    nan = math.nan
    return Equivalence(measure, method, nan, nan, nan, margin, alpha, nan, nan, reason)


def _check_counts(k: int, n: int) -> None:
    if n < 0 or not 0 <= k <= n:
        raise ValueError(f"Counts k = {k}, n = {n} are not possible: 0 <= k <= n is needed")


def _check_parameters(margin: float, alpha: float) -> None:
    if not 0 < margin < 0.5:
        raise ValueError(f"margin = {margin} is out of range: it must lie between 0 and 0.5")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha = {alpha} is out of range: it must lie between 0 and 0.5")


def _balanced_limit(right_one: int, n_one: int, right_other: int, n_other: int, *, z: float) -> float:
    """Limit of the balanced accuracy at the normal quantile z: the lower for z < 0, the upper for z > 0."""
    one, other = right_one / n_one, 1 - right_other / n_other
    to_one = one - _wilson(right_one, n_one, z)
    to_other = other - _wilson(n_other - right_other, n_other, -z)
    return 0.5 + (one - other + math.copysign(math.hypot(to_one, to_other), z)) / 2


def _quantile_at(counts: tuple[int, int, int, int], value: float) -> float:
    """The normal quantile at which the limit is `value`; the limit rises with the quantile."""

    def off(z: float) -> float:
        return _balanced_limit(*counts, z=z) - value

    if off(FARTHEST) <= 0 or off(-FARTHEST) >= 0:
        return math.copysign(FARTHEST, -off(0.0))
    return float(optimize.brentq(off, -FARTHEST, FARTHEST, xtol=1e-10))


def _wilson(k: int, n: int, z: float) -> float:
    """Wilson's score limit: the lower for z < 0, the upper for z > 0."""
    share, square = k / n, z * z
    return (share + square / (2 * n) + z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))) / (1 + square / n)
