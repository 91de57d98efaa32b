"""A measure with its interval, and intervals of shares when one patient may have several images."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from turing.stats.accuracy import clopper_pearson

MIN_DRAWS = 100
CHUNK = 4_000_000  # weights held at once
EXACT = "exact (Clopper and Pearson)"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """NaN wherever a value does not exist; `reason` then says why. `title` names the positive class."""

    name: str  # "Sensitivity"
    title: str  # "Sensitivity (pneumonia called pneumonia)"
    value: float
    low: float
    high: float
    k: int = 0  # counts behind a share; 0 of 0 for what is none
    n: int = 0
    method: str = ""  # of the interval, in words
    confidence: float = 0.95
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.value)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


@dataclass(frozen=True, kw_only=True)
class Draws:
    """How bootstrap intervals are drawn. The same seed gives the same draws."""

    n: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < MIN_DRAWS:
            raise ValueError(f"n = {self.n} bootstrap draws: at least {MIN_DRAWS} are needed")

    @property
    def words(self) -> str:
        return f"bootstrap by patient, {self.n:,} draws"


def undefined(name: str, title: str, reason: str, confidence: float) -> Estimate:
    return Estimate(
        name=name, title=title, value=math.nan, low=math.nan, high=math.nan, confidence=confidence, reason=reason
    )


def exact_share(name: str, title: str, k: int, n: int, *, confidence: float, reason: str) -> Estimate:
    """k of n independent images; `reason`: why it has no value where n = 0."""
    if not n:
        return undefined(name, title, reason, confidence)
    found = clopper_pearson(k, n, confidence=confidence)
    return Estimate(
        name=name,
        title=title,
        value=found.estimate,
        low=found.low,
        high=found.high,
        k=k,
        n=n,
        method=EXACT,
        confidence=confidence,
    )


def exact_f1(name: str, title: str, hits: int, misses: int, *, confidence: float, reason: str) -> Estimate:
    """F1 from the images that are positive or called so: `hits` are both, `misses` one of the two.

    F1 = 2 J / (1 + J), with J = hits / (hits + misses) (Jaccard). Given that an image is one of these, it is a hit
    with one probability, so J has the exact interval of a share, and F1, which rises with J, that of J transformed.
    """
    n = hits + misses
    if not n:
        return undefined(name, title, reason, confidence)
    share = clopper_pearson(hits, n, confidence=confidence)
    value, low, high = (2 * part / (1 + part) for part in (share.estimate, share.low, share.high))
    return Estimate(
        name=name,
        title=title,
        value=value,
        low=low,
        high=high,
        method=f"{EXACT} of the share of images that are both, transformed",
        confidence=confidence,
    )


def percentiles(values: NDArray[np.float64], *, confidence: float, what: str = "it") -> tuple[float, float, str]:
    """Low and high end of the draws that have a value, and why there are none."""
    used = values[np.isfinite(values)]
    if len(used) < len(values) / 2:
        return math.nan, math.nan, f"in most draws of patients {what} does not exist"
    low, high = np.quantile(used, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high), ""


def patient_sums(columns: NDArray[np.float64], codes: NDArray[np.int64], n_patients: int) -> NDArray[np.float64]:
    """Sum of each column (N, columns) over the images of each patient, (n_patients, columns)."""
    return np.column_stack([np.bincount(codes, column, minlength=n_patients) for column in columns.T])


def draw_totals(of_patients: NDArray[np.float64], draws: Draws) -> NDArray[np.float64]:
    """Totals (draws, columns) when as many patients as there are, are drawn with replacement.

    Patients with equal counts are alike, so it is drawn how many of each kind there are: time and memory grow with the
    number of kinds, which is small.

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall 1993, chapters 6 and 13; patients as the
    units: Field CA, Welsh AH. J R Stat Soc B 2007;69:369-390.
    """
    kinds, how_many = np.unique(of_patients, axis=0, return_counts=True)
    generator = np.random.default_rng(draws.seed)
    n = len(of_patients)
    size = max(1, CHUNK // len(kinds))
    parts = [
        generator.multinomial(n, how_many / n, size=min(size, draws.n - start)) @ kinds
        for start in range(0, draws.n, size)
    ]
    return np.concatenate(parts)


def clustered_mean(
    values: NDArray[np.float64], codes: NDArray[np.int64], *, confidence: float
) -> tuple[float, float, float, float]:
    """Mean over images with its standard error over patients, and the normal interval.

    With I patients, of which patient i has the images j, and N images::

        SE^2 = I / (I - 1) * sum_i (sum_j (x_ij - mean))^2 / N^2

    which is the usual one where each patient has one image.

    References
    ----------
    Cochran WG. Sampling Techniques. 3rd ed, Wiley 1977, section 9A.2 (ratio to size of clusters).
    """
    mean = float(values.mean())
    sums = np.bincount(codes, values - mean)
    n = len(sums)
    if n < 2:
        return mean, math.nan, math.nan, math.nan
    se = math.sqrt(n / (n - 1) * float((sums**2).sum())) / len(values)
    half = float(special.ndtri(0.5 + confidence / 2)) * se
    return mean, se, mean - half, mean + half
