"""Agreement of several readers on nominal answers: Fleiss' kappa with three standard errors.

Only images answered by every reader count (complete cases); how many were left out is part of the result.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

MISSING = -1  # code of an answer that was not given


@dataclass(frozen=True)
class FleissKappa:
    """Kappa of `n_used` images by `n_readers`. NaN wherever a value does not exist; `reason` then says why.

    `low` and `high` are the headline interval: kappa -+ z * `se_gwet`, which does not assume that readers agree by
    chance only. `se_null` does assume it: it is for the test of kappa = 0, and `low_null`, `high_null` are shown only
    because published studies print them.
    """

    n_readers: int
    n_images: int
    n_used: int
    kappa: float  # 1: full agreement, 0: as by chance, below 0: less than by chance
    observed_agreement: float
    chance_agreement: float
    se_gwet: float
    low: float
    high: float
    se_null: float
    low_null: float
    high_null: float
    p_null: float
    se_jackknife: float
    confidence: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.kappa)


def fleiss_kappa(
    ratings: np.ndarray | Sequence[Sequence[int]], *, n_categories: int = 2, confidence: float = 0.95
) -> FleissKappa:
    """Fleiss' kappa with null, non-null and jackknife standard errors.

    With r[i, k] readers who put image i into category k, N images and m readers::

        P_i = (sum_k r[i, k]^2 - m) / (m (m - 1));   p_k = mean_i r[i, k] / m;   P_e = sum_k p_k^2
        kappa = (mean(P_i) - P_e) / (1 - P_e)

    Parameters
    ----------
    ratings : integer array (n_images, n_readers) of category codes 0 .. n_categories - 1; `MISSING` (-1): no answer.
    n_categories : at least 2; needed because a category that nobody used leaves no trace in the codes.
    confidence : of the normal-theory intervals, in (0, 1).

    Returns
    -------
    FleissKappa : undefined, with a reason, for fewer than two readers, no complete image, or all answers equal.

    Raises
    ------
    ValueError : an array that is not two-dimensional, a code out of range, or a parameter out of range.

    References
    ----------
    Fleiss JL. Psychol Bull 1971;76:378-382 (kappa). Fleiss JL, Nee JCM, Landis JR. Psychol Bull 1979;86:974-977
    (`se_null`, the one behind the z of R irr's ``kappam.fleiss``). Gwet KL. Educ Psychol Meas 2021;81:781-790
    (`se_gwet`, linearised, no finite population correction; R irrCAC's ``fleiss.kappa.raw``).
    """
    codes = np.asarray(ratings)
    if codes.ndim != 2:
        raise ValueError(f"ratings has {codes.ndim} dimension(s); an array (n_images, n_readers) is needed")
    if n_categories < 2:
        raise ValueError(f"n_categories = {n_categories}: at least 2 are needed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    if codes.size and (codes.min() < MISSING or codes.max() >= n_categories or np.any(codes != codes.astype(int))):
        raise ValueError(f"ratings must be whole numbers from 0 to {n_categories - 1}, or {MISSING} for no answer")
    n_images, n_readers = codes.shape
    complete = codes[(codes != MISSING).all(axis=1)].astype(int)
    n_used = len(complete)
    if n_readers < 2:
        return _undefined(codes.shape, n_used, confidence, "agreement needs at least two readers")
    if n_used == 0:
        return _undefined(codes.shape, n_used, confidence, "no image was answered by every reader")
    counts = (complete[:, :, None] == np.arange(n_categories)).sum(axis=1).astype(float)
    share = counts.sum(axis=0) / (n_used * n_readers)
    if share.max() == 1:
        return _undefined(
            codes.shape, n_used, confidence, "all answers are equal, so chance agreement is 1 and kappa is 0/0"
        )

    agreement = ((counts**2).sum(axis=1) - n_readers) / (n_readers * (n_readers - 1))
    chance = float((share**2).sum())
    kappa = float((agreement.mean() - chance) / (1 - chance))
    se_null = _se_null(share, n_used, n_readers)
    se_gwet = _se_gwet(agreement, counts @ share / n_readers, chance, kappa)
    z = float(special.ndtri(0.5 + confidence / 2))
    return FleissKappa(
        n_readers=n_readers,
        n_images=n_images,
        n_used=n_used,
        kappa=kappa,
        observed_agreement=float(agreement.mean()),
        chance_agreement=chance,
        se_gwet=se_gwet,
        low=kappa - z * se_gwet,
        high=kappa + z * se_gwet,
        se_null=se_null,
        low_null=kappa - z * se_null,
        high_null=kappa + z * se_null,
        p_null=float(2 * special.ndtr(-abs(kappa) / se_null)),
        se_jackknife=_se_jackknife(counts, agreement, n_readers),
        confidence=confidence,
        reason="" if n_used > 1 else "one image alone gives no standard error",
    )


def _undefined(shape: tuple[int, ...], n_used: int, confidence: float, reason: str) -> FleissKappa:
    nan = math.nan
    return FleissKappa(
        n_readers=shape[1],
        n_images=shape[0],
        n_used=n_used,
        kappa=nan,
        observed_agreement=nan,
        chance_agreement=nan,
        se_gwet=nan,
        low=nan,
        high=nan,
        se_null=nan,
        low_null=nan,
        high_null=nan,
        p_null=nan,
        se_jackknife=nan,
        confidence=confidence,
        reason=reason,
    )


def _se_null(share: np.ndarray, n: int, m: int) -> float:
    """Fleiss, Nee and Landis 1979, eq. 12: under no agreement beyond chance."""
    spread = share * (1 - share)
    total = spread.sum()
    variance = 2 * (total**2 - (spread * (1 - 2 * share)).sum()) / (total**2 * n * m * (m - 1))
    return float(np.sqrt(variance))


def _se_gwet(agreement: np.ndarray, chance_of_image: np.ndarray, chance: float, kappa: float) -> float:
    """Gwet 2021: kappa as a mean of linearised contributions of the images; their standard error."""
    n = len(agreement)
    if n < 2:
        return math.nan
    contribution = (agreement - chance) / (1 - chance) - 2 * (1 - kappa) * (chance_of_image - chance) / (1 - chance)
    return float(np.sqrt(((contribution - kappa) ** 2).sum() / (n * (n - 1))))


def _se_jackknife(counts: np.ndarray, agreement: np.ndarray, m: int) -> float:
    """Leaves out one image at a time; NaN when kappa is undefined for one of the remainders."""
    n = len(counts)
    if n < 2:
        return math.nan
    share = (counts.sum(axis=0) - counts) / ((n - 1) * m)
    if np.any(share.max(axis=1) == 1):
        return math.nan
    chance = (share**2).sum(axis=1)
    kappas = ((agreement.sum() - agreement) / (n - 1) - chance) / (1 - chance)
    return float(np.sqrt((n - 1) / n * ((kappas - kappas.mean()) ** 2).sum()))
