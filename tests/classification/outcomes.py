"""Outcomes of every kind of experiment, from real trainings of a backbone that is small enough for a test."""

from dataclasses import replace

import numpy as np

from classification.cnn.arms import ExperimentData, Outcome
from classification.cnn.backbones import (
    Architecture,
    Backbone,
    BackboneWeights,
    create_backbone,
    register_backbone,
    unregister_backbone,
)
from classification.cnn.config import ClassifierConfig, JangSettings, SingleSettings, SweepSettings
from classification.cnn.data import LabelledImages
from classification.cnn.experiments import run_jang, run_kong
from classification.cnn.single import run_single
from classification.experiment_results import make_results
from classification.models import Experiment
from tests.classification.cnn.conftest import CLASSES, TinyBody, make_images

ORIGINS = ("real", "synthetic")
NAME = "tiny-results"
DESIGNS = {
    "kong": SweepSettings(window=2, largest_k=4, seeds=2),
    "jang": JangSettings(per_class=6, seeds=2, larger_by=5),
    "single": SingleSettings(seeds=2),
    "origin": SingleSettings(),
}


def small_data() -> ExperimentData:
    """Discs on noise: 16 training images, of which 6 are of the positive class, and two test sets."""
    train = make_images(20, seed=1).choose(np.arange(20)[[place % 2 == 0 or place < 12 for place in range(20)]])
    tests = {"test set": make_images(24, seed=3, contrast=25), "external: Elsewhere": make_images(16, seed=4)}
    return ExperimentData(
        train=train, tune=make_images(20, seed=2, contrast=25), tests=tests,
        synthetic=make_images(80, seed=5, synthetic=True), positive="disc",
    )  # fmt: skip


def origin_data() -> ExperimentData:
    """Real images without discs and synthetic ones with, so that they can be told apart."""

    def both(seed: int, count: int) -> LabelledImages:
        images = make_images(count, seed=seed)
        trained_on = tuple(frozenset({"elsewhere"}) if label else frozenset() for label in images.labels)
        return replace(images, classes=ORIGINS, synthetic=images.labels == 1, trained_on=trained_on)

    return ExperimentData(
        train=both(11, 20), tune=both(12, 16), tests={"test set": both(13, 20)}, positive="synthetic",
        tells_origin=True,
    )  # fmt: skip


def train_all(folder) -> dict[str, tuple[Outcome, Backbone]]:
    """Kind -> what came of it."""
    register_backbone(NAME, title="Tiny")(
        lambda channels: Architecture(module=TinyBody(channels), n_features=16, layers=("second", "first"))
    )
    try:
        backbone = create_backbone(NAME, weights=BackboneWeights(), input_side=32)
    finally:
        unregister_backbone(NAME)
    config = ClassifierConfig(input_side=32, epochs=8, learning_rate=0.02, extraction_batch=8, seed=10)
    object.__setattr__(config, "backbone", NAME)
    common = {"backbone": backbone, "config": config, "folder": folder / "features", "writer": "one"}
    data = small_data()
    found = {
        "kong": run_kong(data, sweep=DESIGNS["kong"], work=folder / "kong", **common),
        "jang": run_jang(data, jang=DESIGNS["jang"], work=folder / "jang", **common),
        "single": run_single(data, single=DESIGNS["single"], work=folder / "single", **common),
        "origin": run_single(origin_data(), single=DESIGNS["origin"], work=folder / "origin", **common),
    }
    return {kind: (outcome, backbone) for kind, outcome in found.items()}


def results_of(kind: str, outcome: Outcome, backbone: Backbone) -> dict:
    classes = ORIGINS if kind == "origin" else CLASSES
    experiment = Experiment(
        kind=kind, classes=list(classes), positive=outcome.arms[0].positive, weights={"kind": "none"}
    )
    return {**make_results(experiment, outcome, backbone), "figures": []}
