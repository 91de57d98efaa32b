"""Mixed-effect logistic regression with crossed random intercepts of images and readers, as R's
``lme4::glmer(correct ~ ... + (1 | image) + (1 | reader), family = binomial)``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.mixed.laplace import Answers, LaplacePoint, laplace_deviance
from turing.stats.mixed.layout import Design, Grid, check_answers, check_confidence, check_design, make_grid
from turing.stats.mixed.newton import Minimum, find_minimum
from turing.stats.mixed.remarks import SINGULAR, Remark, remarks_on_design
from turing.stats.mixed.separation import PlainFit, find_separation, fit_plain_logistic
from turing.stats.mixed.threads import with_one_blas_thread

LARGEST_SD = 30.0  # on the logit scale, where 5 already means odds of 1 : 150 for an ordinary image
FEW_ANSWERS = 3  # per image; with so few, the approximate likelihood may even have a second maximum far out


@dataclass(frozen=True)
class OddsCoefficient:
    """One fixed effect: log odds ratio with Wald test and interval, and the odds ratio."""

    name: str
    estimate: float
    se: float
    z: float
    p: float
    low: float
    high: float
    odds_ratio: float
    or_low: float
    or_high: float


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Checked data of a logistic mixed model."""

    y: np.ndarray  # one per answer
    design: Design
    grid: Grid

    @cached_property
    def x(self) -> np.ndarray:
        return self.grid.spread(self.design.orthogonal)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self.grid, self.grid.spread(self.y).reshape(self.grid.shape), self.x)

    def with_answers(self, y: np.ndarray) -> "LogisticModel":
        """The same study with other outcomes."""
        model = replace(self, y=y)
        model.__dict__["x"] = self.x
        return model

    def deviance(self, parameters: np.ndarray, near: LaplacePoint | None = None) -> LaplacePoint:
        return laplace_deviance(self.answers, parameters, near)


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Result of `fit_logistic`. Where `estimable` is False every number is NaN and `reason` says why."""

    coefficients: tuple[OddsCoefficient, ...]
    covariance: np.ndarray  # of the coefficients, standard deviations being estimated too
    sd_image: float  # on the logit scale
    sd_reader: float
    loglik: float
    n_answers: int
    n_images: int
    n_readers: int
    confidence: float
    converged: bool
    n_iterations: int
    gradient_norm: float  # largest absolute derivative of the deviance at the end
    estimable: bool
    reason: str
    warnings: tuple[Remark, ...]
    model: LogisticModel = field(repr=False)
    minimum: LaplacePoint | None = field(repr=False)

    def __getitem__(self, name: str) -> OddsCoefficient:
        """The coefficient of that name."""
        return self.coefficients[self.model.design.names.index(name)]


@with_one_blas_thread
def fit_logistic(
    y: ArrayLike,
    design: ArrayLike,
    image: ArrayLike,
    reader: ArrayLike,
    *,
    names: Sequence[str],
    confidence: float = 0.95,
) -> LogisticFit:
    """Logistic regression with random intercepts of images and readers, by maximum (Laplace) likelihood.

    logit P(y_k = 1) = x_k beta + b_image + c_reader, b ~ N(0, sd_image^2), c ~ N(0, sd_reader^2). The deviance of
    `laplace.laplace_deviance` is minimised over the standard deviations and beta jointly, with its exact gradient and
    Hessian H; the covariance of the estimates is 2 inv(H), of which beta's part is `covariance`. A standard deviation
    at 0 takes no part: there the cross derivatives are 0.

    Parameters
    ----------
    y : 0 or 1, one per answer.
    design : (answers, coefficients), with its column of ones; factors and interactions are the caller's columns.
    image, reader : labels; several answers of a reader to an image are allowed.
    names : of the columns of `design`.
    confidence : of the Wald intervals, in (0, 1).

    Returns
    -------
    LogisticFit : not estimable, with a reason, for equal answers, one reader, one image, complete or quasi-complete
        separation, or a standard deviation that grows without end.

    Raises
    ------
    ValueError : values that are no numbers, missing or not 0/1, lengths that differ, columns that depend on each other.

    Notes
    -----
    Warnings: `singular-image`, `singular-reader`, `two-readers`, `one-reader-in-group`, `few-answers-per-image`.

    Matches ``lme4::glmer(..., family = binomial, nAGQ = 1)`` with standard errors of ``vcov(use.hessian = TRUE)``, and
    ``glmmTMB(..., family = binomial)``; lme4's default settings stop a little early.

    References
    ----------
    Breslow NE, Clayton DG. J Am Stat Assoc 1993;88:9-25. Bates D et al. J Stat Softw 2015;67(1). Brooks ME et al.
    R Journal 2017;9:378-400 (glmmTMB).
    """
    outcome = check_answers(y)
    if not np.isin(outcome, (0, 1)).all():
        row = int(np.argmax(~np.isin(outcome, (0, 1))))
        raise ValueError(f"y is {outcome[row]:g} in row {row} (counted from 0): only 0 and 1 are answers")
    model = LogisticModel(outcome, check_design(design, names, len(outcome)), make_grid(image, reader, len(outcome)))
    return fit_logistic_model(model, confidence=check_confidence(confidence))


def fit_logistic_model(
    model: LogisticModel, *, confidence: float = 0.95, start: np.ndarray | None = None
) -> LogisticFit:
    """`fit_logistic` for data that were checked before, from given standard deviations and orthogonal coefficients."""
    plain = fit_plain_logistic(model.y, model.design.orthogonal)
    reason = _reason_against(model, plain)
    if reason:
        return _not_estimable(model, confidence, reason)
    if start is None:
        start = np.r_[_moment_sds(model, plain), plain.beta]
    found = find_minimum(model.deviance, start, n_even=2, largest=LARGEST_SD)
    if found.ran_away:
        which = ("image", "reader")[int(np.argmax(found.point.parameters[:2]))]
        reason = f"the standard deviation between {which}s grows without end (beyond {LARGEST_SD:g} on the logit scale)"
        return _not_estimable(model, confidence, reason, found)
    if not found.converged:
        return _not_estimable(model, confidence, "the search for the maximum of the likelihood did not converge", found)
    free = np.r_[found.point.parameters[:2] > 0, np.ones(len(plain.beta), bool)]
    curvature = found.point.hessian[np.ix_(free, free)]
    if np.linalg.eigvalsh(curvature)[0] <= 0:
        return _not_estimable(model, confidence, "the likelihood is flat at its maximum", found)
    return _result(model, confidence, found, 2 * np.linalg.inv(curvature)[-len(plain.beta) :, -len(plain.beta) :])


def _reason_against(model: LogisticModel, plain: PlainFit) -> str:
    """Why no finite estimate exists, empty where one may."""
    _, n_images, n_readers = model.grid.shape
    if n_readers < 2:
        return "there is only one reader: a model with readers as a random effect needs at least two"
    if n_images < 2:
        return "there is only one image: a model with images as a random effect needs at least two"
    if model.y.min() == model.y.max():
        return f"all answers are {model.y[0]:.0f}: there is nothing to explain"
    if plain.is_finite:
        return ""
    separation = find_separation(model.y, model.design)
    return "" if separation is None else str(separation)


def _moment_sds(model: LogisticModel, plain: PlainFit) -> np.ndarray:
    """Rough standard deviations to start from: what the sums of residuals of images, readers vary beyond chance."""
    sds = []
    rest = model.grid.spread(plain.rest).reshape(model.grid.shape).sum(axis=0)
    weight = model.grid.spread(plain.weight).reshape(model.grid.shape).sum(axis=0)
    for axis in (1, 0):
        rests, weights = rest.sum(axis=axis), weight.sum(axis=axis)
        sds.append(math.sqrt(max(float((rests**2 - weights).sum() / (weights**2).sum()), 0.01)))
    return np.clip(sds, 0.1, 1.5)


def _result(
    model: LogisticModel, confidence: float, found: Minimum[LaplacePoint], covariance: np.ndarray
) -> LogisticFit:
    back, point = model.design.back, found.point
    beta, covariance = back @ point.parameters[2:], back @ covariance @ back.T
    quantile = float(special.ndtri(0.5 + confidence / 2))
    warnings = list(remarks_on_design(model.design, model.grid.reader_of_row, model.grid.shape[2]))
    per_image = len(model.y) / model.grid.shape[1]
    if per_image <= FEW_ANSWERS:
        text = (
            f"There are {per_image:.2g} answers per image: with {FEW_ANSWERS} or fewer, Laplace's approximation is "
            "coarse, and the standard deviation between images may be far off."
        )
        warnings.append(Remark("few-answers-per-image", text))
    warnings += [remark for remark, sd in zip(SINGULAR.values(), point.parameters, strict=False) if sd == 0]
    return LogisticFit(
        coefficients=tuple(
            _coefficient(name, float(estimate), float(se), quantile)
            for name, estimate, se in zip(model.design.names, beta, np.sqrt(np.diag(covariance)), strict=True)
        ),
        covariance=covariance,
        sd_image=float(point.parameters[0]),
        sd_reader=float(point.parameters[1]),
        loglik=-point.value / 2,
        n_answers=len(model.y),
        n_images=model.grid.shape[1],
        n_readers=model.grid.shape[2],
        confidence=confidence,
        converged=True,
        n_iterations=found.n_iterations,
        gradient_norm=float(np.abs(point.gradient).max()),
        estimable=True,
        reason="",
        warnings=tuple(warnings),
        model=model,
        minimum=point,
    )


def _coefficient(name: str, estimate: float, se: float, quantile: float) -> OddsCoefficient:
    low, high = estimate - quantile * se, estimate + quantile * se
    return OddsCoefficient(
        name=name,
        estimate=estimate,
        se=se,
        z=estimate / se,
        p=float(2 * special.ndtr(-abs(estimate / se))),
        low=low,
        high=high,
        odds_ratio=exp_or_infinity(estimate),
        or_low=exp_or_infinity(low),
        or_high=exp_or_infinity(high),
    )


def exp_or_infinity(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


def _not_estimable(
    model: LogisticModel, confidence: float, reason: str, found: Minimum[LaplacePoint] | None = None
) -> LogisticFit:
    nan, n_coefficients = math.nan, len(model.design.names)
    return LogisticFit(
        coefficients=tuple(OddsCoefficient(name, *[nan] * 9) for name in model.design.names),
        covariance=np.full((n_coefficients, n_coefficients), nan),
        sd_image=nan,
        sd_reader=nan,
        loglik=nan,
        n_answers=len(model.y),
        n_images=model.grid.shape[1],
        n_readers=model.grid.shape[2],
        confidence=confidence,
        converged=False,
        n_iterations=found.n_iterations if found else 0,
        gradient_norm=float(np.abs(found.point.gradient).max()) if found else nan,
        estimable=False,
        reason=reason,
        warnings=remarks_on_design(model.design, model.grid.reader_of_row, model.grid.shape[2]),
        model=model,
        minimum=None,
    )
