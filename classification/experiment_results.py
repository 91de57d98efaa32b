"""From what the arms of an experiment said about its test images to the record that its page and exports read."""

import math
from statistics import fmean, stdev
from typing import Any

import numpy as np

from classification.cnn.backbones import Backbone
from classification.cnn.config import METRICS
from classification.cnn.experiments import OD, Arm, Outcome
from classification.cnn.figures.performance import confusion_figure, precision_recall_figure, roc_figure
from classification.cnn.figures.style import Figure, Kind, draw_figure
from classification.cnn.figures.sweep import sweep_figure
from classification.cnn.measures.whole import ClassifierMeasures, compare_experiments, measure_classifier
from classification.cnn.sweep import SweepOutcome, point_metrics
from classification.cnn.training import TUNING
from classification.models import Experiment
from worker.registry import JobContext

FIGURE_KINDS: tuple[Kind, ...] = ("png", "svg", "pdf")
ALPHA = 0.05


def make_results(experiment: Experiment, outcome: Outcome, backbone: Backbone) -> dict[str, Any]:
    """JSON-able values that `classification.results.read_results` takes.

    Tables and comparisons are those of the first repetition, whose seed was chosen beforehand; beside them stand mean
    and SD of the AUC over all repetitions.
    """
    tests = list(outcome.arms[0].data.tests)
    sets = {name: _test_set(name, outcome) for name in tests}
    return {
        "test_sets": sets,
        "arms": [_arm(arm, experiment.classes) for arm in outcome.arms],
        "sweep": _sweep(outcome.sweep) if outcome.sweep is not None else {},
        "warnings": list(outcome.warnings),
        "summary": _summary(outcome, sets),
        "weights": {"title": backbone.weights.title, "sha256": backbone.weights_sha256},
        "seeds": list(outcome.seeds),
    }


def _test_set(name: str, outcome: Outcome) -> dict[str, Any]:
    measures, said = [], {}
    for arm in outcome.arms:
        said[arm.name] = arm.predictions(name)
        measures.append(measure_classifier(said[arm.name], name=arm.name, tuning=arm.predictions(TUNING)))
    return {
        "measures": [one.to_dict() for one in measures],
        "comparisons": compare_experiments(said, reference=OD).to_dict(),
        "repetitions": [_repetitions(arm, name) for arm in outcome.arms],
    }


def _repetitions(arm: Arm, set_name: str) -> dict[str, Any]:
    """Mean and SD of the AUC over the repetitions; None where there is none."""
    areas = [
        point_metrics(arm.predictions(set_name, repetition=number), threshold=0.5)["auc"]
        for number in range(len(arm.trained))
    ]
    known = [area for area in areas if math.isfinite(area)]
    return {
        "n": len(areas),
        "mean": fmean(known) if known else None,
        "sd": stdev(known) if len(known) > 1 else None,
    }


def _arm(arm: Arm, classes: list[str]) -> dict[str, Any]:
    return {
        "name": arm.name,
        "title": arm.title,
        "augmented": arm.augmented,
        "counts": [{"label": label, "real": arm.real[label], "synthetic": arm.synthetic[label]} for label in classes],
    }


def _sweep(found: SweepOutcome) -> dict[str, Any]:
    curve = found.curve(TUNING, found.metric)
    return {
        "words": found.words,
        "metric": found.metric,
        "best_k": found.best_k,
        "last_k": found.last_k,
        "k": list(curve.k),
        "mean": [_or_none(value) for value in curve.mean],
        "sd": [_or_none(value) for value in curve.sd],
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
