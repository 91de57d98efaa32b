"""One classifier on all training images: to test, to score images with, or for other experiments to begin with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from classification.cnn.arms import ExperimentData, Outcome, make_trainer, run_arm
from classification.cnn.backbones import Backbone
from classification.cnn.config import ClassifierConfig, SingleSettings
from classification.cnn.training import Progress

CLASSIFIER, MACHINE_READER = "Classifier", "Machine reader"


def run_single(
    data: ExperimentData,
    *,
    backbone: Backbone,
    config: ClassifierConfig,
    single: SingleSettings,
    folder: Path,
    work: Path,
    writer: str,
    progress: Progress | None = None,
    abort: Callable[[], bool] | None = None,
) -> Outcome | None:
    """A classifier for each of `single.seeds` seeds, from config.seed on; None when `abort` said so.

    With `data.tells_origin` it is the machine reader, which tells real images from synthetic ones.
    """
    trainer = make_trainer(data, backbone, config, folder, work, writer, progress, abort)
    seeds = tuple(config.seed + number for number in range(single.seeds))
    name = MACHINE_READER if data.tells_origin else CLASSIFIER
    title = "Real and synthetic images" if data.tells_origin else "All training images"
    rows = np.tile(np.arange(len(data.train), dtype=np.int64), (len(seeds), 1))
    arm = run_arm(trainer, data, rows, seeds, name=name, title=title, augmented=single.augmented)
    if arm is None:
        return None
    return Outcome(arms=(arm,), sweep=None, seeds=seeds, warnings=data.warnings)
