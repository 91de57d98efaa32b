"""The binormal ROC curve of ordered ratings by maximum likelihood (Dorfman and Alf): a smooth curve through the points
of a rating scale, with the area under it."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.graded.checks import check_confidence, check_ratings
from turing.stats.nothing import nans

STEPS = 200
LARGEST_A, LARGEST_LOG_B = 15.0, 5.0  # beyond these no set of ratings that people give has its maximum
ROOT_2PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True, eq=False)
class BinormalFit:
    """TPF = Phi(a + b Phi^-1(FPF)). NaN wherever a value does not exist; `reason` then says why.

    `low`, `high` are of the area, made on the scale of Phi^-1(area), so they stay inside (0, 1).
    """

    n_cases: int
    n_controls: int
    n_categories: int  # after steps that only one class used, side by side, are put together (see `fit_binormal`)
    a: float  # distance of the means in standard deviations of the cases
    b: float  # standard deviation of the controls divided by that of the cases; 1: a symmetric curve
    se_a: float
    se_b: float
    covariance_ab: float
    auc: float
    se_auc: float
    low: float
    high: float
    loglik: float
    misfit: float  # likelihood ratio statistic against a model that fits every count
    misfit_df: int  # 0: the curve goes through every point by construction
    misfit_p: float  # NaN where an expected count is below 1 (many steps, few ratings): chi-square is no guide there
    thresholds: np.ndarray = field(repr=False)  # on the scale where controls are standard normal
    confidence: float = 0.95
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.auc)

    def true_positive(self, false_positive: ArrayLike) -> np.ndarray:
        """The fitted curve at shares of controls called a case."""
        with np.errstate(invalid="ignore"):
            return special.ndtr(self.a + self.b * special.ndtri(np.asarray(false_positive, dtype=float)))


def fit_binormal(cases: ArrayLike, controls: ArrayLike, *, confidence: float = 0.95) -> BinormalFit:
    """Binormal ROC curve of ordered ratings by maximum likelihood.

    Behind the ratings lies a normal variable, N(0, 1) for controls and N(a / b, 1 / b^2) for cases, cut at thresholds
    t_1 < ... < t_(K-1)::

        P(rating <= k | control) = Phi(t_k),    P(rating <= k | case) = Phi(b t_k - a),    AUC = Phi(a / sqrt(1 + b^2))

    The multinomial likelihood in (a, log b, t) is maximised by Fisher scoring with step halving; standard errors are
    those of the observed information at the maximum (Dorfman and Alf took the expected one, mostly a little larger).
    Neighbouring ratings of which each was given to one and the same class only are put together first: that changes no
    estimate and no standard error (Metz, Herman and Shen), and lets ratings of 0 to 100 be fitted as they are.

    Parameters
    ----------
    cases : ratings of the class that should be rated high; `controls` : of the other. Only their order matters.
    confidence : of the area's interval, in (0, 1).

    Returns
    -------
    BinormalFit : undefined, with a reason, when a class is empty; all ratings are equal; fewer than three categories
        are left (one point fits a curve of any slope); the classes are separated without overlap (AUC 1 or 0); the
        points lie on a "degenerate" curve of horizontal and vertical lines, which fits exactly with b = 0 or b
        infinite; or the search does not converge.

    Raises
    ------
    ValueError : ratings that are not finite, or a confidence out of range.

    References
    ----------
    Dorfman DD, Alf E. J Math Psychol 1969;6:487-496. Metz CE, Herman BA, Shen JH. Stat Med 1998;17:1033-1053
    (categories put together). Metz CE. Invest Radiol 1989;24:234-245 (degenerate data). Same as Stata ``rocfit``; no
    function of base R or pROC does it (pROC's ``smooth(method = "binormal")`` is a regression, not this likelihood).
    """
    high, low = check_ratings(cases, controls)
    check_confidence(confidence)
    if not len(high) or not len(low):
        return _undefined(len(high), len(low), 0, confidence, "ratings of both kinds of images are needed")
    counts = _categories(high, low)
    if reason := _reason_against(counts):
        return _undefined(len(high), len(low), counts.shape[1], confidence, reason)
    found = _maximise(counts)
    if isinstance(found, str):
        return _undefined(len(high), len(low), counts.shape[1], confidence, found)
    return _result(counts, *found, confidence)


def _categories(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Counts (2, K) of controls and cases per category, rising; pure neighbours of one class put together."""
    levels = np.unique(np.concatenate([high, low]))
    counts = np.stack([(values[:, None] == levels).sum(axis=0) for values in (low, high)]).astype(float)
    kind = np.where(counts[0] == 0, 1, np.where(counts[1] == 0, 0, -1))  # -1: both classes
    starts = np.r_[True, (kind[1:] != kind[:-1]) | (kind[1:] == -1)]
    return np.add.reduceat(counts, np.flatnonzero(starts), axis=1)


def _reason_against(counts: np.ndarray) -> str:
    if counts.shape[1] == 1:
        return "all ratings are equal: there is no curve"
    points = 1 - np.cumsum(counts, axis=1)[:, :-1] / counts.sum(axis=1, keepdims=True)
    false_positive, true_positive = np.round(points, 12)
    inside_f = (false_positive > 0) & (false_positive < 1)
    inside_t = (true_positive > 0) & (true_positive < 1)
    if not (inside_f | inside_t).any() and counts.shape[1] == 2:
        return "the ratings separate the two kinds of images without overlap: a and the area have no finite estimate"
    if counts.shape[1] == 2:
        return "the ratings give one operating point only, which does not tell the slope of the curve"
    if len(np.unique(true_positive[inside_f])) <= 1 or len(np.unique(false_positive[inside_t])) <= 1:
        return (
            "degenerate data: a curve of horizontal and vertical lines goes through every point, so b has no finite "
            "estimate above 0; use the empirical area"
        )
    return ""


def _maximise(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | str:
    """(a, log b, thresholds) at the maximum, its expected information, and the log likelihood; or why there is none."""
    parameters = _start(counts)
    value, score, information = _likelihood(counts, parameters)
    for _ in range(STEPS):
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return "the likelihood is flat: the ratings do not determine the curve"
        gain = float(step @ score)
        if gain < 1e-18 * (1 + abs(value)) or gain < 1e-20:
            return _at_maximum(counts, parameters, value)
        scale = 1.0
        while True:
            moved = parameters + scale * step
            if (np.diff(moved[2:]) > 0).all():
                new = _likelihood(counts, moved)
                if new[0] >= value or gain * scale < 1e-12 * (1 + abs(value)):
                    break
            scale /= 2
            if scale < 1e-10:
                return "the search for the maximum of the likelihood did not converge"
        parameters, (value, score, information) = moved, new
        if abs(parameters[0]) > LARGEST_A or abs(parameters[1]) > LARGEST_LOG_B:
            return "the estimates grow without end (degenerate data); use the empirical area"
    return _at_maximum(counts, parameters, value) if gain < 1e-10 else "the search for the maximum did not converge"


def _at_maximum(counts: np.ndarray, parameters: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray, float] | str:
    information = _observed_information(counts, parameters)
    if np.linalg.eigvalsh(information)[0] <= 0:
        return "the likelihood is flat: the ratings do not determine the curve"
    return parameters, information, value


def _start(counts: np.ndarray) -> np.ndarray:
    """Straight line through the points on the scale of Phi^-1, half an image added where a share is 0 or 1."""
    total = counts.sum(axis=1, keepdims=True)
    below = (np.cumsum(counts, axis=1)[:, :-1] + 0.5) / (total + 1)
    z0, z1 = special.ndtri(below)
    z0 = np.maximum.accumulate(z0 + 1e-6 * np.arange(len(z0)))
    slope = float(np.clip(np.polyfit(z0, z1, 1)[0], 0.2, 5)) if np.ptp(z0) > 1e-3 else 1.0
    return np.r_[slope * z0.mean() - z1.mean(), math.log(slope), z0]


def _likelihood(counts: np.ndarray, parameters: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    a, b, cuts = parameters[0], math.exp(parameters[1]), parameters[2:]
    n_cuts = len(cuts)
    of_cases = b * cuts - a
    value, score, information = 0.0, np.zeros(n_cuts + 2), np.zeros((n_cuts + 2, n_cuts + 2))
    for count, ends, by in zip(counts, (cuts, of_cases), _slopes(cuts, b), strict=True):
        share, slope = _shares(ends, by * _density(ends)[:, None])
        value += float(count @ np.log(share))
        score += (count / share) @ slope
        information += count.sum() * (slope.T / share) @ slope
    return value, score, information


def _observed_information(counts: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Minus the second derivative of the log likelihood by (a, log b, t)."""
    a, b, cuts = parameters[0], math.exp(parameters[1]), parameters[2:]
    n_cuts = len(cuts)
    information = np.zeros((n_cuts + 2, n_cuts + 2))
    for which, (count, ends, by) in enumerate(zip(counts, (cuts, b * cuts - a), _slopes(cuts, b), strict=True)):
        share, slope = _shares(ends, by * _density(ends)[:, None])
        information += (slope.T * (count / share**2)) @ slope
        pull = -np.diff(count / share) * _density(ends)  # d log likelihood / d end
        information += (by.T * (pull * ends)) @ by
        if which == 1:  # the ends of the cases are not linear in log b
            information[1, 1] -= float(pull @ (b * cuts))
            information[1, 2:] -= pull * b
            information[2:, 1] -= pull * b
    return information


def _slopes(cuts: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the ends of controls (t) and of cases (b t - a) by (a, log b, t)."""
    n_cuts = len(cuts)
    of_controls, of_cases = np.zeros((n_cuts, n_cuts + 2)), np.zeros((n_cuts, n_cuts + 2))
    of_controls[:, 2:] = np.eye(n_cuts)
    of_cases[:, 0], of_cases[:, 1] = -1, b * cuts
    of_cases[:, 2:] = b * np.eye(n_cuts)
    return of_controls, of_cases


def _shares(ends: np.ndarray, by_cumulative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the categories, and their derivatives from those of the cumulative shares."""
    edge = np.zeros((1, by_cumulative.shape[1]))
    return np.maximum(_between(ends), 1e-300), np.diff(np.concatenate([edge, by_cumulative, edge]), axis=0)


def _density(ends: np.ndarray) -> np.ndarray:
    return np.exp(-(ends**2) / 2) / ROOT_2PI


def _between(ends: np.ndarray) -> np.ndarray:
    """Phi differences between neighbouring ends, -inf and inf added, without loss in the upper tail."""
    left, right = np.r_[-np.inf, ends], np.r_[ends, np.inf]
    upper = left > 0
    return np.where(upper, special.ndtr(-left) - special.ndtr(-right), special.ndtr(right) - special.ndtr(left))


def _result(
    counts: np.ndarray, parameters: np.ndarray, information: np.ndarray, value: float, confidence: float
) -> BinormalFit:
    a, b = float(parameters[0]), math.exp(parameters[1])
    scale = np.array([1.0, b])  # from log b to b
    covariance = np.linalg.inv(information)[:2, :2] * np.outer(scale, scale)
    root = math.sqrt(1 + b * b)
    distance = a / root
    by = np.array([1 / root, -a * b / root**3])
    se_distance = math.sqrt(float(by @ covariance @ by))
    z = float(special.ndtri(0.5 + confidence / 2))
    total = counts.sum(axis=1, keepdims=True)
    misfit = max(2 * float(special.xlogy(counts, counts / total).sum() - value), 0.0)
    df = counts.shape[1] - 3
    cuts = parameters[2:]
    fewest = min(float(n * _between(ends).min()) for n, ends in zip(total[:, 0], (cuts, b * cuts - a), strict=True))
    return BinormalFit(
        n_cases=int(total[1, 0]),
        n_controls=int(total[0, 0]),
        n_categories=counts.shape[1],
        a=a,
        b=b,
        se_a=math.sqrt(covariance[0, 0]),
        se_b=math.sqrt(covariance[1, 1]),
        covariance_ab=float(covariance[0, 1]),
        auc=float(special.ndtr(distance)),
        se_auc=math.exp(-(distance**2) / 2) / ROOT_2PI * se_distance,
        low=float(special.ndtr(distance - z * se_distance)),
        high=float(special.ndtr(distance + z * se_distance)),
        loglik=value,
        misfit=misfit,
        misfit_df=df,
        misfit_p=float(special.chdtrc(df, misfit)) if df > 0 and fewest >= 1 else math.nan,
        thresholds=parameters[2:],
        confidence=confidence,
    )


def _undefined(n_cases: int, n_controls: int, n_categories: int, confidence: float, reason: str) -> BinormalFit:
    numbers = (
        "a",
        "b",
        "se_a",
        "se_b",
        "covariance_ab",
        "auc",
        "se_auc",
        "low",
        "high",
        "loglik",
        "misfit",
        "misfit_p",
    )
    return BinormalFit(
        n_cases=n_cases,
        n_controls=n_controls,
        n_categories=n_categories,
        **nans(*numbers),
        misfit_df=0,
        thresholds=np.zeros(0),
        confidence=confidence,
        reason=reason,
    )
