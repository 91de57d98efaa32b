"""From what the arms of an experiment said about its test images to the record that its page and exports read."""

import math
from statistics import fmean, stdev
from typing import Any

import numpy as np

from classification.cnn.arms import Arm, Outcome
from classification.cnn.backbones import Backbone
from classification.cnn.config import METRICS
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


def draw_figures(context: JobContext, outcome: Outcome, results: dict[str, Any]) -> list[dict[str, str]]:
    """Figures as PNG for the page and as SVG and PDF for print, as files of the job.

    Returns what the page says of each: name of the files without their kind, title, and what it shows in words.
    """
    figures: list[tuple[str, str, Figure]] = []
    if outcome.sweep is not None:
        figures.append(("sweep", "", _sweep_drawing(outcome.sweep, outcome.arms[0].positive)))
    for number, (of_set, values) in enumerate(results["test_sets"].items(), start=1):
        measured = [ClassifierMeasures.from_dict(one) for one in values["measures"]]
        figures.append((f"test-{number}-roc", f"{of_set}: ", roc_figure(measured)))
        figures.append((f"test-{number}-precision-recall", f"{of_set}: ", precision_recall_figure(measured)))
        figures.append((f"test-{number}-confusion", f"{of_set}: ", confusion_figure(measured)))
    folder = context.directory / "figures"
    folder.mkdir(exist_ok=True)
    said = []
    for place, (name, of_set, figure) in enumerate(figures):
        for kind in FIGURE_KINDS:
            path = folder / f"{name}.{kind}"
            path.write_bytes(draw_figure(figure, kind))
            context.artefact(path, kind="figure" if kind == "png" else "file", step=place)
        said.append({"name": f"figures/{name}", "title": _title(of_set + figure.title), "alt": figure.alt})
    return said


def _test_set(name: str, outcome: Outcome) -> dict[str, Any]:
    measures, said = [], {}
    for arm in outcome.arms:
        said[arm.name] = arm.predictions(name)
        measures.append(measure_classifier(said[arm.name], name=arm.name, tuning=arm.predictions(TUNING)))
    return {
        "measures": [one.to_dict() for one in measures],
        "comparisons": compare_experiments(said, reference=outcome.arms[0].name).to_dict() if len(said) > 1 else {},
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


def _sweep_drawing(found: SweepOutcome, positive: str) -> Figure:
    multiples = found.curve(TUNING, found.metric).k
    seeds = sorted({point.seed for point in found.points})
    values = {(point.k, point.seed): point.measured[TUNING] for point in found.points}
    tables = {metric: np.array([[values[k, seed][metric] for k in multiples] for seed in seeds]) for metric in METRICS}
    return sweep_figure(
        multiples,
        tables,
        choosing=found.metric,
        chosen=found.best_k,
        stopped=found.last_k,
        measured_on="tuning set",
        positive=positive,
    )


def _summary(outcome: Outcome, sets: dict[str, Any]) -> list[str]:
    """Whether synthetic data helped, plainly: what was found, and what the test says about it."""
    sentences = [] if outcome.sweep is None else [outcome.sweep.words]
    for name, values in sets.items():
        reference = values["measures"][0]
        before, first = reference["areas"]["auc"]["value"], reference["name"]
        for number, against in enumerate(values["comparisons"].get("against", [])):
            difference, holm = against["auc"]["difference"], values["comparisons"]["auc_p"]["holm"][number]
            if difference is None or holm is None:
                sentences.append(
                    f"{_title(name)}: {against['name']} cannot be compared with {first}. {against['auc']['reason']}"
                )
                continue
            verdict = (
                ("better than" if difference > 0 else "worse than") if holm < ALPHA else "not shown to differ from"
            )
            sentences.append(
                f"{_title(name)}: {against['name']} is {verdict} {first} (AUC {before + difference:.3f} against "
                f"{before:.3f}, "
                f"p = {holm:.3f} by DeLong's test, corrected for {len(values['comparisons']['against'])} comparisons)."
            )
    return sentences


def _title(words: str) -> str:
    """As it stands at the beginning of a sentence."""
    return words[:1].upper() + words[1:]
