"""The best multiple K of synthetic images, found by a sliding window (Kong 2022, "optimal multiple").

K = 1, 2, 3, ... are tried in turn. The search stops at the first K with K - argmax(metric of 1..K) >= window, where of
equal values the smallest K is the argmax; that argmax is the best K. Kong et al. had their optimum at 14 and stopped at
26, with a window of 12. The metric is measured on the *tuning* set: a K that was chosen on the test set would make the
test too kind. Each K is trained with several seeds, and the mean decides.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from classification.cnn.config import METRIC_NAMES, SweepSettings
from classification.cnn.measures.auc import delong_area
from classification.cnn.measures.predictions import Predictions
from classification.cnn.training import TUNING

# of one K and seed: metric -> value, by name of the set
Measured = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """All metrics of one K with one seed, on the tuning set and every test set. NaN where one does not exist."""

    k: int
    seed: int
    measured: Measured

    def to_dict(self) -> dict[str, object]:
        """JSON-able; NaN is None."""
        measured = {
            name: {metric: None if math.isnan(value) else value for metric, value in values.items()}
            for name, values in self.measured.items()
        }
        return {"k": self.k, "seed": self.seed, "measured": measured}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "SweepPoint":
        stored: dict[str, dict[str, float | None]] = values["measured"]  # type: ignore[assignment]
        measured = {
            name: {metric: math.nan if value is None else value for metric, value in each.items()}
            for name, each in stored.items()
        }
        return cls(k=int(values["k"]), seed=int(values["seed"]), measured=measured)  # type: ignore[call-overload]


@dataclass(frozen=True, kw_only=True)
class SweepCurve:
    """One metric of one set against K; over seeds."""

    k: tuple[int, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]  # with n - 1; NaN for one seed


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """What was found. `best_k_by_seed` is what each seed alone would have chosen from the same values of K."""

    metric: str
    window: int
    best_k: int
    last_k: int
    stopped_by_window: bool  # False: the largest K, or the end of the synthetic images, came first
    best_k_by_seed: Mapping[int, int]
    points: tuple[SweepPoint, ...] = field(repr=False)

    def curve(self, set_name: str, metric: str) -> SweepCurve:
        return sweep_curve(self.points, set_name, metric)

    @property
    def words(self) -> str:
        """For a results page."""
        why = (
            f"it stopped at K = {self.last_k}, {self.window} after the best"
            if self.stopped_by_window
            else f"it ended at K = {self.last_k} before {self.window} values in a row were no better: a larger K may "
            "be better still"
        )
        each = sorted(self.best_k_by_seed.values())
        alone = f"K from {each[0]} to {each[-1]}" if each[0] != each[-1] else f"the same K = {each[0]}"
        seeds = "" if len(each) < 2 else f" Single repetitions would have chosen {alone}."
        return f"Best K = {self.best_k} by {METRIC_NAMES[self.metric]} on the tuning set; {why}.{seeds}"


def find_best(values: Sequence[float], *, window: int) -> tuple[int, bool]:
    """(best K, whether to stop) after `values`, those of K = 1, 2, ..., len(values). Missing values (NaN) never win.

    Raises ValueError without a single value that exists.
    """
    found = np.asarray(values, dtype=np.float64)
    if not np.isfinite(found).any():
        raise ValueError(
            "The metric does not exist for any K: the tuning set needs images of both classes, and more of them"
        )
    best = int(np.argmax(np.where(np.isnan(found), -np.inf, found))) + 1
    return best, len(found) - best >= window


def run_sweep(
    train_at: Callable[[int], Sequence[Measured] | None],
    *,
    settings: SweepSettings,
    seeds: Sequence[int],
    points: Sequence[SweepPoint] = (),
    most_k: int | None = None,
    save: Callable[[tuple[SweepPoint, ...]], None] | None = None,
    progress: Callable[[int, int, SweepOutcome], None] | None = None,
) -> SweepOutcome | None:
    """Try K after K until the window closes; None when `train_at` was stopped.

    Parameters
    ----------
    train_at : K -> what was measured with each of `seeds`, in their order; None: stopped.
    points : of an earlier attempt, which `save` was given; whole values of K are taken over, not trained again.
    most_k : the largest K for which there are synthetic images; None: no limit but that of the settings.
    progress : (K done, the K at which it will stop if nothing better comes, outcome so far) after every K.

    Raises ValueError when the metric exists for no K, or there are synthetic images for no K.
    """
    largest = settings.largest_k if most_k is None else min(settings.largest_k, most_k)
    if largest < 1:
        raise ValueError("There are not enough synthetic images for K = 1. Make more of every class")
    known = {(point.k, point.seed): point for point in points}
    done: list[SweepPoint] = []
    for k in range(1, largest + 1):
        own = [known[k, seed] for seed in seeds if (k, seed) in known]
        if len(own) < len(seeds):
            measured = train_at(k)
            if measured is None:
                return None
            own = [SweepPoint(k=k, seed=seed, measured=one) for seed, one in zip(seeds, measured, strict=True)]
            if save:
                save((*done, *own))
        done += own
        outcome = _outcome(done, settings, seeds)
        if progress:
            progress(k, min(largest, outcome.best_k + settings.window), outcome)
        if outcome.stopped_by_window:
            break
    return outcome


def sweep_curve(points: Sequence[SweepPoint], set_name: str, metric: str) -> SweepCurve:
    """Mean and SD over seeds; a seed without a value is left out, NaN where none has one."""
    by_k: dict[int, list[float]] = {}
    for point in points:
        by_k.setdefault(point.k, []).append(point.measured[set_name][metric])
    each = {k: np.array([value for value in values if math.isfinite(value)]) for k, values in sorted(by_k.items())}
    return SweepCurve(
        k=tuple(each),
        mean=tuple(float(values.mean()) if len(values) else math.nan for values in each.values()),
        sd=tuple(float(values.std(ddof=1)) if len(values) > 1 else math.nan for values in each.values()),
    )


def point_metrics(predictions: Predictions, *, threshold: float) -> dict[str, float]:
    """Every metric of `classification.cnn.config.METRICS`, without intervals; NaN where one does not exist."""
    called = predictions.called_positive(threshold)
    truth = predictions.is_positive
    tp, fn = int((called & truth).sum()), int((~called & truth).sum())
    fp, tn = int((called & ~truth).sum()), int((~called & ~truth).sum())
    sensitivity, specificity = _share(tp, tp + fn), _share(tn, tn + fp)
    return {
        "auc": delong_area(predictions).auc,
        "accuracy": _share(tp + tn, len(predictions)),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _share(tp, tp + fp),
        "npv": _share(tn, tn + fn),
        "f1": _share(2 * tp, 2 * tp + fp + fn),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _outcome(points: Sequence[SweepPoint], settings: SweepSettings, seeds: Sequence[int]) -> SweepOutcome:
    means = sweep_curve(points, TUNING, settings.metric).mean
    best, stop = find_best(means, window=settings.window)
    by_seed = {}
    for seed in seeds:
        own = [point.measured[TUNING][settings.metric] for point in points if point.seed == seed]
        if np.isfinite(own).any():
            by_seed[seed] = find_best(own, window=settings.window)[0]
    return SweepOutcome(
        metric=settings.metric,
        window=settings.window,
        best_k=best,
        last_k=len(means),
        stopped_by_window=stop,
        best_k_by_seed=by_seed,
        points=tuple(points),
    )
