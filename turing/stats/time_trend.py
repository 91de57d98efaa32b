"""Learning and fatigue: reading time and correctness along the session, by mixed models, with and without outliers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from turing.stats.mixed import LinearFit, LogisticFit, fit_linear, fit_logistic
from turing.stats.times import Outliers, check_times

UNIT = 100.0  # positions that a coefficient is for
NAMES = ("(Intercept)", "position")


@dataclass(frozen=True)
class Trend:
    """Effects of 100 images further on in the session. A model that could not be set up is None; its `..._reason` says
    why. A fitted one may still be "not estimable", with its own reason."""

    n_answers: int
    time: LinearFit | None  # log(t + 1) ~ position + (1 | image) + (1 | reader)
    time_reason: str
    time_curved: LinearFit | None  # the same with position^2: fast learning, then fatigue
    correct: LogisticFit | None  # correct ~ position + (1 | image) + (1 | reader)
    correct_reason: str
    notes: tuple[str, ...] = ()

    @property
    def time_ratio(self) -> float:
        """exp(coefficient): (t + 1) at a position, over that 100 images earlier; NaN where not estimable."""
        return float(np.exp(self.time["position"].estimate)) if self.time is not None else float("nan")


@dataclass(frozen=True)
class TrendSensitivity:
    """The same models with every time, and without the answers whose time is an outlier."""

    outliers: Outliers
    with_all: Trend
    without_outliers: Trend | None  # None: no answer is marked, so it would be the same


def position_trend(
    seconds: ArrayLike,
    correct: ArrayLike,
    position: ArrayLike,
    image: ArrayLike,
    reader: ArrayLike,
    *,
    confidence: float = 0.95,
) -> Trend:
    """Linear mixed model of log(time + 1) and logistic mixed model of correctness on the position in the session.

    The covariate is (position - 1) / 100, so the intercept is the first image; in the curved model it is centred first.

    Parameters
    ----------
    seconds : reading times, NaN where not measured (left out of the time models only).
    correct : 1, 0 or NaN (not answered; left out of the logistic model only).
    position : 1-based place of the image in the reader's own order; NaN where not known (left out).
    image, reader : labels.

    Raises
    ------
    ValueError : lengths that differ, a time that is not possible, or a position below 1.

    References
    ----------
    The models are those of `turing.stats.mixed`: R ``lmerTest::lmer(log(seconds + 1) ~ position + (1 | image) + (1 |
    reader))`` and ``lme4::glmer(correct ~ position + (1 | image) + (1 | reader), family = binomial)``.
    """
    times, right, place = check_times(seconds), np.asarray(correct, dtype=float), np.asarray(position, dtype=float)
    images, readers = np.asarray(image), np.asarray(reader)
    if len({len(part) for part in (times, right, place, images, readers)}) > 1:
        raise ValueError("seconds, correct, position, image and reader must have one value per answer each")
    if (place < 1).any():
        raise ValueError(f"position {place[place < 1][0]:g} is not possible: positions count from 1")
    known = ~np.isnan(place)
    timed, answered = known & ~np.isnan(times), known & ~np.isnan(right)
    steps = (place - 1) / UNIT
    time, curved, correctness = None, None, None
    time_reason, correct_reason = _reason_against(steps[timed]), _reason_against(steps[answered])
    if not time_reason:
        time, curved = (
            fit_linear(
                np.log1p(times[timed]), columns, images[timed], readers[timed], names=names, confidence=confidence
            )
            for columns, names in _designs(steps[timed])
        )
    if not correct_reason:
        correctness = fit_logistic(
            right[answered],
            _designs(steps[answered])[0][0],
            images[answered],
            readers[answered],
            names=NAMES,
            confidence=confidence,
        )
    return Trend(
        n_answers=int(known.sum()),
        time=time,
        time_reason=time_reason,
        time_curved=curved,
        correct=correctness,
        correct_reason=correct_reason,
        notes=_notes(place[known], images[known], readers[known], int((~known).sum())),
    )


def trend_sensitivity(
    seconds: ArrayLike,
    correct: ArrayLike,
    position: ArrayLike,
    image: ArrayLike,
    reader: ArrayLike,
    *,
    outliers: Outliers,
    confidence: float = 0.95,
) -> TrendSensitivity:
    """`position_trend` of all answers, and of those whose time no rule marks (`outliers`, of the same answers)."""
    columns = [np.asarray(part) for part in (seconds, correct, position, image, reader)]
    kept = ~outliers.marked
    if kept.shape != columns[0].shape:
        raise ValueError(f"outliers are of {len(kept)} answers and seconds has {len(columns[0])}: the same are needed")
    return TrendSensitivity(
        outliers=outliers,
        with_all=position_trend(*columns, confidence=confidence),
        without_outliers=None
        if kept.all()
        else position_trend(*(part[kept] for part in columns), confidence=confidence),
    )


def _designs(steps: np.ndarray) -> list[tuple[np.ndarray, tuple[str, ...]]]:
    ones, centred = np.ones(len(steps)), steps - steps.mean()
    return [
        (np.column_stack([ones, steps]), NAMES),
        (np.column_stack([ones, centred, centred**2]), (*NAMES, "position squared")),
    ]


def _reason_against(steps: np.ndarray) -> str:
    if len(steps) < 5:
        return "there are fewer than 5 answers with a position"
    if len(np.unique(steps)) < 3:
        return "fewer than 3 different positions: there is no trend to fit"
    return ""


def _notes(place: np.ndarray, image: np.ndarray, reader: np.ndarray, n_unknown: int) -> tuple[str, ...]:
    notes = []
    if n_unknown:
        notes.append(f"{n_unknown} answers have no position and were left out.")
    _, codes = np.unique(image, return_inverse=True)
    n_readers = len(np.unique(reader))
    if place.size and n_readers > 1:
        count = np.bincount(codes)
        spread = np.bincount(codes, place**2) / count - (np.bincount(codes, place) / count) ** 2
        if (spread < 1e-6).all():
            notes.append(
                "All readers saw the images in the same order, so the effect of the position cannot be told from which "
                "images stood where: only the spread between images guards against mistaking the one for the other."
            )
    return tuple(notes)
