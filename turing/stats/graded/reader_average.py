"""The area under the ROC curve averaged over readers, with readers and images both random: unbiased variance by
U-statistics ("one-shot", Gallas; iMRMC). The same for shares of right answers of pairs or classes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.graded.checks import check_confidence, check_tables
from turing.stats.nothing import nans

BLOCK = 4_000_000  # numbers held at once while pairs of images are gone through
NO_READER_SPREAD = (
    "The variance between readers is estimated below 0: they differ less than chance alone would make them. The "
    "interval for other readers then comes out narrower than the one for these readers, which cannot be true: use the "
    "wider one."
)


@dataclass(frozen=True)
class Components:
    """Variance of one kernel value (one reader, one image of each class), split; unbiased, so some may be below 0.

    For shares of right answers there is one kind of image: `real`, `reader_real` and `residual` are used, others are 0.
    """

    reader: float
    real: float
    synthetic: float
    real_synthetic: float
    reader_real: float
    reader_synthetic: float
    residual: float  # reader x real x synthetic


@dataclass(frozen=True)
class ReaderAverage:
    """Average over readers. NaN wherever a value does not exist; `reason` then says why.

    The interval is for other readers of the same kind and other images of the same kind (Student's t with `df`).
    `se_images` treats these very readers as fixed: it is for the same readers on other images.
    """

    n_readers: int
    n_real: int
    n_synthetic: int
    estimate: float  # mean of the readers' values
    se: float
    df: float
    low: float  # cut at 0
    high: float  # cut at 1
    p_half: float  # two-sided test against 0.5
    se_images: float
    low_images: float
    high_images: float
    moments: tuple[float, ...]  # M1 ... M8 of Gallas 2006; of shares M1 ... M4
    coefficients: tuple[float, ...]
    components: Components | None
    confidence: float
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.estimate)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.low)


def average_area(cases: ArrayLike, controls: ArrayLike, *, confidence: float = 0.95) -> ReaderAverage:
    """Reader-averaged AUC with an unbiased estimate of its variance over readers and images.

    Kernel s[r, i, j] = 1, 1/2 or 0 where reader r rates case j above, like or below control i; w[r, i, j] = its weight
    (1 / readers / pairs of that reader), A = sum w s. Products of two kernel values are sorted by what they share::

        M1 reader, control, case   M2 reader, control   M3 reader, case   M4 reader only
        M5 control, case           M6 control           M7 case           M8 nothing

    M_k is the mean over all such products there are, so it is unbiased, and with c_k the sum of w w' of kind k::

        var(A) = sum_k c_k M_k - M8

    For one reader M5 to M8 do not exist: only `se_images` is given then, which is DeLong's variance less MS / (m n),
    with MS the residual mean square of the kernel's table. Degrees of freedom (Satterthwaite over the three main
    components, as iMRMC's "BDG"), with V_x the component of x from moments that include the shared terms, d_x = n_x - 1
    each::

        df = var(A)^2 / sum_x V_x^2 / d_x^3,   not below min(d_x)

    Parameters
    ----------
    cases : ratings (m, readers) of the class that should be rated high; `controls` (n, readers). NaN: not rated; a
        reader may have rated some images only (arbitrary designs), all readers count alike.
    confidence : in (0, 1).

    Returns
    -------
    ReaderAverage : undefined, with a reason, when no reader rated both classes (readers without are left out and said);
        without an interval for one reader, a single image of a class, or a variance that is estimated as 0 or below.

    Raises
    ------
    ValueError : tables of different readers, or an infinite rating.

    References
    ----------
    Gallas BD. Acad Radiol 2006;13:353-362. Gallas BD, Bandos A, Samuelson FW, Wagner RF. Commun Stat Theory Methods
    2009;38:2586-2603 (components, eq. 19). Gallas BD, Brown DG. Neural Netw 2008;21:387-397 (arbitrary designs). For
    complete designs as iMRMC ``doIMRMC`` (R package iMRMC); with missing ratings iMRMC weighs pairs, we weigh readers.
    """
    high, low = check_tables(cases, controls)
    check_confidence(confidence)
    rated = ~(np.isnan(high).all(axis=0) | np.isnan(low).all(axis=0))
    notes = _note_on_left_out(int((~rated).sum()), high.shape[1])
    high, low = high[:, rated], low[:, rated]
    high, low = high[~np.isnan(high).all(axis=1)], low[~np.isnan(low).all(axis=1)]
    sizes = (high.shape[1], len(low), len(high))
    if not sizes[0]:
        reason = "no reader rated images of both kinds"
        return _undefined((0, len(low), len(high)), math.nan, math.nan, confidence, reason, notes)
    values, counts = _products_of_pairs(high, low)
    return _average(values, counts, sizes, confidence, notes)


def average_share(correct: ArrayLike, *, confidence: float = 0.95) -> ReaderAverage:
    """Reader-averaged share of right answers with an unbiased variance over readers and images.

    The kernel is one answer (1 right, 0 wrong); products share reader and image (M1), reader (M2), image (M3), nothing
    (M4). For pairs (two-alternative forced choice) the share is the area under the ROC curve (the area theorem), so
    this is the analysis that belongs to `average_area`.

    Parameters
    ----------
    correct : (images, readers), 1, 0 or NaN (no answer).

    Raises
    ------
    ValueError : not two-dimensional, or another value.

    References
    ----------
    Gallas BD, Pennello GA, Myers KJ. J Opt Soc Am A 2007;24:B70-B80. As R iMRMC ``uStat11.conditionalD`` for the
    complete design; no R value was at hand.
    """
    table = np.asarray(correct, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"correct has {table.ndim} dimension(s); a table (images, readers) is needed")
    if not (np.isnan(table) | (table == 0) | (table == 1)).all():
        raise ValueError("correct must hold 1 (right), 0 (wrong) or NaN (no answer) only")
    check_confidence(confidence)
    answered = ~np.isnan(table).all(axis=0)
    notes = _note_on_left_out(int((~answered).sum()), table.shape[1])
    table = table[:, answered][~np.isnan(table[:, answered]).all(axis=1)]
    if not table.size:
        return _undefined((0, 0, 0), math.nan, math.nan, confidence, "there are no answers", notes)
    there = ~np.isnan(table)
    filled = np.where(there, table, 0.0)
    products = []
    for part in (filled, there.astype(float)):
        same, total = part.T @ part, part.sum(axis=0)
        products.append(np.stack([same, np.outer(total, total) - same]))
    return _average(products[0], products[1], (table.shape[1], len(table), 0), confidence, notes)


def _products_of_pairs(high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums (4, readers, readers) of products of kernel values that share both images, the control, the case, none; and
    how many products there are."""
    n_readers, m, n = high.shape[1], len(high), len(low)
    both = np.zeros((2, n_readers, n_readers))
    of_control, of_case = np.zeros((2, n, n_readers)), np.zeros((2, m, n_readers))
    step = max(1, BLOCK // (m * n_readers))
    for start in range(0, n, step):
        part = low[start : start + step]
        with np.errstate(invalid="ignore"):
            kernel = (high[None] > part[:, None]) + 0.5 * (high[None] == part[:, None])
        there = (~np.isnan(high)[None] & ~np.isnan(part)[:, None]).astype(float)
        for which, block in enumerate((kernel * there, there)):
            flat = block.reshape(-1, n_readers)
            both[which] += flat.T @ flat
            of_control[which, start : start + step] = block.sum(axis=1)
            of_case[which] += block.sum(axis=0)
    found = []
    for which in range(2):
        total = of_case[which].sum(axis=0)
        controls, cases = of_control[which].T @ of_control[which], of_case[which].T @ of_case[which]
        shared = both[which]
        none = np.outer(total, total) - controls - cases + shared
        found.append(np.stack([shared, controls - shared, cases - shared, none]))
    return found[0], found[1]


def _average(
    values: np.ndarray, counts: np.ndarray, sizes: tuple[int, int, int], confidence: float, notes: tuple[str, ...]
) -> ReaderAverage:
    """From sums of products by reader pair, (kinds, readers, readers), to the result."""
    n_readers, n_kinds = sizes[0], len(values)
    own = np.eye(n_readers, dtype=bool)
    per_reader = np.sqrt(np.diag(counts.sum(axis=0)))  # number of kernel values of each reader
    weight = 1 / (n_readers * per_reader)
    # sum of a reader's kernel values: products of all kinds within the reader are its square
    estimate = float((np.sqrt(np.maximum(np.diag(values.sum(axis=0)), 0)) * weight).sum())
    weights = np.outer(weight, weight)
    moments, coefficients = np.full(2 * n_kinds, math.nan), np.zeros(2 * n_kinds)
    for kind in range(n_kinds):
        for place, chosen in ((kind, own), (kind + n_kinds, ~own)):
            there = counts[kind][chosen].sum()
            coefficients[place] = (weights * counts[kind])[chosen].sum()
            if there > 0:
                moments[place] = values[kind][chosen].sum() / there
    se_images = _se_of_fixed_readers(values, counts, weights)
    if n_readers == 1:
        reason = "one reader does not show how readers differ; the interval is for this reader on other images"
        return _undefined(sizes, estimate, se_images, confidence, reason, notes, moments, coefficients)
    if np.isnan(moments).any():
        reason = "images or readers are too few, or share too little, for a variance (two of each are needed at least)"
        return _undefined(sizes, estimate, se_images, confidence, reason, notes, moments, coefficients)
    variance = float(coefficients @ moments - moments[-1])
    if variance < 1e-15:
        reason = "the variance is estimated as 0 or below (readers agree fully, or too little was read)"
        return _undefined(sizes, estimate, se_images, confidence, reason, notes, moments, coefficients)
    if se_images**2 > variance:
        notes = (*notes, NO_READER_SPREAD)
    degrees = _degrees_of_freedom(values, counts, coefficients, variance)
    se, quantile = math.sqrt(variance), float(special.stdtrit(degrees, 0.5 + confidence / 2))
    return ReaderAverage(
        n_readers=n_readers,
        n_real=sizes[1],
        n_synthetic=sizes[2],
        estimate=estimate,
        se=se,
        df=degrees,
        low=max(estimate - quantile * se, 0.0),
        high=min(estimate + quantile * se, 1.0),
        p_half=float(2 * special.stdtr(degrees, -abs(estimate - 0.5) / se)),
        se_images=se_images,
        **_fixed_interval(estimate, se_images, confidence),
        moments=tuple(moments.tolist()),
        coefficients=tuple(coefficients.tolist()),
        components=_components(moments),
        confidence=confidence,
        notes=notes,
    )


def _se_of_fixed_readers(values: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> float:
    """Over images only, reader pair by reader pair: sum of w w' (sum_k c_k M_k - M_last), all unbiased."""
    last = counts[-1]
    if (last <= 0).any():
        return math.nan
    unshared = values[-1] / last
    covariance = values.sum(axis=0) - counts.sum(axis=0) * unshared
    variance = float((weights * covariance).sum())
    return math.sqrt(variance) if variance > 1e-15 else math.nan


def _degrees_of_freedom(values: np.ndarray, counts: np.ndarray, coefficients: np.ndarray, variance: float) -> float:
    """Satterthwaite, from components made of moments that include the shared terms (Gallas et al. 2009)."""
    n_kinds = len(values)
    half = n_kinds // 2
    # sums over kinds: "same control" includes "same control and case", and so on; all readers include the same one
    including = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]] if n_kinds == 4 else [[1, 0], [1, 1]])
    wide_values, wide_counts = (np.tensordot(including, part, axes=1) for part in (values, counts))
    all_readers = wide_values.sum(axis=(1, 2)) / wide_counts.sum(axis=(1, 2))
    own = np.trace(wide_values[-1]) / np.trace(wide_counts[-1])
    parts = [(own - all_readers[-1], coefficients[:n_kinds].sum())]
    if n_kinds == 4:
        parts.append((all_readers[1] - all_readers[-1], coefficients[[0, 1, 4, 5]].sum()))
        parts.append((all_readers[2] - all_readers[-1], coefficients[[0, 2, 4, 6]].sum()))
    else:
        parts.append((all_readers[0] - all_readers[-1], coefficients[[0, half + 1]].sum()))
    degrees = [max(1 / share - 1, 1.0) for _, share in parts]
    below = sum(part**2 / df**3 for (part, _), df in zip(parts, degrees, strict=True))
    return float(max(variance**2 / below, min(degrees)) if below > 0 else min(degrees))


def _components(moments: np.ndarray) -> Components:
    if len(moments) == 4:
        m1, m2, m3, m4 = (float(value) for value in moments)
        return Components(m2 - m4, m3 - m4, 0.0, 0.0, m1 - m2 - m3 + m4, 0.0, 0.0)
    m1, m2, m3, m4, m5, m6, m7, m8 = (float(value) for value in moments)
    return Components(
        reader=m4 - m8,
        real=m6 - m8,
        synthetic=m7 - m8,
        real_synthetic=m5 - m6 - m7 + m8,
        reader_real=m2 - m4 - m6 + m8,
        reader_synthetic=m3 - m4 - m7 + m8,
        residual=m1 - m2 - m3 + m4 - m5 + m6 + m7 - m8,
    )


def _fixed_interval(estimate: float, se: float, confidence: float) -> dict[str, Any]:
    z = float(special.ndtri(0.5 + confidence / 2))
    if math.isnan(se):
        return {"low_images": math.nan, "high_images": math.nan}
    return {"low_images": max(estimate - z * se, 0.0), "high_images": min(estimate + z * se, 1.0)}


def _note_on_left_out(n_left_out: int, n_readers: int) -> tuple[str, ...]:
    if not n_left_out:
        return ()
    return (f"{n_left_out} of {n_readers} readers did not rate what is needed and were left out of the average",)


def _undefined(
    sizes: tuple[int, int, int],
    estimate: float,
    se_images: float,
    confidence: float,
    reason: str,
    notes: tuple[str, ...],
    moments: np.ndarray | None = None,
    coefficients: np.ndarray | None = None,
) -> ReaderAverage:
    return ReaderAverage(
        n_readers=sizes[0],
        n_real=sizes[1],
        n_synthetic=sizes[2],
        estimate=estimate,
        **nans("se", "df", "low", "high", "p_half"),
        se_images=se_images,
        **_fixed_interval(estimate, se_images, confidence),
        moments=() if moments is None else tuple(moments.tolist()),
        coefficients=() if coefficients is None else tuple(coefficients.tolist()),
        components=None,
        confidence=confidence,
        reason=reason,
        notes=notes,
    )
