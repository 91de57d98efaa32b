"""Intervals that hold with few readers: for a coefficient of a logistic mixed model, and for the accuracy that new
readers have with new images.

The usual (Wald) interval takes the estimated standard deviation between readers as if it were known. With six readers
it is not, and maximum likelihood makes it too small besides. Here the spread between readers is measured with its
degrees of freedom. `benchmarks/interval_coverage.py` measures how often these intervals hold the truth; the table, and
the other kinds that were tried, are in docs/statistics.md.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.mixed.intervals import find_coefficient
from turing.stats.mixed.laplace import Answers, LaplacePoint, laplace_deviance
from turing.stats.mixed.layout import check_confidence
from turing.stats.mixed.logistic import LogisticFit, exp_or_infinity
from turing.stats.mixed.threads import with_one_blas_thread

SCORING_STEPS = 3  # from the predicted readers to the maximum: each leaves about a tenth of what was missing
LEAST_RATIO = 0.1  # of q; readers who agree more closely than that do so by chance: 2 % of studies of 6 alike readers
NODES = 60  # of the Gauss-Hermite rule; more change nothing in 10 digits up to a standard deviation of 5
BETWEEN_READERS = "t on the spread between readers"
WALD = "Wald"


@dataclass(frozen=True, eq=False)
class ReaderSpread:
    """How much readers of one group differ, against how much the model expects them to.

    `ratio` is Knapp and Hartung's q: around 1 where the model's standard deviation between readers is right.
    """

    ratio: float
    df: int  # readers less the coefficients that are properties of readers
    intercepts: np.ndarray  # one per reader, as deviations from the model's fixed part
    covariance: np.ndarray  # of all coefficients: the part that comes from sampling readers and their answers
    is_of_reader: np.ndarray  # which coefficients are properties of readers


@dataclass(frozen=True)
class SmallSampleInterval:
    """Limits of a log odds ratio (or of an intercept: log odds). NaN where `reason` says why there are none."""

    term: str
    method: str
    confidence: float
    estimate: float
    se: float
    df: float
    p: float  # two-sided, against 0
    low: float
    high: float
    reason: str = ""

    @property
    def or_low(self) -> float:
        return exp_or_infinity(self.low)

    @property
    def or_high(self) -> float:
        return exp_or_infinity(self.high)


@dataclass(frozen=True)
class MarginalAccuracy:
    """Expected share of right answers of readers and images like these, with its limits, all in 0 .. 1."""

    method: str
    confidence: float
    estimate: float
    low: float
    high: float
    se_logit: float  # standard error of the estimate's logit
    df: float
    reason: str = ""

    def compute_p(self, value: float, *, alternative: str = "two-sided") -> float:
        """p of the t test, on the logit scale, that the accuracy is `value`.

        Parameters
        ----------
        value : in (0, 1).
        alternative : `two-sided`, `greater` (the accuracy is above value) or `less`.

        Raises
        ------
        ValueError : a value outside of (0, 1), or an unknown alternative.
        """
        if not 0 < value < 1:
            raise ValueError(f"value = {value} is out of range: an accuracy between 0 and 1 is needed")
        t = float(special.logit(self.estimate) - special.logit(value)) / self.se_logit
        if alternative == "two-sided":
            return float(2 * special.stdtr(self.df, -abs(t)))
        if alternative not in ("greater", "less"):
            raise ValueError(f"alternative = '{alternative}' is not known: two-sided, greater or less")
        return float(special.stdtr(self.df, -t if alternative == "greater" else t))


@with_one_blas_thread
def small_sample_interval(fit: LogisticFit, *, term: str, confidence: float | None = None) -> SmallSampleInterval:
    """Interval of one coefficient that holds with few readers.

    For a property of readers (their group) and for the intercept: Student's t with the spread between readers, as
    Knapp and Hartung do for studies of a meta-analysis. a_r is the intercept of reader r, estimated without shrinkage;
    Sigma = sd_reader^2 I + (its sampling covariance), X the readers' covariates (R x p)::

        q    = r' inv(Sigma) r / (R - p),    r = a - X (X' inv(Sigma) X)^-1 X' inv(Sigma) a
        se^2 = q V_readers + V_rest,         V_readers + V_rest = the model's variance
        df   = se^4 / ((q V_readers)^2 / (R - p) + V_rest^2 / (images - 1))

    q is not taken below 0.1: with readers who happen to agree to the last answer the interval would have no width.
    For a group V_rest is almost 0, so df = R - p; for the intercept it is what images contribute. With equally many
    answers per reader, q V_readers does not depend on the estimated sd_reader at all: it is the variance between the
    readers' intercepts, as in a two-sample t test of readers.

    A covariate that changes within readers (position, class) keeps the Wald interval: what it rests on are answers, of
    which there are many. Readers are taken to vary equally in every group.

    Parameters
    ----------
    fit : of `fit_logistic`.
    term : name of the coefficient.
    confidence : that of the fit when left out.

    Returns
    -------
    SmallSampleInterval : NaN, with a reason, where the fit is not estimable or no reader is left to compare.

    Raises
    ------
    ValueError : an unknown term, or a confidence outside of (0, 1).

    Notes
    -----
    As R's ``metafor::rma(a, v, mods = ~ group, tau2 = sd_reader^2, test = "knha")``, but for the whole sampling
    covariance of the readers in the place of its diagonal v.

    References
    ----------
    Hartung J, Knapp G. Stat Med 2001;20:3875-3889. Knapp G, Hartung J. Stat Med 2003;22:2693-2710. Satterthwaite FE.
    Biometrics Bull 1946;2:110-114.
    """
    position = find_coefficient(fit, term)
    confidence = fit.confidence if confidence is None else check_confidence(confidence)
    own, nan = fit.coefficients[position], math.nan
    if not fit.estimable:
        return SmallSampleInterval(term, BETWEEN_READERS, confidence, nan, nan, nan, nan, nan, nan, fit.reason)
    if not _is_of_reader(fit)[position]:
        half = float(special.ndtri(0.5 + confidence / 2)) * own.se
        low, high = own.estimate - half, own.estimate + half
        return SmallSampleInterval(term, WALD, confidence, own.estimate, own.se, math.inf, own.p, low, high)
    spread = measure_reader_spread(fit)
    if spread.df < 1:
        reason = _too_few(fit)
        return SmallSampleInterval(term, BETWEEN_READERS, confidence, own.estimate, nan, 0, nan, nan, nan, reason)
    direction = np.zeros(len(fit.coefficients))
    direction[position] = 1
    se, df = _combine(spread, direction, own.se**2, fit.n_images)
    half = float(special.stdtrit(df, 0.5 + confidence / 2)) * se
    p = float(2 * special.stdtr(df, -abs(own.estimate / se)))
    low, high = own.estimate - half, own.estimate + half
    return SmallSampleInterval(term, BETWEEN_READERS, confidence, own.estimate, se, df, p, low, high)


@with_one_blas_thread
def marginal_accuracy(
    fit: LogisticFit, *, at: ArrayLike | None = None, confidence: float | None = None
) -> MarginalAccuracy:
    """Share of right answers that new readers have with new images, and its interval.

        accuracy = mean over x of E[logistic(x beta + e)],   e ~ N(0, sd_image^2 + sd_reader^2)

    by Gauss-Hermite quadrature. Its variance by the delta method from the joint covariance of standard deviations and
    coefficients; the part that comes from readers is replaced by their measured spread as in `small_sample_interval`.
    The limits are symmetric on the logit scale.

    Parameters
    ----------
    fit : of `fit_logistic`, of right (1) and wrong (0) answers.
    at : rows of covariates (m, p) to average over, or one row (p,); the study's own answers when left out.
    confidence : that of the fit when left out. For an equivalence test at level alpha: 1 - 2 alpha.

    Returns
    -------
    MarginalAccuracy : NaN, with a reason, where the fit is not estimable or no reader is left to compare.

    Raises
    ------
    ValueError : rows of another length than the coefficients, or a confidence outside of (0, 1).

    References
    ----------
    Zeger SL, Liang KY, Albert PS. Biometrics 1988;44:1049-1060 (from conditional to marginal). Knapp and Hartung 2003.
    """
    confidence = fit.confidence if confidence is None else check_confidence(confidence)
    rows = np.atleast_2d(fit.model.design.matrix if at is None else np.asarray(at, float))
    if rows.ndim != 2 or rows.shape[1] != len(fit.coefficients):
        raise ValueError(f"at has shape {rows.shape}; rows of {len(fit.coefficients)} covariates are needed")
    nan = math.nan
    if fit.minimum is None:
        return MarginalAccuracy(BETWEEN_READERS, confidence, nan, nan, nan, nan, nan, fit.reason)
    estimate, by_sd, by_beta = _marginal_moments(fit, rows)
    spread = measure_reader_spread(fit)
    if spread.df < 1:
        return MarginalAccuracy(BETWEEN_READERS, confidence, estimate, nan, nan, nan, 0, _too_few(fit))
    slope = np.r_[by_sd, fit.model.design.back.T @ by_beta]
    free = np.r_[fit.minimum.parameters[:2] > 0, np.ones(len(by_beta), bool)]
    covariance = 2 * np.linalg.inv(fit.minimum.hessian[np.ix_(free, free)])
    variance = float(slope[free] @ covariance @ slope[free])
    se, df = _combine(spread, by_beta, variance, fit.n_images)
    se_logit = se / (estimate * (1 - estimate))
    half = float(special.stdtrit(df, 0.5 + confidence / 2)) * se_logit
    low, high = special.expit(special.logit(estimate) + np.array([-half, half]))
    return MarginalAccuracy(BETWEEN_READERS, confidence, estimate, float(low), float(high), se_logit, df)


def measure_reader_spread(fit: LogisticFit) -> ReaderSpread:
    """Knapp and Hartung's q of a fit; formulas in `small_sample_interval`.

    The readers' intercepts are estimated without shrinkage, images staying random: scoring steps on Laplace's
    likelihood with one free intercept per reader, from the predicted readers. A reader who is always right has no
    finite maximum; after the steps his intercept is large but finite.

    Raises
    ------
    ValueError : a fit without estimates.
    """
    start = fit.minimum
    if start is None:
        raise ValueError(f"This fit has no estimates ({fit.reason}): its readers cannot be compared")
    sd_image, sd_reader = start.parameters[:2]
    fixed = start.answers.x @ start.parameters[2:]
    intercepts = sd_reader * start.u2
    for _ in range(SCORING_STEPS):
        point = _with_reader_intercepts(start, fixed, intercepts)
        information = np.diag(point.w2) - sd_image**2 * (point.cells.T / point.d1) @ point.cells
        sampling = np.linalg.inv(information)
        intercepts = intercepts - sampling @ point.reader_slope / 2
    n_readers = len(intercepts)
    is_of_reader = _is_of_reader(fit)
    x = np.empty((n_readers, int(is_of_reader.sum())))
    x[fit.model.grid.reader_of_row] = fit.model.design.matrix[:, is_of_reader]
    precision = np.linalg.inv(sd_reader**2 * np.eye(n_readers) + sampling)
    weights = np.linalg.solve(x.T @ precision @ x, x.T @ precision)
    rest = intercepts - x @ (weights @ intercepts)
    df = n_readers - x.shape[1]
    ratio = float(rest @ precision @ rest) / df if df else math.nan
    covariance = np.zeros((len(is_of_reader), len(is_of_reader)))
    own = (weights * (sd_reader**2 + 1 / point.w2)) @ weights.T  # given the images
    covariance[np.ix_(is_of_reader, is_of_reader)] = own
    return ReaderSpread(ratio, df, intercepts, covariance, is_of_reader)


def _with_reader_intercepts(start: LaplacePoint, fixed: np.ndarray, intercepts: np.ndarray) -> LaplacePoint:
    """Laplace's deviance with sd_image as it is, no reader variance and these intercepts as an offset."""
    grid = start.answers.grid
    offset = (fixed.reshape(grid.shape) + intercepts) * (1 if grid.weight is None else grid.weight)
    answers = Answers(grid, start.answers.y, offset.reshape(-1, 1))
    return laplace_deviance(answers, np.array([start.parameters[0], 0.0, 1.0]))


def _is_of_reader(fit: LogisticFit) -> np.ndarray:
    """Which columns of the design are the same in all answers of each reader."""
    matrix, reader = fit.model.design.matrix, fit.model.grid.reader_of_row
    of_reader = np.empty((fit.n_readers, matrix.shape[1]))
    of_reader[reader] = matrix
    return (matrix == of_reader[reader]).all(axis=0)


def _combine(spread: ReaderSpread, direction: np.ndarray, model_variance: float, n_images: int) -> tuple[float, float]:
    """Standard error and degrees of freedom of a combination of coefficients."""
    expected = float(direction @ spread.covariance @ direction)
    readers, others = max(spread.ratio, LEAST_RATIO) * expected, max(model_variance - expected, 0.0)
    variance = readers + others
    return math.sqrt(variance), variance**2 / (readers**2 / spread.df + others**2 / (n_images - 1))


def _marginal_moments(fit: LogisticFit, rows: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Accuracy, and its derivatives by the standard deviations and by the coefficients."""
    distinct, count = np.unique(rows, axis=0, return_counts=True)
    share = count / count.sum()
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    sds = np.array([fit.sd_image, fit.sd_reader])
    eta = distinct @ [own.estimate for own in fit.coefficients]
    mu = special.expit(eta[:, None] + math.hypot(*sds) * nodes)
    slope = mu * (1 - mu)
    curve = share @ ((slope * (1 - 2 * mu)) @ weights)  # dE/dsd = sd E[logistic''], by Stein's identity
    return float(share @ (mu @ weights)), sds * curve, (share * (slope @ weights)) @ distinct


def _too_few(fit: LogisticFit) -> str:
    return (
        f"there are {fit.n_readers} readers for as many coefficients of readers: none is left to show how much readers "
        "of one group differ"
    )
