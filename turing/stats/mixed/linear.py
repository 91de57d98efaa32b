"""Linear mixed models with random intercepts of images and, where wanted, readers, by REML with Satterthwaite's degrees
of freedom, as R's ``lmerTest::lmer(y ~ ... + (1 | image) + (1 | reader))``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.mixed.layout import Design, check_answers, check_confidence, check_design, find_levels
from turing.stats.mixed.newton import Minimum, find_minimum
from turing.stats.mixed.remarks import SINGULAR, Remark, remarks_on_design
from turing.stats.mixed.reml import RemlPoint, Sums, sum_up
from turing.stats.mixed.threads import with_one_blas_thread

NO_SPREAD = 1e-20  # residual sum of squares, relative to the total one, that is rounding and nothing else


@dataclass(frozen=True)
class LinearCoefficient:
    """One fixed effect, with t test and interval on Satterthwaite's degrees of freedom."""

    name: str
    estimate: float
    se: float
    df: float
    t: float
    p: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Result of `fit_linear`. Where `estimable` is False every number is NaN and `reason` says why.

    `sd_reader` is NaN in a model without a reader effect (`has_reader_effect` False).
    """

    coefficients: tuple[LinearCoefficient, ...]
    covariance: np.ndarray
    sd_image: float
    sd_reader: float
    sd_residual: float
    reml_criterion: float  # -2 restricted log likelihood
    has_reader_effect: bool
    n_answers: int
    n_images: int
    n_readers: int
    confidence: float
    converged: bool
    n_iterations: int
    gradient_norm: float  # largest absolute derivative of the criterion by the relative standard deviations
    estimable: bool
    reason: str
    warnings: tuple[Remark, ...]
    design: Design = field(repr=False)

    @property
    def loglik(self) -> float:
        return -self.reml_criterion / 2

    def __getitem__(self, name: str) -> LinearCoefficient:
        """The coefficient of that name."""
        return self.coefficients[self.design.names.index(name)]


@with_one_blas_thread
def fit_linear(
    y: ArrayLike,
    design: ArrayLike,
    image: ArrayLike,
    reader: ArrayLike,
    *,
    names: Sequence[str],
    reader_effect: bool = True,
    confidence: float = 0.95,
) -> LinearFit:
    """Linear model with random intercepts of images and readers, by restricted maximum likelihood.

    y_k = x_k beta + b_image + c_reader + e_k, all three normal. The criterion of `reml.RemlPoint` is minimised over the
    relative standard deviations with its exact gradient and Hessian. Degrees of freedom of a coefficient with variance
    v = C_jj (Satterthwaite; Giesbrecht and Burns)::

        df = 2 v^2 / (g'A g),   g = dv / d(variance parameters),   A = 2 inv(Hessian of the REML deviance in them)

    both exact here (lmerTest differentiates numerically). A standard deviation at 0 takes no part, as in lmerTest,
    where its derivatives vanish.

    Parameters
    ----------
    y : outcome, such as log(seconds + 1), one per answer.
    design : (answers, coefficients), with its column of ones.
    image, reader : labels.
    names : of the columns of `design`.
    reader_effect : False for the model with images alone.
    confidence : of the intervals, in (0, 1).

    Returns
    -------
    LinearFit : not estimable, with a reason, for one reader, one image, as many images as answers, or an outcome that
        the covariates explain without a rest.

    Raises
    ------
    ValueError : values that are no numbers or missing, lengths that differ, columns that depend on each other.

    Notes
    -----
    Warnings: `singular-image`, `singular-reader`, `two-readers`, `one-reader-in-group`.

    Matches ``lmerTest::lmer(..., REML = TRUE)`` and its ``summary(ddf = "Satterthwaite")``.

    References
    ----------
    Bates D et al. J Stat Softw 2015;67(1). Kuznetsova A, Brockhoff PB, Christensen RHB. J Stat Softw 2017;82(13).
    Harville DA. J Am Stat Assoc 1977;72:320-338. Giesbrecht FG, Burns JC. Biometrics 1985;41:477-486.
    """
    outcome = check_answers(y)
    data = _LinearData(
        outcome,
        check_design(design, names, len(outcome)),
        *find_levels("image", image, len(outcome)),
        *find_levels("reader", reader, len(outcome)),
        reader_effect,
        check_confidence(confidence),
    )
    plain = data.design.orthogonal.T @ outcome / len(outcome)
    rest = outcome - data.design.orthogonal @ plain  # smaller numbers, less rounding
    spread = float(((outcome - outcome.mean()) ** 2).sum())
    if float(rest @ rest) <= NO_SPREAD * max(spread, float(outcome @ outcome)):
        return _not_estimable(data, "the covariates explain every value of y: there is no residual spread")
    if reason := _reason_against(data):
        return _not_estimable(data, reason)
    sums = sum_up(
        np.column_stack([data.design.orthogonal, rest]),
        data.image,
        data.reader if reader_effect else None,
        len(data.images),
        len(data.readers),
    )
    found = _search(sums, reader_effect)
    if not found.converged:
        return _not_estimable(data, "the search for the minimum of the REML criterion did not converge", found)
    return _result(data, found, plain)


@dataclass(frozen=True, eq=False)
class _LinearData:
    y: np.ndarray
    design: Design
    images: list
    image: np.ndarray  # codes
    readers: list
    reader: np.ndarray
    reader_effect: bool
    confidence: float

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return remarks_on_design(self.design, self.reader, len(self.readers)) if self.reader_effect else ()


def _reason_against(data: _LinearData) -> str:
    if len(data.images) < 2:
        return "there is only one image: a model with images as a random effect needs at least two"
    if len(data.images) == len(data.y):
        return "every image has one answer: differences between images cannot be told from the residual"
    if data.reader_effect and len(data.readers) < 2:
        return "there is only one reader: a model with readers as a random effect needs at least two"
    if data.reader_effect and len(data.readers) == len(data.y):
        return "every reader gave one answer: differences between readers cannot be told from the residual"
    return ""


def _search(sums: Sums, reader_effect: bool) -> Minimum[RemlPoint]:
    start = np.array([0.3, 0.5 if reader_effect else 0.0])
    free = np.array([True, reader_effect])
    return find_minimum(lambda parameters, _: RemlPoint(sums, parameters), start, n_even=2, free=free)


def _degrees_of_freedom(point: RemlPoint, back: np.ndarray) -> np.ndarray:
    """Satterthwaite's, in the parameters (r_j = t_j^2 for those above 0, log s^2); any others give the same at the
    optimum, where the gradient is 0."""
    active = np.flatnonzero(point.parameters > 0)
    traces2, forms2 = point.second
    _, forms = point.first
    n_active = len(active)
    hessian = np.empty((n_active + 1, n_active + 1))
    hessian[:-1, :-1] = (2 * forms2 / point.sigma2 - traces2)[np.ix_(active, active)]
    hessian[:-1, -1] = hessian[-1, :-1] = forms[active] / point.sigma2
    hessian[-1, -1] = point.degrees
    root = back @ point.unscaled
    by_ratio = [np.diag(root @ point.sides[j] @ root.T) for j in active]
    variance = np.diag(back @ point.unscaled @ back.T)
    by_parameter = np.stack([*by_ratio, variance])  # all divided by s^2
    return variance**2 / (by_parameter * np.linalg.solve(hessian, by_parameter)).sum(axis=0)


def _result(data: _LinearData, found: Minimum[RemlPoint], plain: np.ndarray) -> LinearFit:
    point, back = found.point, data.design.back
    # the criterion is of orthogonal columns: log det X'inv(V)X differs from that of the caller's by a constant
    shift = -2 * float(np.log(np.abs(np.diag(back))).sum())
    covariance = point.sigma2 * (back @ point.unscaled @ back.T)
    sigma = math.sqrt(point.sigma2)
    degrees = _degrees_of_freedom(point, back)
    values = zip(data.design.names, back @ (plain + point.beta), np.sqrt(np.diag(covariance)), degrees, strict=True)
    used = ("image", "reader") if data.reader_effect else ("image",)
    singular = tuple(SINGULAR[name] for name, t in zip(used, point.parameters, strict=False) if t == 0)
    return LinearFit(
        coefficients=tuple(
            _coefficient(name, float(estimate), float(se), float(df), data.confidence)
            for name, estimate, se, df in values
        ),
        covariance=covariance,
        sd_image=sigma * float(point.parameters[0]),
        sd_reader=sigma * float(point.parameters[1]) if data.reader_effect else math.nan,
        sd_residual=sigma,
        reml_criterion=point.value + shift,
        has_reader_effect=data.reader_effect,
        n_answers=len(data.y),
        n_images=len(data.images),
        n_readers=len(data.readers),
        confidence=data.confidence,
        converged=True,
        n_iterations=found.n_iterations,
        gradient_norm=float(np.abs(point.gradient).max()),
        estimable=True,
        reason="",
        warnings=data.remarks + singular,
        design=data.design,
    )


def _coefficient(name: str, estimate: float, se: float, df: float, confidence: float) -> LinearCoefficient:
    t, quantile = estimate / se, float(special.stdtrit(df, 0.5 + confidence / 2))
    return LinearCoefficient(
        name=name,
        estimate=estimate,
        se=se,
        df=df,
        t=t,
        p=float(2 * special.stdtr(df, -abs(t))),
        low=estimate - quantile * se,
        high=estimate + quantile * se,
    )


def _not_estimable(data: _LinearData, reason: str, found: Minimum[RemlPoint] | None = None) -> LinearFit:
    nan, n_coefficients = math.nan, len(data.design.names)
    return LinearFit(
        coefficients=tuple(LinearCoefficient(name, *[nan] * 7) for name in data.design.names),
        covariance=np.full((n_coefficients, n_coefficients), nan),
        sd_image=nan,
        sd_reader=nan,
        sd_residual=nan,
        reml_criterion=nan,
        has_reader_effect=data.reader_effect,
        n_answers=len(data.y),
        n_images=len(data.images),
        n_readers=len(data.readers),
        confidence=data.confidence,
        converged=False,
        n_iterations=found.n_iterations if found else 0,
        gradient_norm=float(np.abs(found.point.gradient).max()) if found else nan,
        estimable=False,
        reason=reason,
        warnings=data.remarks,
        design=data.design,
    )
