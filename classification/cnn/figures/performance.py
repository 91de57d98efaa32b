"""ROC curves, precision-recall curves, reliability diagrams and confusion matrices of classifiers on one test set."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from classification.cnn.figures.style import (
    BLACK,
    COLOURS,
    GREY,
    LINES,
    MARKERS,
    Figure,
    number,
    with_interval,
)
from classification.cnn.measures.estimates import Estimate
from classification.cnn.measures.scores import Confusion, Scores
from classification.cnn.measures.whole import ClassifierMeasures

LEGEND_ROW = 0.17  # inches
MOST_PANELS = 6


def roc_figure(measured: Sequence[ClassifierMeasures]) -> Figure:
    """ROC curves through every operating point; the legend has the areas with their intervals.

    Raises
    ------
    ValueError : nothing to draw, or classifiers with different positive classes.
    """
    positive, negative = _classes(measured)
    labels = [f"{one.name}: AUC {_in_words(one.areas.auc)}" for one in measured]

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        ax.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), label="chance: AUC 0.50")
        for place, (one, label) in enumerate(zip(measured, labels, strict=True)):
            x, y = 100 * one.points.false_positive_share, 100 * one.points.sensitivity
            ax.plot(x, y, **_line(place), label=label)
        _percent_square(ax, f"1 − specificity: {negative} called {positive}, per cent")
        ax.set_ylabel(f"Sensitivity: {positive} called {positive}, per cent")
        canvas.legend(loc="outside lower left")

    return Figure(
        key="roc",
        title=f"ROC curves (positive: {positive})",
        alt=f"ROC curves, positive class {positive}. {'; '.join(labels)}.",
        size=(4.2, 4.2 + LEGEND_ROW * (len(measured) + 1)),
        draw=draw,
    )


def precision_recall_figure(measured: Sequence[ClassifierMeasures]) -> Figure:
    """Precision against recall, in steps, as average precision adds it up.

    Raises
    ------
    ValueError : as `roc_figure`.
    """
    positive, _ = _classes(measured)
    labels = [f"{one.name}: average precision {_in_words(one.areas.average_precision)}" for one in measured]
    prevalence = measured[0].points.prevalence

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        chance = f"chance: {number(prevalence)} (share of {positive} images)"
        ax.axhline(100 * prevalence, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), label=chance)
        for place, (one, label) in enumerate(zip(measured, labels, strict=True)):
            x, y = 100 * one.points.sensitivity, 100 * one.points.precision
            ax.plot(x, y, **_line(place), drawstyle="steps-pre", label=label)
        _percent_square(ax, f"Recall: {positive} called {positive}, per cent")
        ax.set_ylabel(f"Precision: called {positive} that is {positive}, per cent")
        canvas.legend(loc="outside lower left")

    return Figure(
        key="precision-recall",
        title=f"Precision and recall (positive: {positive})",
        alt=f"Precision against recall, positive class {positive}. {'; '.join(labels)}.",
        size=(4.2, 4.2 + LEGEND_ROW * (len(measured) + 1)),
        draw=draw,
    )


def reliability_figure(measured: Sequence[ClassifierMeasures]) -> Figure:
    """How often images with about the same score are positive, with exact intervals; below, how many have that score.

    A panel for each classifier. Where a temperature was fitted on the tuning set, the scaled scores are drawn beside
    the plain ones.

    Raises
    ------
    ValueError : as `roc_figure`, or more than six.
    """
    positive, _ = _classes(measured)
    _check_panels(measured, "reliability diagrams")
    columns = min(len(measured), 2)
    rows = -(-len(measured) // columns)

    def draw(canvas: Canvas) -> None:
        grid = canvas.add_gridspec(2 * rows, columns, height_ratios=(4, 1) * rows)
        handles: dict[str, Any] = {}
        for place, one in enumerate(measured):
            row, column = divmod(place, columns)
            upper = canvas.add_subplot(grid[2 * row, column])
            lower = canvas.add_subplot(grid[2 * row + 1, column], sharex=upper)
            _reliability(upper, lower, one)
            upper.set_title(_reliability_in_words(one).replace(": ", "\n", 1), fontweight="normal")
            if not column:
                upper.set_ylabel(f"Images that are {positive}, per cent")
                lower.set_ylabel("Images")
            if place + columns >= len(measured):
                lower.set_xlabel(f"Score of {positive}, per cent")
            found, names = upper.get_legend_handles_labels()
            handles |= dict(zip(names, found, strict=True))
        canvas.legend(list(handles.values()), list(handles), loc="outside lower left", ncols=len(handles))

    return Figure(
        key="reliability",
        title=f"Reliability of the scores (positive: {positive})",
        alt=f"Reliability diagrams, positive class {positive}. {'. '.join(map(_reliability_in_words, measured))}.",
        size=(0.3 + (3.9 if columns == 1 else 3.0) * columns, 0.5 + (4.5 if columns == 1 else 3.6) * rows),
        draw=draw,
    )


def _reliability(upper: Any, lower: Any, one: ClassifierMeasures) -> None:
    kinds = [("as given", one.reliability)]
    if one.reliability_scaled is not None:
        kinds.append(("scaled by the temperature T", one.reliability_scaled))
    upper.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), label="perfect")
    for place, (name, kind) in enumerate(kinds):
        filled = [part for part in kind.table.bins if part.observed.n]
        x = np.array([100 * part.mean_stated for part in filled])
        y = np.array([100 * part.observed.estimate for part in filled])
        ends = np.array([[100 * part.observed.low, 100 * part.observed.high] for part in filled]).reshape(-1, 2)
        bars = np.abs(ends.T - y)
        upper.errorbar(x, y, bars, **_line(place), marker=MARKERS[place], elinewidth=0.8, capsize=2, label=name)
        width = 100 / len(kind.table.bins) / len(kinds)
        starts = [100 * part.low + place * width for part in kind.table.bins]
        counts = [part.observed.n for part in kind.table.bins]
        lower.bar(starts, counts, width, align="edge", color=COLOURS[place], linewidth=0, alpha=0.8)
    upper.set(xlim=(-2, 102), ylim=(-2, 102))
    upper.tick_params(labelbottom=False)
    lower.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))


def _reliability_in_words(one: ClassifierMeasures) -> str:
    text = f"{one.name}: Brier score {number(one.reliability.table.brier, 3)}"
    if one.reliability_scaled is None or one.temperature is None:
        return text
    return f"{text}, {number(one.reliability_scaled.table.brier, 3)} with T = {number(one.temperature.value)}"


def confusion_figure(measured: Sequence[ClassifierMeasures], *, at: int = 0) -> Figure:
    """Confusion matrices side by side: counts, and the share of each true class.

    Parameters
    ----------
    at : which of the thresholds of each classifier.

    Raises
    ------
    ValueError : as `roc_figure`, a threshold that one of them does not have, or more than six.
    """
    positive, negative = _classes(measured)
    _check_panels(measured, "confusion matrices")
    if any(at >= len(one.at) for one in measured):
        raise ValueError(f"Not every classifier has a threshold number {at + 1}")
    chosen: list[Scores] = [one.at[at] for one in measured]
    columns = 2 if len(measured) == 4 else min(len(measured), 3)
    rows = -(-len(measured) // columns)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(measured) :]:
            ax.set_axis_off()
        for ax, one, scores in zip(axes.flat, measured, chosen, strict=False):
            _matrix(ax, scores.confusion)
            ax.set_title(f"{one.name}\nthreshold {scores.threshold_words.split(' (')[0]}", fontsize=8)

    texts = [f"{one.name}: {_matrix_in_words(scores.confusion)}" for one, scores in zip(measured, chosen, strict=True)]
    return Figure(
        key="confusion",
        title=f"Confusion matrices (positive: {positive})",
        alt=f"Confusion matrices of {positive} and {negative}. {'. '.join(texts)}.",
        size=(0.4 + 2.2 * columns, 0.2 + 2.7 * rows),
        draw=draw,
    )


def _matrix(ax: Any, confusion: Confusion) -> None:
    counts = np.array(confusion.rows)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, math.nan), where=totals > 0)
    ax.pcolormesh(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for row in range(2):
        for column in range(2):
            share = shares[row, column]
            text = f"{counts[row, column]:,}" + ("" if math.isnan(share) else f"\n{100 * share:.1f} %")
            colour = "white" if share > 0.55 else BLACK
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)
    names = [confusion.positive, confusion.negative]
    ax.set_xticks([0.5, 1.5], names)
    ax.set_yticks([0.5, 1.5], names, rotation=90, va="center")
    ax.set(xlabel="called", ylabel="is", xlim=(0, 2), ylim=(2, 0))
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_aspect("equal")


def _matrix_in_words(confusion: Confusion) -> str:
    (hits, missed), (false, right) = confusion.rows
    return (
        f"of {hits + missed} {confusion.positive} images {hits} called {confusion.positive}, of {false + right} "
        f"{confusion.negative} images {right} called {confusion.negative}"
    )


def _classes(measured: Sequence[ClassifierMeasures]) -> tuple[str, str]:
    if not measured:
        raise ValueError("There is no classifier to draw")
    classes = {(one.positive, one.negative) for one in measured}
    if len(classes) > 1:
        raise ValueError(f"The classifiers have different classes: {sorted(classes)}")
    return classes.pop()


def _check_panels(measured: Sequence[ClassifierMeasures], what: str) -> None:
    if len(measured) > MOST_PANELS:
        raise ValueError(f"{len(measured)} {what} do not fit on a page: at most {MOST_PANELS}")


def _in_words(estimate: Estimate) -> str:
    return with_interval(estimate.value, estimate.low, estimate.high, estimate.confidence)


def _line(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": LINES[place % len(LINES)]}


def _percent_square(ax: Any, x_label: str) -> None:
    ax.set(xlim=(-1, 101), ylim=(-1, 101), xlabel=x_label)
    ax.set_aspect("equal")
