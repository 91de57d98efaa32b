"""Two studies, or two tests, side by side: differences of shares, McNemar's test, differences of kappa, and correction
for several tests. The odds ratio between studies, with readers and images random, is in `study_effect`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from turing.stats.accuracy import clopper_pearson
from turing.stats.agreement import MISSING, fleiss_kappa
from turing.stats.nothing import nans


@dataclass(frozen=True)
class Difference:
    """second - first. NaN wherever a value does not exist; `reason` then says why."""

    first: float
    second: float
    difference: float
    se: float  # NaN for intervals that are not made from one
    low: float
    high: float
    p: float  # two-sided test that there is no difference
    method: str  # in words
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.difference)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


@dataclass(frozen=True)
class PairedShares:
    """Right and wrong answers to the same questions in two tests, with McNemar's tests."""

    both_right: int
    first_only: int
    second_only: int
    both_wrong: int
    difference: Difference  # share right in the second - in the first; its p is the mid-p
    p_exact: float
    p_mid: float

    @property
    def n(self) -> int:
        return self.both_right + self.first_only + self.second_only + self.both_wrong


def difference_of_shares(
    first_k: int, first_n: int, second_k: int, second_n: int, *, confidence: float = 0.95
) -> Difference:
    """Difference of two independent shares with Newcombe's interval (his method 10) and Fisher's exact test.

    With Wilson's limits l, u of each share p and d = p2 - p1::

        low = d - sqrt((p2 - l2)^2 + (u1 - p1)^2),   high = d + sqrt((u2 - p2)^2 + (p1 - l1)^2)

    Parameters
    ----------
    first_k, first_n, second_k, second_n : counts, 0 <= k <= n. Answers are taken as independent: of pooled answers the
        interval is too narrow.

    Raises
    ------
    ValueError : counts or a confidence out of range.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890. As R ``DescTools::BinomDiffCI(method = "score")`` and ``fisher.test``.
    """
    first = clopper_pearson(first_k, first_n, confidence=confidence)
    second = clopper_pearson(second_k, second_n, confidence=confidence)
    method = "Newcombe's interval of two independent shares; Fisher's exact test"
    if not first_n or not second_n:
        return _none(first.estimate, second.estimate, method, confidence, "one of the two has no answers")
    low1, high1 = wilson(first_k, first_n, confidence=confidence)
    low2, high2 = wilson(second_k, second_n, confidence=confidence)
    p1, p2 = first.estimate, second.estimate
    d = p2 - p1
    table = np.array([[first_k, first_n - first_k], [second_k, second_n - second_k]])
    return Difference(
        first=p1,
        second=p2,
        difference=d,
        se=math.nan,
        low=d - math.hypot(p2 - low2, high1 - p1),
        high=d + math.hypot(high2 - p2, p1 - low1),
        p=float(stats.fisher_exact(table).pvalue),
        method=method,
        confidence=confidence,
    )


def wilson(k: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of k of n (n >= 1), as R ``prop.test(k, n, correct = FALSE)``.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212.
    """
    z2 = float(special.ndtri(0.5 + confidence / 2)) ** 2
    centre, half = k + z2 / 2, math.sqrt(z2) * math.sqrt(z2 / 4 + k * (n - k) / n)
    return max((centre - half) / (n + z2), 0.0), min((centre + half) / (n + z2), 1.0)


def paired_shares(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> PairedShares:
    """Right answers to the same questions (one reader, the same images twice), by McNemar.

    With b right in the first test only and c in the second only, exact: p = 2 P(X <= min(b, c)), X ~ Binomial(b + c,
    1/2), at most 1; mid-p: p - P(X = min(b, c)), or 1 - P(X = b) / 2 where b = c. The interval of (c - b) / n is
    Newcombe's for paired shares (his method 10, from Wilson's limits and the correlation of the two answers).

    Parameters
    ----------
    first, second : 1 right, 0 wrong, NaN not answered (such a pair is left out), same length and order.

    Raises
    ------
    ValueError : lengths that differ, or another value.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157. Fagerland MW, Lydersen S, Laake P. BMC Med Res Methodol 2013;13:91 (mid-p,
    which they advise). Newcombe RG. Stat Med 1998;17:2635-2650. As R ``exact2x2::mcnemar.exact`` (``midp = TRUE``).
    """
    one, two = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 1 or one.shape != two.shape:
        raise ValueError(f"first has shape {one.shape} and second {two.shape}: one of each per question is needed")
    for values in (one, two):
        if not (np.isnan(values) | (values == 0) | (values == 1)).all():
            raise ValueError("Answers must be 1 (right), 0 (wrong) or NaN (not given)")
    both = ~(np.isnan(one) | np.isnan(two))
    one, two = one[both], two[both]
    a, b = int((one * two).sum()), int((one * (1 - two)).sum())
    c = int(((1 - one) * two).sum())
    d = len(one) - a - b - c
    p_exact, p_mid = mcnemar(b, c)
    return PairedShares(a, b, c, d, _paired_difference(a, b, c, d, p_mid, confidence), p_exact, p_mid)


def mcnemar(first_only: int, second_only: int) -> tuple[float, float]:
    """Exact and mid-p of McNemar's test from the two discordant counts; 1 and 1 where there are none.

    Raises
    ------
    ValueError : a negative count.
    """
    if first_only < 0 or second_only < 0:
        raise ValueError(f"Counts {first_only} and {second_only} are not possible: they must be 0 or more")
    n, least = first_only + second_only, min(first_only, second_only)
    if not n:
        return 1.0, 1.0
    exact, at = min(2 * float(stats.binom.cdf(least, n, 0.5)), 1.0), float(stats.binom.pmf(least, n, 0.5))
    return exact, 1 - at / 2 if first_only == second_only else exact - at


def difference_between_readers(
    first: ArrayLike, second: ArrayLike, *, same_readers: bool, confidence: float = 0.95
) -> Difference:
    """Difference of the mean of the readers' values (accuracies), by Student's t over readers.

    The same readers: paired t. Other readers: Welch's t. It says what other readers would do; images are taken as
    they are.

    Parameters
    ----------
    first, second : one value per reader; for the same readers in the same order, NaN where a reader has none.

    Raises
    ------
    ValueError : numbers of readers that differ although they are the same readers.

    References
    ----------
    Student 1908; Welch BL. Biometrika 1947;34:28-35. As R ``t.test(second, first, paired = same_readers)``.
    """
    one, two = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if same_readers and one.shape != two.shape:
        raise ValueError(f"{len(one)} and {len(two)} values: the same readers must be given in both")
    if same_readers:
        kept = ~(np.isnan(one) | np.isnan(two))
        one, two = one[kept], two[kept]
    else:
        one, two = one[~np.isnan(one)], two[~np.isnan(two)]
    method = "paired t over readers" if same_readers else "Welch's t over readers"
    if not len(one) or not len(two):
        return _none(math.nan, math.nan, method, confidence, "there are no readers with values in both")
    if min(len(one), len(two)) < 2:
        values = (float(one.mean()), float(two.mean()))
        return _none(*values, method, confidence, "a single reader does not show how readers differ")
    if same_readers:
        se, df = float((two - one).std(ddof=1) / math.sqrt(len(one))), float(len(one) - 1)
    else:
        v1, v2 = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
        se = math.sqrt(v1 + v2)
        below = v1**2 / (len(one) - 1) + v2**2 / (len(two) - 1)
        df = float((v1 + v2) ** 2 / below) if below > 0 else math.nan
    if se < 1e-12:
        values = (float(one.mean()), float(two.mean()))
        return _none(*values, method, confidence, "all differences are equal: there is no standard error")
    return _by_t(float(one.mean()), float(two.mean()), se, df, method, confidence)


def difference_of_kappas(
    first: ArrayLike, second: ArrayLike, *, same_images: bool, confidence: float = 0.95
) -> Difference:
    """Difference of two Fleiss' kappas.

    Other images: SE^2 = the sum of the squares of the two non-null standard errors (Gwet). The same images (rows in the
    same order): leaving out one image at a time from both, SE^2 = (n - 1) / n sum (d_(-i) - mean)^2, because the two
    kappas go up and down together. Normal theory.

    Parameters
    ----------
    first, second : answer codes (images, readers), 0 or 1, -1 for none. Images without an answer of every reader (of
        the same images: in either test) are left out.

    Returns
    -------
    Difference : undefined, with a reason, where one of the kappas is.

    Raises
    ------
    ValueError : rows that differ in number although they are the same images.

    References
    ----------
    Gwet KL. Educ Psychol Meas 2021;81:781-790. Gwet KL. Educ Psychol Meas 2016;76:609-637 (correlated coefficients).
    R: ``irrCAC`` for the two coefficients; no function of it was at hand for the difference.
    """
    one, two = np.asarray(first), np.asarray(second)
    method = "difference of Fleiss' kappas, "
    method += "the same images (jackknife)" if same_images else "other images (Gwet's standard errors)"
    if same_images:
        if len(one) != len(two):
            raise ValueError(f"{len(one)} and {len(two)} images: the same images must be given in both")
        kept = (one != MISSING).all(axis=1) & (two != MISSING).all(axis=1)
        one, two = one[kept], two[kept]
    kappas = [fleiss_kappa(table, confidence=confidence) for table in (one, two)]
    for name, kappa in zip(("first", "second"), kappas, strict=True):
        if not kappa.is_defined:
            return _none(kappas[0].kappa, kappas[1].kappa, method, confidence, f"{name} study: {kappa.reason}")
    se = _se_same_images(one, two) if same_images else math.hypot(kappas[0].se_gwet, kappas[1].se_gwet)
    if not se > 1e-12:  # NaN too
        reason = "the difference has no standard error (one image, or full agreement)"
        return _none(kappas[0].kappa, kappas[1].kappa, method, confidence, reason)
    return _by_t(kappas[0].kappa, kappas[1].kappa, se, math.inf, method, confidence)


def adjust_holm(p: Sequence[float]) -> tuple[float, ...]:
    """p values corrected for as many tests, by Holm's step-down of Bonferroni; NaN stays NaN and is no test.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70. As R ``p.adjust(p, method = "holm")``.
    """
    values = _checked_p(p)
    done = np.flatnonzero(~np.isnan(values))
    order = done[np.argsort(values[done], kind="stable")]
    adjusted = values.copy()
    raised = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return tuple(adjusted.tolist())


def adjust_benjamini_hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """p values corrected so that the expected share of false findings is bounded; NaN stays NaN and is no test.

    References
    ----------
    Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. As R ``p.adjust(p, method = "BH")``.
    """
    values = _checked_p(p)
    done = np.flatnonzero(~np.isnan(values))
    adjusted = values.copy()
    if len(done):
        adjusted[done] = stats.false_discovery_control(values[done], method="bh")
    return tuple(adjusted.tolist())


def _checked_p(p: Sequence[float]) -> np.ndarray:
    values = np.asarray(p, dtype=float)
    if ((values < 0) | (values > 1)).any():
        raise ValueError("p values must lie between 0 and 1")
    return values


def _paired_difference(a: int, b: int, c: int, d: int, p: float, confidence: float) -> Difference:
    n, method = a + b + c + d, "Newcombe's interval of two paired shares; McNemar's test, mid-p"
    if not n:
        return _none(math.nan, math.nan, method, confidence, "no question was answered in both tests")
    p1, p2 = (a + b) / n, (a + c) / n
    low1, high1 = wilson(a + b, n, confidence=confidence)
    low2, high2 = wilson(a + c, n, confidence=confidence)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    above = float(a * d - b * c)
    if above > 0:  # continuity correction of the correlation, towards 0
        above = max(above - n / 2, 0)
    phi = above / math.sqrt(margins) if margins else 0.0

    def width(x: float, y: float) -> float:
        return math.sqrt(max(x * x - 2 * phi * x * y + y * y, 0.0))

    difference = p2 - p1
    low, high = difference - width(p2 - low2, high1 - p1), difference + width(high2 - p2, p1 - low1)
    return Difference(p1, p2, difference, math.nan, low, high, p, method, confidence)


def _se_same_images(one: np.ndarray, two: np.ndarray) -> float:
    n = len(one)
    if n < 3:
        return math.nan
    left_out = np.array([_kappas_without_each(table) for table in (one, two)])
    rest = left_out[1] - left_out[0]
    return float(np.sqrt((n - 1) / n * ((rest - rest.mean()) ** 2).sum()))


def _kappas_without_each(table: np.ndarray) -> np.ndarray:
    """Fleiss' kappa of two categories without image i, for every i; NaN where all other answers are equal."""
    n, m = table.shape
    ones = table.sum(axis=1).astype(float)
    agreement = (ones * (ones - 1) + (m - ones) * (m - ones - 1)) / (m * (m - 1))
    share = (ones.sum() - ones) / ((n - 1) * m)
    chance = share**2 + (1 - share) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, ((agreement.sum() - agreement) / (n - 1) - chance) / (1 - chance), math.nan)


def _by_t(first: float, second: float, se: float, df: float, method: str, confidence: float) -> Difference:
    difference = second - first
    if math.isinf(df):
        quantile, tail = float(special.ndtri(0.5 + confidence / 2)), float(special.ndtr(-abs(difference) / se))
    else:
        quantile, tail = (
            float(special.stdtrit(df, 0.5 + confidence / 2)),
            float(special.stdtr(df, -abs(difference) / se)),
        )
    low, high = difference - quantile * se, difference + quantile * se
    return Difference(first, second, difference, se, low, high, 2 * tail, method, confidence)


def _none(first: float, second: float, method: str, confidence: float, reason: str) -> Difference:
    return Difference(
        first=first,
        second=second,
        difference=second - first,
        **nans("se", "low", "high", "p"),
        method=method,
        confidence=confidence,
        reason=reason,
    )
