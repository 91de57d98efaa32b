"""Agreement of readers when some answers are missing: raw agreement, Fleiss' kappa and Gwet's AC1 on every answer there
is, with Gwet's standard errors over images. `agreement.fleiss_kappa` is the one that drops incomplete images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from turing.stats.agreement import MISSING

ALL_EQUAL = "all answers are equal, so chance agreement is 1 and kappa is 0/0"
NO_SPREAD = 1e-12  # a standard error that is rounding and nothing else


@dataclass(frozen=True)
class AgreementCoefficient:
    """(observed - chance) / (1 - chance), or the observed agreement itself. NaN wherever a value does not exist."""

    estimate: float  # 1: full agreement; 0: as by chance (of the observed agreement: none at all)
    chance_agreement: float  # 0 for the observed agreement
    se: float  # over images, readers taken as they are
    low: float  # Student's t with (images - 1) degrees of freedom; cut at 1, and at 0 for the observed agreement
    high: float
    p: float  # of no agreement beyond chance; NaN for the observed agreement
    reason: str = ""  # why a value does not exist

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.estimate)


@dataclass(frozen=True)
class GwetAgreement:
    """Three coefficients on incomplete data. An image with one answer counts for what readers say by chance only."""

    n_readers: int
    n_images: int
    n_answered: int  # images with an answer
    n_used: int  # images with two or more, which observed agreement needs
    n_answers: int
    observed: AgreementCoefficient
    kappa: AgreementCoefficient  # Fleiss' kappa, generalised to missing answers
    ac1: AgreementCoefficient
    confidence: float


def gwet_agreement(
    ratings: np.ndarray | Sequence[Sequence[int]], *, n_categories: int = 2, confidence: float = 0.95
) -> GwetAgreement:
    """Raw agreement, Fleiss' kappa and AC1 with missing answers kept.

    With r[i, k] readers who put image i into category k, r[i] = sum_k r[i, k], n images with an answer, n2 of them with
    two or more, q categories::

        P_i = sum_k r[i, k] (r[i, k] - 1) / (r[i] (r[i] - 1));   P_a = sum_i P_i / n2;   p_k = mean_i r[i, k] / r[i]
        kappa: P_e = sum_k p_k^2                       e_i = sum_k p_k r[i, k] / r[i]
        AC1:   P_e = sum_k p_k (1 - p_k) / (q - 1)     e_i = sum_k (1 - p_k) r[i, k] / r[i] / (q - 1)
        coefficient g = (P_a - P_e) / (1 - P_e)
        g_i = (n / n2) (P_i - P_e) [r_i >= 2] / (1 - P_e) - 2 (1 - g) (e_i - P_e) / (1 - P_e)
        se^2 = sum_i (g_i - g)^2 / (n (n - 1))

    AC1 does not collapse when nearly all answers are the same, where kappa does (its "paradox").

    Parameters
    ----------
    ratings : integer array (n_images, n_readers) of category codes 0 .. n_categories - 1; `MISSING` (-1): no answer.
    n_categories : at least 2.
    confidence : of the intervals, in (0, 1).

    Returns
    -------
    GwetAgreement : coefficients undefined, with a reason, where no image has two answers; kappa also when all answers
        are equal. Without standard error, with a reason, for a single image.

    Raises
    ------
    ValueError : an array that is not two-dimensional, a code out of range, or a parameter out of range.

    References
    ----------
    Gwet KL. Br J Math Stat Psychol 2008;61:29-48 (AC1). Gwet KL. Handbook of Inter-Rater Reliability, 4th ed. 2014,
    chapter 5 (missing answers). Gwet KL. Educ Psychol Meas 2021;81:781-790. Same as R irrCAC 1.0 ``pa.coeff.raw``,
    ``fleiss.kappa.raw`` and ``gwet.ac1.raw``.
    """
    codes = check_ratings(ratings, n_categories, confidence)
    counts = (codes[:, :, None] == np.arange(n_categories)).sum(axis=1).astype(float)
    answered = counts[counts.sum(axis=1) > 0]
    per_image = answered.sum(axis=1)
    several = per_image >= 2
    n, n_used = len(answered), int(several.sum())
    if n_used == 0:
        reason = "agreement needs at least two readers" if codes.shape[1] < 2 else "no image has two answers"
        nothing = _undefined(reason)
        observed = kappa = ac1 = nothing
    else:
        pairs = np.maximum(per_image * (per_image - 1), 1)
        agreeing = (answered * (answered - 1)).sum(axis=1) / pairs
        parts = answered / per_image[:, None]
        share = parts.mean(axis=0)
        spread = (1 - share) / (n_categories - 1)

        def beyond(weight: np.ndarray) -> AgreementCoefficient:
            chance = float(share @ weight)
            return _coefficient(agreeing, several, chance, parts @ weight, confidence, beyond_chance=True)

        observed = _coefficient(agreeing, several, 0.0, np.zeros(n), confidence, beyond_chance=False)
        kappa = _undefined(ALL_EQUAL) if share.max() == 1 else beyond(share)
        ac1 = beyond(spread)
    return GwetAgreement(
        n_readers=codes.shape[1],
        n_images=len(codes),
        n_answered=n,
        n_used=n_used,
        n_answers=int(counts.sum()),
        observed=observed,
        kappa=kappa,
        ac1=ac1,
        confidence=confidence,
    )


def check_ratings(
    ratings: np.ndarray | Sequence[Sequence[int]], n_categories: int, confidence: float = 0.95
) -> np.ndarray:
    """`ratings` as an integer array (n_images, n_readers).

    Raises
    ------
    ValueError : not two-dimensional, a code out of range, or a parameter out of range.
    """
    codes = np.asarray(ratings)
    if codes.ndim != 2:
        raise ValueError(f"ratings has {codes.ndim} dimension(s); an array (n_images, n_readers) is needed")
    if n_categories < 2:
        raise ValueError(f"n_categories = {n_categories}: at least 2 are needed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    if codes.size and (codes.min() < MISSING or codes.max() >= n_categories or np.any(codes != np.floor(codes))):
        raise ValueError(f"ratings must be whole numbers from 0 to {n_categories - 1}, or {MISSING} for no answer")
    return codes.astype(int)


def _coefficient(
    agreeing: np.ndarray,
    several: np.ndarray,
    chance: float,
    chance_of_image: np.ndarray,
    confidence: float,
    *,
    beyond_chance: bool,
) -> AgreementCoefficient:
    n, n_used = len(agreeing), int(several.sum())
    estimate = (float(agreeing[several].sum()) / n_used - chance) / (1 - chance)
    own = n / n_used * np.where(several, agreeing - chance, 0.0) / (1 - chance)
    own = own - 2 * (1 - estimate) * (chance_of_image - chance) / (1 - chance)
    if n < 2:
        nan, reason = math.nan, "one image alone gives no standard error"
        return AgreementCoefficient(estimate, chance, nan, nan, nan, nan, reason)
    se = float(np.sqrt(((own - estimate) ** 2).sum() / (n * (n - 1))))
    if se < NO_SPREAD:
        nan, reason = math.nan, "the standard error is 0, so there is no interval"
        return AgreementCoefficient(estimate, chance, se, nan, nan, nan, reason)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * se
    return AgreementCoefficient(
        estimate=estimate,
        chance_agreement=chance,
        se=se,
        low=estimate - half if beyond_chance else max(estimate - half, 0.0),
        high=min(estimate + half, 1.0),
        p=float(2 * special.stdtr(n - 1, -abs(estimate) / se)) if beyond_chance else math.nan,
    )


def _undefined(reason: str) -> AgreementCoefficient:
    nan = math.nan
    return AgreementCoefficient(nan, nan, nan, nan, nan, nan, reason)
