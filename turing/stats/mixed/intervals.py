"""Intervals for a coefficient of a logistic mixed model that do not rest on the curvature at the maximum: profile
likelihood and parametric bootstrap. With few readers neither holds: `turing.stats.small_sample` has one that does."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from turing.stats.mixed.laplace import LaplacePoint
from turing.stats.mixed.layout import check_confidence, check_design
from turing.stats.mixed.logistic import LARGEST_SD, LogisticFit, LogisticModel, exp_or_infinity, fit_logistic_model
from turing.stats.mixed.newton import Minimum, find_minimum
from turing.stats.mixed.remarks import Remark
from turing.stats.mixed.threads import with_one_blas_thread

FARTHEST = 40.0  # standard errors from the estimate; a profile that is still open there counts as open
PROFILE_STEPS = 60
PROFILE_TOLERANCE = 1e-8  # of the signed root of the deviance's increase


@dataclass(frozen=True)
class Interval:
    """Limits of a log odds ratio and of the odds ratio; a limit that does not exist is infinite."""

    name: str
    kind: str
    confidence: float
    low: float
    high: float
    warnings: tuple[Remark, ...] = ()

    @property
    def or_low(self) -> float:
        return exp_or_infinity(self.low)

    @property
    def or_high(self) -> float:
        return exp_or_infinity(self.high)


@with_one_blas_thread
def profile_interval(fit: LogisticFit, name: str, *, confidence: float | None = None) -> Interval:
    """Profile likelihood interval of one coefficient.

    With d(b) the deviance minimised over everything else, standard deviations too, while the coefficient is held at b,
    the limits are where the signed root sign(b - estimate) sqrt(d(b) - d(estimate)) is -+ the normal quantile, that is
    where the deviance is one chi-square quantile above its minimum. By the envelope theorem d'(b) is the partial
    derivative at the minimum, so the roots are found by Newton's method on the signed root, which is almost straight.

    Parameters
    ----------
    fit : of `fit_logistic`.
    name : of the coefficient.
    confidence : that of the fit when left out.

    Returns
    -------
    Interval : NaN where the fit is not estimable; a limit is infinite, with the warning `profile-open`, where the
        profile does not rise high enough, and NaN with `profile-failed` where a search does not converge.

    Notes
    -----
    Matches R's ``confint(glmer(...), method = "profile")``.

    References
    ----------
    Venzon DJ, Moolgavkar SH. Appl Stat 1988;37:87-94. Bates D et al. J Stat Softw 2015;67(1), section 5.1.
    """
    confidence = fit.confidence if confidence is None else check_confidence(confidence)
    position = find_coefficient(fit, name)
    if fit.minimum is None:
        return Interval(name, "profile", confidence, math.nan, math.nan)
    profile = _Profile(fit, position)
    quantile = float(special.ndtri(0.5 + confidence / 2))
    (low, remarks_low), (high, remarks_high) = profile.limit(-quantile), profile.limit(quantile)
    return Interval(name, "profile", confidence, low, high, tuple(dict.fromkeys(remarks_low + remarks_high)))


class _Profile:
    """The deviance as a function of one coefficient, which is the last orthogonal one of a design in that order."""

    def __init__(self, fit: LogisticFit, position: int) -> None:
        names = fit.model.design.names
        order = [column for column in range(len(names)) if column != position] + [position]
        design = check_design(fit.model.design.matrix[:, order], [names[column] for column in order], fit.n_answers)
        self.model = LogisticModel(fit.model.y, design, fit.model.grid)
        self.unit = float(design.back[-1, -1])  # the coefficient is this times the last orthogonal one
        beta = np.array([fit.coefficients[column].estimate for column in order])
        start = np.r_[fit.sd_image, fit.sd_reader, np.linalg.solve(design.back, beta)]
        self.best = self.model.deviance(start)
        self.estimate, self.se = fit.coefficients[position].estimate, fit.coefficients[position].se
        self.free = np.ones(len(start), bool)
        self.free[-1] = False

    def limit(self, wanted: float) -> tuple[float, tuple[Remark, ...]]:
        """The coefficient at which the signed root is `wanted`."""
        value, point = self.estimate + wanted * self.se, self.best
        inside, outside = self.estimate, math.copysign(math.inf, wanted)
        for _ in range(PROFILE_STEPS):
            found = self._minimum(value, point)
            if not found.converged:
                return math.nan, (_failed("a search for the minimum did not converge", wanted),)
            point = found.point
            root = math.copysign(math.sqrt(max(point.value - self.best.value, 0.0)), wanted)
            if abs(root - wanted) < PROFILE_TOLERANCE:
                return value, ()
            if abs(root) < abs(wanted):
                inside = value
            else:
                outside = value
            slope = float(point.gradient[-1]) / self.unit / (2 * root) if root else 0.0
            value = self._next(value, wanted - root, slope, inside, outside)
            if abs(value - self.estimate) > FARTHEST * self.se:
                return math.copysign(math.inf, wanted), (_open(wanted),)
        return math.nan, (_failed("the limit was not found", wanted),)

    def _next(self, value: float, missing: float, slope: float, inside: float, outside: float) -> float:
        """Newton's step where it stays between what is known to be inside and outside, else a safe one."""
        longest = max(2 * self.se, abs(value - self.estimate))
        step = missing / slope if slope > 0 else math.copysign(longest, missing)
        proposed = value + math.copysign(min(abs(step), longest), step)
        low, high = min(inside, outside), max(inside, outside)
        if low < proposed < high:
            return proposed
        return (inside + outside) / 2 if math.isfinite(outside) else inside + math.copysign(longest, outside)

    def _minimum(self, value: float, near: LaplacePoint) -> Minimum[LaplacePoint]:
        start = np.r_[near.parameters[:-1], value / self.unit]
        return find_minimum(self.model.deviance, start, n_even=2, free=self.free, near=near, largest=2 * LARGEST_SD)


def _open(wanted: float) -> Remark:
    side = "lower" if wanted < 0 else "upper"
    return Remark("profile-open", f"The likelihood stays high however far one goes: there is no finite {side} limit.")


def _failed(what: str, wanted: float) -> Remark:
    side = "lower" if wanted < 0 else "upper"
    return Remark("profile-failed", f"The {side} limit of the profile likelihood could not be computed: {what}.")


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Refits to studies simulated from a fit. NaN where a simulated study had no finite estimate."""

    name: str
    estimate: float  # of the study itself
    se: float
    estimates: np.ndarray  # log odds ratio, one per simulated study
    ses: np.ndarray
    sds: np.ndarray  # (studies, 2): images, readers

    @property
    def n_estimable(self) -> int:
        return int(np.isfinite(self.estimates).sum())

    def interval(self, kind: str, *, confidence: float = 0.95) -> Interval:
        """Interval of the log odds ratio from the simulated studies, those without an estimate left out and counted.

        With q the quantiles of the simulated estimates b* (or of t* = (b* - estimate) / se*)::

            percentile    q_low, q_high
            basic         2 estimate - q_high, 2 estimate - q_low
            studentised   estimate - q_high(t*) se, estimate - q_low(t*) se

        Raises
        ------
        ValueError : an unknown kind.

        References
        ----------
        Davison AC, Hinkley DV. Bootstrap Methods and their Application. Cambridge 1997, section 5.2.
        """
        check_confidence(confidence)
        tails = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
        used = np.isfinite(self.estimates)
        estimates, ses = self.estimates[used], self.ses[used]
        if kind not in ("percentile", "basic", "studentised"):
            raise ValueError(f"kind = '{kind}' is not known: percentile, basic or studentised")
        if not used.any():
            low = high = math.nan
        elif kind == "percentile":
            low, high = np.quantile(estimates, tails)
        elif kind == "basic":
            low, high = 2 * self.estimate - np.quantile(estimates, tails[::-1])
        else:
            low, high = self.estimate - self.se * np.quantile((estimates - self.estimate) / ses, tails[::-1])
        return Interval(self.name, kind, confidence, float(low), float(high), self._warnings(used))

    def _warnings(self, used: np.ndarray) -> tuple[Remark, ...]:
        if used.all():
            return ()
        text = f"{int((~used).sum())} of {len(used)} simulated studies had no finite estimate and were left out."
        return (Remark("simulated-not-estimable", text),)


@with_one_blas_thread
def bootstrap_coefficient(
    fit: LogisticFit,
    name: str,
    *,
    n_studies: int = 1000,
    seed: int | np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
    abort: Callable[[], bool] | None = None,
) -> Bootstrap:
    """Parametric bootstrap of one coefficient: new readers, new images and new answers from the fitted model, refitted.

    Parameters
    ----------
    fit : of `fit_logistic`; must be estimable.
    name : of the coefficient.
    n_studies : simulated studies, at least 1.
    seed : or a generator; the same seed gives the same studies.
    progress : called with (done, n_studies) after each study.
    abort : asked before each study; True ends early with the studies done.

    Raises
    ------
    ValueError : a fit without estimates, or n_studies below 1.

    Notes
    -----
    Matches R's ``bootMer(fit, ..., use.u = FALSE, type = "parametric")``.
    """
    position = find_coefficient(fit, name)
    if fit.minimum is None:
        raise ValueError(f"This fit has no estimates ({fit.reason}): there is nothing to simulate from")
    if n_studies < 1:
        raise ValueError(f"n_studies = {n_studies}: at least 1 is needed")
    generator = np.random.default_rng(seed)
    estimates, ses, sds = np.full(n_studies, np.nan), np.full(n_studies, np.nan), np.full((n_studies, 2), np.nan)
    done = 0
    for study in range(n_studies):
        if abort is not None and abort():
            break
        answers = simulate_answers(fit.model, fit.minimum.parameters, generator)
        refit = fit_logistic_model(fit.model.with_answers(answers), start=fit.minimum.parameters)
        estimates[study], ses[study] = refit.coefficients[position].estimate, refit.coefficients[position].se
        sds[study] = refit.sd_image, refit.sd_reader
        done = study + 1
        if progress is not None:
            progress(done, n_studies)
    own = fit.coefficients[position]
    return Bootstrap(name, own.estimate, own.se, estimates[:done], ses[:done], sds[:done])


def simulate_answers(model: LogisticModel, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """0/1 answers of new readers about new images, in the rows of `model`.

    `parameters`: standard deviations of images and readers, then the coefficients of the orthogonal columns.
    """
    _, n_images, n_readers = model.grid.shape
    images = parameters[0] * generator.standard_normal(n_images)
    readers = parameters[1] * generator.standard_normal(n_readers)
    effects = np.broadcast_to(images[:, None] + readers, model.grid.shape).reshape(-1)[model.grid.place]
    eta = model.design.orthogonal @ parameters[2:] + effects
    return (generator.random(len(eta)) < special.expit(eta)).astype(float)


def find_coefficient(fit: LogisticFit, name: str) -> int:
    """Position of the coefficient of that name.

    Raises
    ------
    ValueError : there is none.
    """
    names = fit.model.design.names
    if name not in names:
        raise ValueError(f"There is no coefficient '{name}': {', '.join(names)}")
    return names.index(name)
