"""Rank correlation of scores with something else that is known of the same images, with an interval by patient."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from classification.cnn.measures.estimates import Draws, Estimate, percentiles, undefined
from turing.stats.graded.checks import check_confidence

NAME = "Spearman’s rho"
LEAST = 3  # images


def rank_correlation(
    first: ArrayLike,
    second: ArrayLike,
    *,
    patients: Sequence[str] | None = None,
    title: str = NAME,
    draws: Draws | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Spearman's rho: Pearson's correlation of the mid-ranks, as R ``cor(method = "spearman")``.

    Shares of a few readers have many ties, for which the usual interval by Fisher's transformation (Bonett and Wright
    2000) was not made; this one is by bootstrap: patients with all their images, with replacement; percentiles.

    Parameters
    ----------
    first, second : finite values of the same n images, (n,).
    patients : pseudonym of each image's patient; None: every image has a patient of its own.
    title : how the estimate is printed.

    Returns
    -------
    Estimate : in [-1, 1]; undefined, with a reason, below three images or where one of the two is the same for all.

    Raises
    ------
    ValueError : lengths that differ, values that are not finite, or a confidence outside (0, 1).

    References
    ----------
    Spearman C. Am J Psychol 1904;15:72-101. Efron B, Tibshirani RJ. An Introduction to the Bootstrap, 1993, chapter 13.
    Bonett DG, Wright TA. Psychometrika 2000;65:23-28.
    """
    check_confidence(confidence)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or (patients is not None and len(patients) != len(x)):
        raise ValueError(f"first has shape {x.shape}, second {y.shape}: one of each per image is needed")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("Only finite values can be ranked")
    if len(x) < LEAST:
        return undefined(NAME, title, f"{len(x)} images; at least {LEAST} are needed", confidence)
    value = _rho(x, y)
    if math.isnan(value):
        return undefined(NAME, title, "one of the two is the same for all images", confidence)
    drawn = draws or Draws()
    low, high, reason = percentiles(_bootstrap(x, y, patients, drawn), confidence=confidence, what="rho")
    if not reason and low == high:
        low = high = math.nan
        reason = "all draws of patients give the same value, so there is no interval"
    return Estimate(
        name=NAME,
        title=title,
        value=value,
        low=low,
        high=high,
        n=len(x),
        method=drawn.words,
        confidence=confidence,
        reason=reason,
    )


def _rho(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """NaN where one of the two is the same throughout."""
    ranks = np.stack([stats.rankdata(x), stats.rankdata(y)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    spread = float(np.sqrt((ranks**2).sum(axis=1).prod()))
    return float(ranks[0] @ ranks[1]) / spread if spread else math.nan


def _bootstrap(
    x: NDArray[np.float64], y: NDArray[np.float64], patients: Sequence[str] | None, draws: Draws
) -> NDArray[np.float64]:
    codes = np.arange(len(x)) if patients is None else np.unique(np.array(patients), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    of_patient = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    generator = np.random.default_rng(draws.seed)
    found = np.empty(draws.n)
    for number in range(draws.n):
        rows = np.concatenate([of_patient[one] for one in generator.integers(0, len(of_patient), len(of_patient))])
        found[number] = _rho(x[rows], y[rows])
    return found
