"""Agreement of every reader with every other: Cohen's kappa of each pair, as a matrix for a heat map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turing.stats.gwet import check_ratings
from turing.stats.retest import CohenKappa, cohen_kappa


@dataclass(frozen=True)
class PairwiseKappa:
    """Cohen's kappa of each pair of readers, on the images that both answered."""

    n_readers: int
    pairs: tuple[tuple[int, int, CohenKappa], ...]  # (column of one, column of the other, kappa), one before other
    confidence: float

    @property
    def matrix(self) -> np.ndarray:
        """(n_readers, n_readers), symmetric; NaN on the diagonal and where kappa is undefined."""
        values = np.full((self.n_readers, self.n_readers), np.nan)
        for one, other, kappa in self.pairs:
            values[one, other] = values[other, one] = kappa.kappa
        return values

    @property
    def mean(self) -> float:
        """Mean over the pairs that have a kappa (Light's kappa); NaN when none has. R: irr ``kappam.light``."""
        defined = [kappa.kappa for _, _, kappa in self.pairs if kappa.is_defined]
        return float(np.mean(defined)) if defined else float("nan")


def pairwise_kappa(
    ratings: np.ndarray | Sequence[Sequence[int]], *, n_categories: int = 2, confidence: float = 0.95
) -> PairwiseKappa:
    """Cohen's kappa of every pair of readers.

    Parameters
    ----------
    ratings : integer array (n_images, n_readers) of category codes; `MISSING` (-1): no answer.
    n_categories : at least 2.
    confidence : of the normal-theory intervals, in (0, 1).

    Raises
    ------
    ValueError : an array that is not two-dimensional, a code out of range, or a parameter out of range.

    References
    ----------
    Cohen J. Educ Psychol Meas 1960;20:37-46. Light RJ. Psychol Bull 1971;76:365-377 (the mean over pairs). R: irr
    ``kappa2`` for each pair, with the standard error of Fleiss, Cohen and Everitt (1969) for a kappa that is not 0.
    """
    codes = check_ratings(ratings, n_categories, confidence)
    n_readers = codes.shape[1]
    pairs = tuple(
        (one, other, cohen_kappa(codes[:, one], codes[:, other], n_categories=n_categories, confidence=confidence))
        for one in range(n_readers)
        for other in range(one + 1, n_readers)
    )
    return PairwiseKappa(n_readers, pairs, confidence)
