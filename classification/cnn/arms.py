"""What experiments are made of: their images, what each arm was trained on, and what came of all arms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classification.cnn.backbones import Backbone
from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages, check_hygiene
from classification.cnn.measures.predictions import Predictions
from classification.cnn.sweep import SweepOutcome
from classification.cnn.training import TUNING, Progress, Trained, Trainer, make_predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class ExperimentData:
    """What experiments are made of. `synthetic` is the pool that is drawn from; `positive` a class's name.

    With `tells_origin` the classes are real and synthetic, and every set has images of both. `seen_before` as in
    `check_hygiene`. `warnings` are what
    `check_hygiene` says; it is asked when the record is made. Raises HygieneError as it does, and ValueError for an
    unknown positive class or a training set without images of a class.
    """

    train: LabelledImages
    tune: LabelledImages
    tests: Mapping[str, LabelledImages]
    synthetic: LabelledImages | None = None
    positive: str
    tells_origin: bool = False
    seen_before: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.train.class_index(self.positive)
        if not self.tests:
            raise ValueError("There is no test set; at least one is needed")
        found = check_hygiene(
            train=self.train,
            tune=self.tune,
            tests=self.tests,
            synthetic=self.synthetic,
            synthetic_tests=self.tells_origin,
            seen_before=self.seen_before,
        )
        if self.synthetic is not None and not self.synthetic.synthetic.all():
            real = int((~self.synthetic.synthetic).sum())
            raise ValueError(f"{real} of the synthetic images are real ones; choose a dataset that a generator made")
        empty = [name for name, number in self.train.counts().items() if number == 0]
        if empty:
            raise ValueError(f"The training set has no image of class {', '.join(empty)}")
        object.__setattr__(self, "warnings", tuple(found))

    @property
    def pool(self) -> LabelledImages:
        """The synthetic images. Raises ValueError where there are none."""
        if self.synthetic is None:
            raise ValueError("There are no synthetic images; choose the dataset whose use is to be measured")
        return self.synthetic


@dataclass(frozen=True, kw_only=True, eq=False)
class Arm:
    """One experiment: what it was trained on, and a classifier for each seed, in their order."""

    name: str
    title: str
    positive: str
    real: Mapping[str, int]  # images by class
    synthetic: Mapping[str, int]
    augmented: bool
    trained: tuple[Trained, ...]
    data: ExperimentData = field(repr=False)

    def predictions(self, set_name: str, *, repetition: int = 0) -> Predictions:
        """What the classifier of a repetition said about "tuning" or a test set, for measures."""
        images = self.data.tune if set_name == TUNING else self.data.tests[set_name]
        scores = self.trained[repetition].scores[set_name]
        return make_predictions(scores, images, positive=images.class_index(self.positive))


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """The experiments in the order in which they are printed, and the sweep where there was one."""

    arms: tuple[Arm, ...]
    sweep: SweepOutcome | None
    seeds: tuple[int, ...]
    warnings: tuple[str, ...]


def make_trainer(
    data: ExperimentData,
    backbone: Backbone,
    config: ClassifierConfig,
    folder: Path,
    work: Path,
    writer: str,
    progress: Progress | None,
    abort: Callable[[], bool] | None,
) -> Trainer:
    """A trainer of these images: the backbone's features are computed once for all arms."""
    return Trainer(
        backbone=backbone,
        config=config,
        train=data.train,
        synthetic=data.synthetic,
        tune=data.tune,
        tests=data.tests,
        positive=data.positive,
        folder=folder,
        work=work,
        writer=writer,
        progress=progress,
        abort=abort,
    )


def run_arm(
    trainer: Trainer,
    data: ExperimentData,
    rows: NDArray[np.int64],
    seeds: Sequence[int],
    *,
    name: str,
    title: str,
    augmented: bool,
) -> Arm | None:
    """Train on `rows` (seeds, n) of training images and pool laid end to end; None when it was stopped."""
    trained = trainer.train(rows, seeds=seeds, name=name, augmented=augmented)
    if trained is None:
        return None
    sets = [data.train] if data.synthetic is None else [data.train, data.synthetic]
    labels = np.concatenate([one.labels for one in sets])[rows[0]]
    synthetic = np.concatenate([one.synthetic for one in sets])[rows[0]]
    return Arm(
        name=name,
        title=title,
        positive=data.positive,
        real=_counted(labels[~synthetic], data.train.classes),
        synthetic=_counted(labels[synthetic], data.train.classes),
        augmented=augmented,
        trained=tuple(trained),
        data=data,
    )


def _counted(labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, int]:
    numbers = np.bincount(labels, minlength=len(classes))
    return {name: int(number) for name, number in zip(classes, numbers, strict=True)}
