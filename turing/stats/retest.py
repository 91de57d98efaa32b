"""Agreement of one reader with himself or herself: Cohen's kappa of two answers about the same images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from turing.stats.accuracy import Proportion, clopper_pearson
from turing.stats.agreement import MISSING


@dataclass(frozen=True)
class CohenKappa:
    """Kappa of the `n_used` images with both answers. NaN wherever a value does not exist; `reason` then says why."""

    n_images: int
    n_used: int
    same: Proportion  # of the images used, those with two equal answers; exact interval
    kappa: float  # 1: full agreement, 0: as by chance, below 0: less than by chance
    observed_agreement: float  # weighted, when weights are
    chance_agreement: float
    se: float
    low: float
    high: float
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.kappa)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


def cohen_kappa(
    first: Sequence[int] | np.ndarray,
    second: Sequence[int] | np.ndarray,
    *,
    n_categories: int = 2,
    quadratic: bool = False,
    confidence: float = 0.95,
) -> CohenKappa:
    """Cohen's kappa, plain or with quadratic weights, with the large-sample standard error that assumes no value of it.

    With p[i, j] the share of images with first answer i and second answer j, w[i, j] the weight of that pair (plain:
    1 on the diagonal, else 0; quadratic: 1 - (i - j)^2 / (n_categories - 1)^2), r and c the row and column sums of p::

        po = sum w p;   pe = sum w r c;   kappa = (po - pe) / (1 - pe)
        u[i, j] = sum_l w[i, l] c_l + sum_k w[k, j] r_k
        var = (sum p (w (1 - pe) - u (1 - po))^2 - (po pe - 2 pe + po)^2) / (n (1 - pe)^4)

    Parameters
    ----------
    first, second : category codes 0 .. n_categories - 1, one per image, equal length; `MISSING` (-1): no answer.
    n_categories : at least 2.
    quadratic : for ordered categories; kappa then is close to the intraclass correlation of the codes.
    confidence : of the normal-theory interval, in (0, 1); its ends are cut at -1 and 1.

    Returns
    -------
    CohenKappa : undefined, with a reason, when no image has both answers or all answers are equal. Without an
        interval, with a reason, for a single image, or when the standard error is 0 (full agreement).

    Raises
    ------
    ValueError : unequal lengths, a code out of range, or a parameter out of range.

    References
    ----------
    Cohen J. Educ Psychol Meas 1960;20:37-46, and Psychol Bull 1968;70:213-220 (weights). Fleiss JL, Cohen J, Everitt
    BS. Psychol Bull 1969;72:323-327 (standard error). Fleiss JL, Cohen J. Educ Psychol Meas 1973;33:613-619 (quadratic
    weights and the intraclass correlation). Same as statsmodels 0.15 `cohens_kappa`, with `wt="fc"` for quadratic.
    """
    codes = _checked(first, second, n_categories, confidence)
    n_images = codes.shape[1]
    both = codes[:, (codes != MISSING).all(axis=0)]
    n = both.shape[1]
    same = clopper_pearson(int((both[0] == both[1]).sum()), n, confidence=confidence)
    if n == 0:
        return _undefined(n_images, same, confidence, "no image has two answers")
    if both.min() == both.max():
        return _undefined(
            n_images, same, confidence, "all answers are equal, so chance agreement is 1 and kappa is 0/0"
        )

    table = np.zeros((n_categories, n_categories))
    np.add.at(table, (both[0], both[1]), 1 / n)
    grid = np.arange(n_categories)
    distance = np.abs(grid[:, None] - grid[None, :])
    weight = 1 - (distance / (n_categories - 1)) ** 2 if quadratic else (distance == 0).astype(float)
    row, column = table.sum(axis=1), table.sum(axis=0)
    observed = float((weight * table).sum())
    chance = float(row @ weight @ column)
    kappa = (observed - chance) / (1 - chance)
    expected = (weight @ column)[:, None] + (row @ weight)[None, :]
    spread = (table * (weight * (1 - chance) - expected * (1 - observed)) ** 2).sum()
    variance = (spread - (observed * chance - 2 * chance + observed) ** 2) / (n * (1 - chance) ** 4)
    se = math.sqrt(max(variance, 0)) if n > 1 and variance > 1e-15 else math.nan
    z = float(special.ndtri(0.5 + confidence / 2))
    return CohenKappa(
        n_images=n_images,
        n_used=n,
        same=same,
        kappa=kappa,
        observed_agreement=observed,
        chance_agreement=chance,
        se=se,
        low=math.nan if math.isnan(se) else max(kappa - z * se, -1.0),
        high=math.nan if math.isnan(se) else min(kappa + z * se, 1.0),
        confidence=confidence,
        reason=_without_interval(n, se),
    )


def _without_interval(n: int, se: float) -> str:
    if not math.isnan(se):
        return ""
    return "one image alone gives no standard error" if n == 1 else "the standard error is 0, so there is no interval"


def _checked(first: Sequence[int] | np.ndarray, second: Sequence[int] | np.ndarray, n: int, level: float) -> np.ndarray:
    if len(first) != len(second):
        raise ValueError(f"first has {len(first)} codes and second {len(second)}: one of each per image is needed")
    if n < 2:
        raise ValueError(f"n_categories = {n}: at least 2 are needed")
    if not 0 < level < 1:
        raise ValueError(f"confidence = {level} is out of range: it must lie between 0 and 1")
    codes = np.array([first, second], dtype=float).reshape(2, -1)
    if codes.size and (codes.min() < MISSING or codes.max() >= n or np.any(codes != np.floor(codes))):
        raise ValueError(f"codes must be whole numbers from 0 to {n - 1}, or {MISSING} for no answer")
    return codes.astype(int)


def _undefined(n_images: int, same: Proportion, confidence: float, reason: str) -> CohenKappa:
    nan = math.nan
    return CohenKappa(
        n_images=n_images,
        n_used=same.n,
        same=same,
        kappa=nan,
        observed_agreement=nan,
        chance_agreement=nan,
        se=nan,
        low=nan,
        high=nan,
        confidence=confidence,
        reason=reason,
    )
