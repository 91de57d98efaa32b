"""Figures of an experiment: as PNG for its page, and as SVG and PDF for print."""

from typing import Any

import numpy as np

from classification.cnn.arms import Outcome
from classification.cnn.config import METRIC_NAMES
from classification.cnn.figures.performance import (
    confusion_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from classification.cnn.figures.style import Figure, Kind, draw_figure
from classification.cnn.figures.sweep import sweep_figure
from classification.cnn.measures.whole import ClassifierMeasures
from classification.cnn.sweep import SweepOutcome
from classification.cnn.training import TUNING
from classification.wording import at_beginning
from worker.registry import JobContext

FIGURE_KINDS: tuple[Kind, ...] = ("png", "svg", "pdf")
OF_TEST_SETS = (
    ("roc", roc_figure),
    ("precision-recall", precision_recall_figure),
    ("confusion", confusion_figure),
    ("reliability", reliability_figure),
)


def draw_figures(context: JobContext, outcome: Outcome, results: dict[str, Any]) -> list[dict[str, str]]:
    """Write them as files of the job.

    Returns what the page says of each: name of the files without their kind, the test set ("" for the search for K),
    title, and what it shows in words.
    """
    figures: list[tuple[str, str, Figure]] = []
    if outcome.sweep is not None:
        figures.append(("sweep", "", _sweep_figure(outcome.sweep, outcome.arms[0].positive)))
    for number, test_set in enumerate(results["set_names"], start=1):
        values = results["test_sets"][test_set]
        measured = [ClassifierMeasures.from_dict(one) for one in values["measures"]]
        figures += [(f"test-{number}-{name}", test_set, make(measured)) for name, make in OF_TEST_SETS]
    folder = context.directory / "figures"
    folder.mkdir(exist_ok=True)
    said = []
    for place, (name, test_set, figure) in enumerate(figures):
        for kind in FIGURE_KINDS:
            path = folder / f"{name}.{kind}"
            path.write_bytes(draw_figure(figure, kind))
            context.artefact(path, kind="figure" if kind == "png" else "file", step=place)
        title = f"{at_beginning(test_set)}: {figure.title}" if test_set else figure.title
        said.append({"name": f"figures/{name}", "test_set": test_set, "title": title, "alt": figure.alt})
    return said


def _sweep_figure(found: SweepOutcome, positive: str) -> Figure:
    multiples = found.curve(TUNING, found.metric).k
    seeds = sorted({point.seed for point in found.points})
    values = {(point.k, point.seed): point.measured[TUNING] for point in found.points}
    tables = {
        words: np.array([[values[k, seed][metric] for k in multiples] for seed in seeds])
        for metric, words in METRIC_NAMES.items()
    }
    return sweep_figure(
        multiples,
        tables,
        choosing=METRIC_NAMES[found.metric],
        chosen=found.best_k,
        stopped=found.last_k,
        measured_on="tuning set",
        positive=positive,
    )
