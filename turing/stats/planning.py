"""Planning a reader study: what R readers and N images will be able to show, by simulating and analysing it many times.

Each simulated study goes through the same fitter and the same intervals as a real one. Nothing here knows of pages or
jobs; `progress` and `abort` are for them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from turing.stats.agreement import fleiss_kappa
from turing.stats.mixed.layout import check_design, make_grid
from turing.stats.mixed.logistic import LogisticFit, LogisticModel, fit_logistic_model
from turing.stats.mixed.threads import with_one_blas_thread
from turing.stats.small_sample import marginal_accuracy, small_sample_interval

INTERCEPT, MORE = "(Intercept)", "more"
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
MOST_ANSWERS = 500_000  # of one simulated study


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What is expected of readers and images, and what is to be shown.

    The defaults are what Jang 2023 (Sci Rep 13:2356) found with six readers and 200 radiographs: 67 and 70 % right
    answers in its two tests, odds ratios of 6.5 and 1.7 for the more experienced, and standard deviations between
    readers of 0.4 and 1.0 (our fits to the counts of its tables 1 and 2). `sd_image` cannot be had from counts; 0.5 is
    on the careful side: it gives a kappa of 0.15, where the paper printed 0.10.

    Raises
    ------
    ValueError : a value out of range, which is named.
    """

    accuracy: float = 0.67  # share of right answers, all readers together; between 0 and 1
    odds_ratio: float | None = 2.0  # of a right answer, second group against the first; None: one group of readers
    share_second_group: float = 0.5  # of the readers
    sd_reader: float = 0.4  # between readers of a group, on the logit scale
    sd_image: float = 0.5  # between images, likewise
    share_synthetic: float = 0.5  # of the images
    accuracy_if_equivalent: float = 0.5  # where the power of the equivalence test is asked
    margin: float = 0.1  # of that test: an accuracy of 0.5 -+ margin counts as chance
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name in ("accuracy", "share_second_group", "share_synthetic", "accuracy_if_equivalent"):
            _check(name, getattr(self, name), 0, 1)
        _check("confidence", self.confidence, 0.5, 1)
        _check("margin", self.margin, 0, 0.5)
        if self.odds_ratio is not None:
            _check("odds_ratio", self.odds_ratio, 0, 1000)
        for name in ("sd_reader", "sd_image"):
            value = getattr(self, name)
            if not 0 <= value <= 5:
                raise ValueError(f"{name} = {value} is out of range: 0 to 5 on the logit scale")


@dataclass(frozen=True)
class MonteCarlo:
    """A number that was simulated, and its Monte Carlo standard error; NaN where no study gave one."""

    value: float
    error: float


@dataclass(frozen=True)
class PlannedDesign:
    """What `n_studies` simulated studies of one size showed. Powers are shares, 0 to 1.

    Where `reason` says why, group comparison or everything else is NaN.
    """

    n_readers: int
    n_second_group: int  # 0 where there are no groups
    n_images: int
    n_studies: int
    power_chance: MonteCarlo  # accuracy differs from 50 %, two-sided
    power_equivalence: MonteCarlo  # accuracy shown to be within 0.5 -+ margin
    power_group: MonteCarlo  # odds ratio differs from 1, two-sided
    accuracy_half_width: MonteCarlo  # mean half width of its interval
    odds_ratio_factor: MonteCarlo  # limits are the odds ratio divided and multiplied by this (geometric mean)
    kappa: MonteCarlo  # mean Fleiss kappa of the answers real / synthetic
    kappa_half_width: MonteCarlo
    n_not_estimable: int  # studies without a fit: they show nothing, and are left out of the widths
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """Result of `plan_study`."""

    assumptions: Assumptions
    seed: int
    designs: tuple[PlannedDesign, ...]
    is_complete: bool  # False when it was ended early: the designs done so far


@with_one_blas_thread
def plan_study(
    assumptions: Assumptions,
    *,
    readers: Sequence[int] = (4, 6, 8, 12),
    images: Sequence[int] = (100, 200, 400),
    n_studies: int = 500,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    abort: Callable[[], bool] | None = None,
) -> Plan:
    """Power and precision for every number of readers with every number of images.

    A study: logit P(right) = base + log(odds ratio) x group + N(0, sd_image^2) + N(0, sd_reader^2), every reader sees
    every image; base is such that the expected accuracy of all readers is `accuracy`. A wrong answer to a real image is
    "synthetic". Analysed as `small_sample_interval` and `marginal_accuracy` do (group in the model where there are
    groups), and `fleiss_kappa`. A second study, with `accuracy_if_equivalent` and an odds ratio of 1, asks for
    equivalence: whether the interval at 1 - 2 alpha lies within 0.5 -+ margin (two one-sided tests).

    Parameters
    ----------
    assumptions : checked.
    readers, images : sizes to be crossed; at least 2 each; at most 500,000 answers in one study.
    n_studies : simulated per size, at least 20.
    seed : 0 or more; a size has its own stream, so that it gives the same numbers in any grid.
    progress : called with (studies done, studies altogether) after each study.
    abort : asked before each study; True ends early with the sizes done.

    Raises
    ------
    ValueError : a size or number out of range.
    """
    check_sizes(readers, images, n_studies, seed)
    sizes = [(n_readers, n_images) for n_images in images for n_readers in readers]
    designs: list[PlannedDesign] = []
    for n_readers, n_images in sizes:
        collected = _Collected(assumptions, n_readers, n_images, np.random.default_rng((seed, n_readers, n_images)))
        for study in range(n_studies):
            if abort is not None and abort():
                return Plan(assumptions, seed, tuple(designs), False)
            collected.add_study()
            if progress is not None:
                progress(len(designs) * n_studies + study + 1, len(sizes) * n_studies)
        designs.append(collected.summarise())
    return Plan(assumptions, seed, tuple(designs), True)


class _Collected:
    """Simulates and analyses studies of one size, and keeps what is counted."""

    def __init__(self, assumptions: Assumptions, n_readers: int, n_images: int, generator: np.random.Generator) -> None:
        self.assumptions, self.n_images, self.generator = assumptions, n_images, generator
        self.group = np.zeros(n_readers)
        if assumptions.odds_ratio is not None:
            second = min(max(round(n_readers * assumptions.share_second_group), 1), n_readers - 1)
            self.group[n_readers - second :] = 1
        image, reader = np.repeat(np.arange(n_images), n_readers), np.tile(np.arange(n_readers), n_images)
        columns = [np.ones(len(reader)), self.group[reader]][: 2 if self.has_groups else 1]
        design = check_design(np.column_stack(columns), (INTERCEPT, MORE)[: len(columns)], len(reader))
        self.model = LogisticModel(np.zeros(len(reader)), design, make_grid(image, reader, len(reader)))
        self.effect = math.log(assumptions.odds_ratio) if assumptions.odds_ratio is not None else 0.0
        self.base = self._base(assumptions.accuracy, self.effect)
        self.base_if_equivalent = self._base(assumptions.accuracy_if_equivalent, 0.0)
        self.truth = np.arange(n_images) < round(n_images * assumptions.share_synthetic)
        self.rows: list[tuple[float, ...]] = []
        self.not_estimable = 0

    @property
    def has_groups(self) -> bool:
        return self.assumptions.odds_ratio is not None

    def _base(self, accuracy: float, effect: float) -> float:
        spread = math.hypot(self.assumptions.sd_reader, self.assumptions.sd_image)

        def excess(base: float) -> float:
            right = special.expit(base + effect * self.group[:, None] + spread * NODES) @ WEIGHTS
            return float(right.mean()) - accuracy

        return float(optimize.brentq(excess, -60 - abs(effect), 60 + abs(effect)))

    def _simulate(self, base: float, effect: float) -> np.ndarray:
        """1 for a right answer, (images, readers)."""
        images = self.generator.normal(0, self.assumptions.sd_image, self.n_images)
        readers = self.generator.normal(0, self.assumptions.sd_reader, len(self.group))
        eta = images[:, None] + (base + effect * self.group + readers)
        return (self.generator.random(eta.shape) < special.expit(eta)).astype(float)

    def _fit(self, right: np.ndarray) -> LogisticFit:
        return fit_logistic_model(self.model.with_answers(right.reshape(-1)), confidence=self.assumptions.confidence)

    def add_study(self) -> None:
        nan, settings = math.nan, self.assumptions
        right = self._simulate(self.base, self.effect)
        kappa = fleiss_kappa((self.truth[:, None] == (right == 1)).astype(int), confidence=settings.confidence)
        fit = self._fit(right)
        self.not_estimable += not fit.estimable
        accuracy = marginal_accuracy(fit)
        shows_accuracy = _excludes(accuracy.low, accuracy.high, 0.5)
        shows_group, group_width = nan, nan
        if self.has_groups:
            group = small_sample_interval(fit, term=MORE)
            shows_group, group_width = _excludes(group.low, group.high, 0), (group.high - group.low) / 2
        equal = self._fit(self._simulate(self.base_if_equivalent, 0.0))
        share = marginal_accuracy(equal, confidence=2 * settings.confidence - 1)
        is_within = share.low > 0.5 - settings.margin and share.high < 0.5 + settings.margin
        self.rows.append(
            (
                *(shows_accuracy, float(is_within), shows_group, (accuracy.high - accuracy.low) / 2, group_width),
                *(kappa.kappa, (kappa.high - kappa.low) / 2),
            )
        )

    def summarise(self) -> PlannedDesign:
        chance, equivalence, group, width, group_width, kappa, kappa_width = np.array(self.rows).T
        reason = self._reason()
        log_factor = _mean(group_width)
        factor = math.exp(log_factor.value)
        return PlannedDesign(
            n_readers=len(self.group),
            n_second_group=int(self.group.sum()),
            n_images=self.n_images,
            n_studies=len(self.rows),
            power_chance=_share(chance, reason),
            power_equivalence=_share(equivalence, reason),
            power_group=_share(group, reason if self.has_groups else "one group"),
            accuracy_half_width=_mean(width),
            odds_ratio_factor=MonteCarlo(factor, factor * log_factor.error),
            kappa=_mean(kappa),
            kappa_half_width=_mean(kappa_width),
            n_not_estimable=self.not_estimable,
            reason=reason,
        )

    def _reason(self) -> str:
        if len(self.group) > (2 if self.has_groups else 1):
            return ""
        return "two readers in two groups: no reader is left to show how much readers of one group differ"


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise ValueError(f"{name} = {value} is out of range: it must lie between {low} and {high}")


def check_sizes(readers: Sequence[int], images: Sequence[int], n_studies: int, seed: int) -> None:
    """Raises ValueError for what `plan_study` cannot simulate."""
    for what, sizes in (("readers", readers), ("images", images)):
        if not sizes:
            raise ValueError(f"{what} is empty: at least one number of {what} is needed")
        for size in sizes:
            if size != int(size) or size < 2:
                raise ValueError(f"{what} = {size}: whole numbers from 2 are needed")
    if max(readers) * max(images) > MOST_ANSWERS:
        raise ValueError(
            f"{max(readers)} readers x {max(images)} images are {max(readers) * max(images):,} answers: at most "
            f"{MOST_ANSWERS:,} can be simulated"
        )
    if n_studies < 20:
        raise ValueError(f"n_studies = {n_studies}: at least 20 are needed for a number with a Monte Carlo error")
    if seed < 0:
        raise ValueError(f"seed = {seed}: 0 or more is needed")


def _excludes(low: float, high: float, value: float) -> float:
    """1 where an interval exists and leaves the value outside."""
    return float(low > value or high < value)


def _share(shown: np.ndarray, reason: str) -> MonteCarlo:
    """A share with the standard deviation of its Jeffreys posterior, which is not 0 where the share is 0 or 1."""
    if reason:
        return MonteCarlo(math.nan, math.nan)
    n, k = len(shown), float(shown.sum())
    a, b = k + 0.5, n - k + 0.5
    return MonteCarlo(k / n, math.sqrt(a * b / ((n + 1) ** 2 * (n + 2))))


def _mean(values: np.ndarray) -> MonteCarlo:
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return MonteCarlo(math.nan, math.nan)
    return MonteCarlo(float(finite.mean()), float(finite.std(ddof=1) / math.sqrt(len(finite))))
