"""Does synthetic data help? The experiments of Kong 2022 and Jang 2023: which images each trains on, and running them.

Kong et al. (Sci Rep 12:18118), all tested on the same internal and external test sets:

* OD: the original training images alone;
* GCB: and as many synthetic images as make the classes equally large (GAN-based class balancing);
* GCB+CDA: the same images, mirrored and turned (conventional data augmentation);
* GCB+OMGDA: GCB and K times as many synthetic images as GCB has images, the same number of every class; the best K is
  found by `classification.cnn.sweep`.

Jang et al. (Sci Rep 13:2356): real images against as many of which half of the abnormal ones were replaced by synthetic
ones, and a larger variant, on a fixed test set.

As many synthetic images as the largest K needs are drawn from the pool; in which order they are used is drawn for each
repetition. Those of a smaller K are among those of a larger one. All choices are made on the tuning set.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classification.cnn.arms import ExperimentData, Outcome, make_trainer, run_arm
from classification.cnn.backbones import Backbone
from classification.cnn.config import ClassifierConfig, JangSettings, SweepSettings
from classification.cnn.data import LabelledImages
from classification.cnn.sweep import SweepOutcome, SweepPoint, point_metrics, run_sweep
from classification.cnn.training import Progress

OD, GCB, CDA, OMGDA = "OD", "GCB", "GCB+CDA", "GCB+OMGDA"
VALUES_OF_K = "Looking for the best K"  # said after each K: how many were tried, of how many if none is better
REAL, MIXED, LARGER = "Real", "Real + synthetic", "Larger"


def run_kong(
    data: ExperimentData,
    *,
    backbone: Backbone,
    config: ClassifierConfig,
    sweep: SweepSettings,
    folder: Path,
    work: Path,
    writer: str,
    points: Sequence[SweepPoint] = (),
    save: Callable[[tuple[SweepPoint, ...]], None] | None = None,  # after every K; give it back as `points`
    curve: Callable[[SweepOutcome], None] | None = None,  # after every K: for a curve that grows while it runs
    progress: Progress | None = None,
    abort: Callable[[], bool] | None = None,
) -> Outcome | None:
    """The four experiments, each `sweep.seeds` times; None when `abort` said so.

    Repetitions have the seeds config.seed, config.seed + 1, ... With the same arguments a stopped run goes on where it
    was and gives the same bits: features are kept in `folder`, points of the sweep go through `save`. Raises ValueError
    when the pool has too few images of a class, naming it and how many there must be.
    """
    trainer = make_trainer(data, backbone, config, folder, work, writer, progress, abort)
    seeds = tuple(config.seed + number for number in range(sweep.seeds))
    most = synthetic_needed(data.train, sweep.largest_k)
    pool = [draw_pool(data.pool, seed=seed, first_seed=config.seed, most=most) for seed in seeds]
    most_k = largest_multiple(data.train, data.pool)
    if most_k < 1:
        raise ValueError(_too_few(data))
    arms = []
    for name, title, k, augmented in (
        (OD, "Original data", None, False),
        (GCB, "Classes balanced with synthetic images", 0, False),
        (CDA, "Balanced, then mirrored and turned", 0, True),
    ):
        arm = run_arm(trainer, data, kong_rows(data, pool, k=k), seeds, name=name, title=title, augmented=augmented)
        if arm is None:
            return None
        arms.append(arm)

    def train_at(k: int) -> list[dict[str, dict[str, float]]] | None:
        name = f"K={k}"
        trained = trainer.train(kong_rows(data, pool, k=k), seeds=seeds, name=name)
        if trained is None:
            return None
        trainer.forget(name)
        return [
            {
                set_name: point_metrics(trainer.predictions(one, set_name), threshold=sweep.threshold)
                for set_name in trainer.evaluated
            }
            for one in trained
        ]

    def say(k: int, end: int, outcome: SweepOutcome) -> None:
        if curve:
            curve(outcome)
        if progress:
            progress(VALUES_OF_K, k, end)

    found = run_sweep(train_at, settings=sweep, seeds=seeds, points=points, most_k=most_k, save=save, progress=say)
    if found is None:
        return None
    best = run_arm(
        trainer,
        data,
        kong_rows(data, pool, k=found.best_k),
        seeds,
        name=OMGDA,
        title=f"Balanced, and {_times(found.best_k)}as many synthetic images",
        augmented=False,
    )
    if best is None:
        return None
    return Outcome(arms=(*arms, best), sweep=found, seeds=seeds, warnings=data.warnings)


def run_jang(
    data: ExperimentData,
    *,
    backbone: Backbone,
    config: ClassifierConfig,
    jang: JangSettings,
    folder: Path,
    work: Path,
    writer: str,
    abnormal_scores: NDArray[np.float64] | None = None,  # of the pool, when they choose
    progress: Progress | None = None,
    abort: Callable[[], bool] | None = None,
) -> Outcome | None:
    """Real, real and synthetic of the same size, and the larger variant, each `jang.seeds` times; None when stopped.

    Raises ValueError when there are too few images of a class, or scores that should choose are missing.
    """
    trainer = make_trainer(data, backbone, config, folder, work, writer, progress, abort)
    seeds = tuple(config.seed + number for number in range(jang.seeds))
    each = [jang_rows(data, jang, seed=seed, abnormal_scores=abnormal_scores) for seed in seeds]
    titles = {
        REAL: "Real images alone",
        MIXED: f"The same number, {jang.replaced_percent:g} % of {data.positive} replaced by synthetic ones",
        LARGER: f"The real images and {jang.larger_by} synthetic ones of each class",
    }
    arms = []
    for name in each[0]:
        arm = run_arm(
            trainer, data, np.stack([one[name] for one in each]), seeds, name=name, title=titles[name], augmented=False
        )
        if arm is None:
            return None
        arms.append(arm)
    return Outcome(arms=tuple(arms), sweep=None, seeds=seeds, warnings=data.warnings)


def _times(k: int) -> str:
    return "" if k == 1 else f"{k} times "


def draw_pool(
    synthetic: LabelledImages, *, seed: int, first_seed: int | None = None, most: Mapping[str, int] | None = None
) -> tuple[NDArray[np.int64], ...]:
    """For each class the rows of its synthetic images in the order in which they are used: nothing but chance.

    With `most` (by class), repetitions share so many images, drawn with `first_seed`, and only their order differs:
    without it ten repetitions would need the features of up to ten times as many images as one.
    """
    found = []
    for index, name in enumerate(synthetic.classes):
        rows = np.flatnonzero(synthetic.labels == index).astype(np.int64)
        if most is not None:
            rows = np.random.default_rng([first_seed or 0, 5, index]).permutation(rows)[: most[name]]
        found.append(np.random.default_rng([seed, 3, index]).permutation(rows))
    return tuple(found)


def synthetic_needed(train: LabelledImages, k: int | None) -> dict[str, int]:
    """Synthetic images by class: none (None), those that balance the classes (0), and K times the balanced set (K)."""
    counts = train.counts()
    if k is None:
        return dict.fromkeys(counts, 0)
    largest = max(counts.values())
    return {name: largest - number + k * largest for name, number in counts.items()}


def largest_multiple(train: LabelledImages, synthetic: LabelledImages) -> int:
    """The largest K for which the pool has enough images of every class; -1 when it cannot even balance them."""
    largest = max(train.counts().values())
    there = synthetic.counts()
    needed = synthetic_needed(train, 0)
    return min((there[name] - needed[name]) // largest for name in needed)


def kong_rows(
    data: ExperimentData, pool: Sequence[tuple[NDArray[np.int64], ...]], *, k: int | None
) -> NDArray[np.int64]:
    """Rows of training images and pool laid end to end, (seeds, n); `k` as in `synthetic_needed`."""
    needed = synthetic_needed(data.train, k)
    real, first = np.arange(len(data.train)), len(data.train)
    return np.stack(
        [
            np.concatenate([real, *[own[:count] + first for own, count in zip(each, needed.values(), strict=True)]])
            for each in pool
        ]
    ).astype(np.int64)


def jang_rows(
    data: ExperimentData, jang: JangSettings, *, seed: int, abnormal_scores: NDArray[np.float64] | None = None
) -> dict[str, NDArray[np.int64]]:
    """Rows of training images and pool laid end to end, by name of the experiment.

    The real images of "Real + synthetic" are among those of "Real". Raises ValueError as `run_jang`.
    """
    positive, first = data.train.class_index(data.positive), len(data.train)
    real = [_drawn(data.train, index, jang.per_class, seed, "real") for index in range(len(data.train.classes))]
    replaced = round(jang.per_class * jang.replaced_percent / 100)
    pool = list(draw_pool(data.pool, seed=seed))
    if jang.selection == "score":
        if abnormal_scores is None or abnormal_scores.shape != (len(data.pool),):
            raise ValueError(
                "Synthetic images should be chosen by the score of a classifier, but there is not one score for each "
                "of them: choose a classifier, or let chance choose"
            )
        order = np.argsort(-abnormal_scores[pool[positive]], kind="stable")
        pool[positive] = pool[positive][order]
    _check_pool(data, {positive: max(replaced, jang.larger_by)} | dict.fromkeys(_others(data), jang.larger_by))
    others = [real[index] for index in _others(data)]
    mixed = [*others, real[positive][: jang.per_class - replaced], pool[positive][:replaced] + first]
    found = {REAL: np.concatenate([*others, real[positive]]), MIXED: np.concatenate(mixed)}
    if jang.larger_by:
        found[LARGER] = np.concatenate([found[REAL], *[own[: jang.larger_by] + first for own in pool]])
    return found


def _others(data: ExperimentData) -> list[int]:
    positive = data.train.class_index(data.positive)
    return [index for index in range(len(data.train.classes)) if index != positive]


def _drawn(images: LabelledImages, index: int, count: int, seed: int, what: str) -> NDArray[np.int64]:
    rows = np.flatnonzero(images.labels == index)
    if len(rows) < count:
        raise ValueError(
            f"per_class is {count}, but there are {len(rows)} {what} training images of class {images.classes[index]}"
        )
    chosen: NDArray[np.int64] = np.random.default_rng([seed, 4, index]).permutation(rows)[:count].astype(np.int64)
    return chosen


def _check_pool(data: ExperimentData, needed: Mapping[int, int]) -> None:
    there = np.bincount(data.pool.labels, minlength=len(data.pool.classes))
    for index, count in needed.items():
        if there[index] < count:
            raise ValueError(
                f"{count} synthetic images of class {data.pool.classes[index]} are needed; there are {there[index]}"
            )


def _too_few(data: ExperimentData) -> str:
    there, needed = data.pool.counts(), synthetic_needed(data.train, 1)
    lacking = [f"{needed[name]} of {name} (there are {there[name]})" for name in needed if there[name] < needed[name]]
    return (
        "There are not enough synthetic images to balance the classes and try K = 1; needed are "
        f"{' and '.join(lacking)}. Sample more from the generator"
    )
