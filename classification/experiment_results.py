"""From what the arms of an experiment said about its test images to the record that its page and exports read."""

import math
from statistics import fmean, stdev
from typing import Any

from classification.cnn.arms import Arm, Outcome
from classification.cnn.backbones import Backbone
from classification.cnn.measures.whole import compare_experiments, measure_classifier
from classification.cnn.sweep import SweepOutcome, point_metrics
from classification.cnn.training import TUNING
from classification.models import Experiment
from classification.selectors import earlier_classifier
from classification.summary import Measured, summarise


def make_results(experiment: Experiment, outcome: Outcome, backbone: Backbone) -> dict[str, Any]:
    """JSON-able values that `classification.results.read_results` takes, for experiments of every kind.

    Tables and comparisons are those of the first repetition, whose seed was chosen beforehand; beside them stand mean
    and SD of the AUC over all repetitions. The first arm is what the others are compared with.
    """
    earlier = earlier_classifier(experiment)
    sets = {name: _measured(name, outcome) for name in outcome.arms[0].data.tests}
    return {
        "set_names": list(sets),  # a database may keep the keys of a record in an order of its own
        "test_sets": {
            name: {
                "measures": [measures.to_dict() for measures in one.measures],
                "comparisons": {} if one.comparisons is None else one.comparisons.to_dict(),
                "repetitions": [_repetitions(arm, name) for arm in outcome.arms],
            }
            for name, one in sets.items()
        },
        "arms": [_arm(arm, experiment.classes) for arm in outcome.arms],
        "sweep": _sweep(outcome.sweep) if outcome.sweep is not None else {},
        "warnings": list(outcome.warnings),
        "summary": summarise(experiment.kind, outcome, sets),
        "weights": {
            "title": f"the classifier “{earlier}”" if earlier else backbone.weights.title,
            "sha256": backbone.weights_sha256,
        },
        "seeds": list(outcome.seeds),
    }


def _measured(name: str, outcome: Outcome) -> Measured:
    said = {arm.name: arm.predictions(name) for arm in outcome.arms}
    measures = tuple(
        measure_classifier(said[arm.name], name=arm.name, tuning=arm.predictions(TUNING)) for arm in outcome.arms
    )
    comparisons = compare_experiments(said, reference=outcome.arms[0].name) if len(said) > 1 else None
    return Measured(measures=measures, comparisons=comparisons)


def _repetitions(arm: Arm, set_name: str) -> dict[str, Any]:
    """The AUC of every repetition, in the order of the seeds, with mean and SD; None where there is none."""
    areas = [
        point_metrics(arm.predictions(set_name, repetition=number), threshold=0.5)["auc"]
        for number in range(len(arm.trained))
    ]
    known = [area for area in areas if math.isfinite(area)]
    return {
        "n": len(areas),
        "mean": fmean(known) if known else None,
        "sd": stdev(known) if len(known) > 1 else None,
        "areas": [_or_none(area) for area in areas],
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
    chosen = {(point.k, point.seed): point.measured[TUNING][found.metric] for point in found.points}
    return {
        "words": found.words,
        "metric": found.metric,
        "best_k": found.best_k,
        "last_k": found.last_k,
        "window": found.window,
        "k": list(curve.k),
        "mean": [_or_none(value) for value in curve.mean],
        "sd": [_or_none(value) for value in curve.sd],
        "by_seed": [
            {
                "seed": seed,
                "best_k": best,
                "at_own": _or_none(chosen[best, seed]),
                "at_common": _or_none(chosen[found.best_k, seed]),
            }
            for seed, best in found.best_k_by_seed.items()
        ],
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
