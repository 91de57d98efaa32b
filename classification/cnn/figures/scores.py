"""Scores of a classifier by what images are and by what readers said of them (Jang 2023, figure 2), and by class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from classification.cnn.figures.style import BLUE, COLOURS, GREY, LINES, VERMILION, Figure, with_interval
from classification.cnn.measures.estimates import Estimate

BINS = 20
MARKS = {False: ("o", BLUE, "real"), True: ("^", VERMILION, "synthetic")}  # by whether an image is synthetic
SPREAD = 0.28  # of the distance between two columns: how far its points lie apart
LEAST_FOR_BOX = 5  # images; below, quartiles say nothing that the points do not say
MOST_POINTS = 2000  # in one column; of more, an even choice is drawn
MOST_KINDS = 6  # classes that have columns of their own; of more, all images stand together
LINE = 14  # characters of a class in one line under its column
DECISIONS = ("most said real", "as many said either", "most said synthetic")


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """Scores that stand in one column of a figure."""

    title: str  # under it, may have two lines
    is_synthetic: bool
    scores: NDArray[np.float64]

    @property
    def words(self) -> str:
        name = self.title.replace("\n", ", ")
        if not len(self.scores):
            return f"{name}: no images"
        return f"{name}: {len(self.scores)} images, median {np.median(self.scores):.2f}"


def score_by_truth_figure(
    scores: NDArray[np.float64], is_synthetic: NDArray[np.bool_], labels: Sequence[str], *, positive: str
) -> Figure:
    """Every score, with median and quartiles, real beside synthetic; by class where there are two to six.

    Parameters
    ----------
    scores : probability of `positive`, in [0, 1], (N,).
    is_synthetic, labels : of the same images, N of each.

    Raises
    ------
    ValueError : lengths that differ.
    """
    if not len(scores) == len(is_synthetic) == len(labels):
        raise ValueError(f"{len(scores)} scores, {len(is_synthetic)} truths and {len(labels)} labels: one each")
    names = np.array(labels, dtype=object)
    groups: list[tuple[str, NDArray[np.bool_]]] = [("", np.ones(len(scores), dtype=bool))]
    kinds = sorted(set(labels))
    if 1 < len(kinds) <= MOST_KINDS:
        groups = [("\n" + "\n".join(wrap(kind, LINE)), names == kind) for kind in kinds]
    columns = [
        Column(title=f"{MARKS[made][2]}{label}", is_synthetic=made, scores=scores[chosen & (is_synthetic == made)])
        for label, chosen in groups
        for made in (False, True)
    ]
    return _columns_figure(columns, key="truth", title=f"Score ({positive}) of real and synthetic images", of=positive)


def score_by_decision_figure(
    scores: NDArray[np.float64], is_synthetic: NDArray[np.bool_], shares: NDArray[np.float64], *, positive: str
) -> Figure:
    """Scores by what most readers said, real and synthetic images apart.

    Parameters
    ----------
    shares : of the readers who called the image synthetic, in [0, 1], (N,); NaN where nobody answered: left out.

    Raises
    ------
    ValueError : lengths that differ.
    """
    if not len(scores) == len(is_synthetic) == len(shares):
        raise ValueError(f"{len(scores)} scores, {len(is_synthetic)} truths and {len(shares)} shares: one each")
    sides = {-1: DECISIONS[0], 0: DECISIONS[1], 1: DECISIONS[2]}
    answered = np.isfinite(shares)
    decision = np.sign(np.where(answered, shares, 0.5) - 0.5).astype(int)
    columns = [
        Column(
            title=f"{MARKS[made][2]}:\n{words}",
            is_synthetic=made,
            scores=scores[answered & (is_synthetic == made) & (decision == side)],
        )
        for made in (False, True)
        for side, words in sides.items()
    ]
    return _columns_figure(
        [column for column in columns if len(column.scores)],
        key="decision",
        title=f"Score ({positive}) by what most readers said",
        of=positive,
    )


def score_by_share_figure(
    scores: NDArray[np.float64],
    is_synthetic: NDArray[np.bool_],
    shares: NDArray[np.float64],
    *,
    positive: str,
    rho: Estimate,
) -> Figure:
    """Score of each image against the share of readers who called it synthetic; `rho` stands in the title.

    Raises
    ------
    ValueError : lengths that differ.
    """
    if not len(scores) == len(is_synthetic) == len(shares):
        raise ValueError(f"{len(scores)} scores, {len(is_synthetic)} truths and {len(shares)} shares: one each")
    numbers = with_interval(rho.value, rho.low, rho.high, rho.confidence).replace("-", "−")
    words = f"rho {numbers}" if rho.is_defined else f"no rho: {rho.reason}"

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        # images with the same share stand side by side, not one on another
        drift = np.random.default_rng(0).uniform(-1.2, 1.2, len(shares))
        for made, (marker, colour, name) in MARKS.items():
            chosen = (is_synthetic == made) & np.isfinite(shares)
            ax.scatter(
                100 * shares[chosen] + drift[chosen], scores[chosen], marker=marker, s=18, facecolors="none",
                edgecolors=colour, linewidths=0.8, label=f"{name} ({int(chosen.sum())})",
            )  # fmt: skip
        ax.set_xlim(-4, 104)
        _score_axis(ax, positive)
        ax.set_xlabel("Readers who called the image synthetic, per cent")
        canvas.legend(loc="outside lower left", ncols=2)

    return Figure(
        key="share",
        title=f"Score ({positive}) against the readers: {words}",
        alt=f"Score of each image, the probability of {positive}, against the share of readers who called it "
        f"synthetic; Spearman’s {words}.",
        size=(4.6, 3.9),
        draw=draw,
    )


def score_by_label_figure(scores: NDArray[np.float64], labels: Sequence[str], *, positive: str) -> Figure:
    """Histogram of scores in 20 bins, one outline per class, each in per cent of its own images.

    Of more than eight classes the eight largest, and the title says so.

    Raises
    ------
    ValueError : lengths that differ.
    """
    if len(scores) != len(labels):
        raise ValueError(f"{len(scores)} scores and {len(labels)} labels: one each")
    names = np.array(labels, dtype=object)
    counts = Counter(labels)
    largest = sorted(sorted(counts), key=lambda label: -counts[label])[: len(COLOURS)]
    groups = [(label, scores[names == label]) for label in sorted(largest)]
    which = "" if len(counts) == len(groups) else f", the {len(groups)} largest of {len(counts)} classes"

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, (label, own) in enumerate(groups):
            counts, edges = np.histogram(own, bins=BINS, range=(0, 1))
            ax.stairs(
                100 * counts / max(1, len(own)), edges, color=COLOURS[place],
                linestyle=LINES[place], linewidth=1.4, label=f"{label} ({len(own):,})",
            )  # fmt: skip
        ax.set_xlim(0, 1)
        ax.set_ylim(0, None)
        ax.set_xlabel(f"Score: probability of {positive}")
        ax.set_ylabel("Images of the class, per cent")
        canvas.legend(loc="outside lower left", ncols=2)

    said = "; ".join(Column(title=label, is_synthetic=False, scores=own).words for label, own in groups)
    return Figure(
        key="label",
        title=f"Score ({positive}) by class{which}",
        alt=f"Histogram of the scores, the probability of {positive}, by class{which}. {said}.",
        size=(4.6, 3.4),
        draw=draw,
    )


def _columns_figure(columns: Sequence[Column], *, key: str, title: str, of: str) -> Figure:
    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        generator = np.random.default_rng(0)  # where points lie beside each other means nothing
        for place, column in enumerate(columns):
            marker, colour, _ = MARKS[column.is_synthetic]
            shown = _even_choice(column.scores)
            across = place + generator.uniform(-SPREAD, SPREAD, len(shown))
            ax.scatter(across, shown, marker=marker, s=12, facecolors="none", edgecolors=colour, linewidths=0.7)
            if len(column.scores) >= LEAST_FOR_BOX:
                low, middle, high = np.quantile(column.scores, [0.25, 0.5, 0.75])
                ax.fill_between([place - 0.38, place + 0.38], low, high, color=GREY, alpha=0.18, linewidth=0)
                ax.hlines(middle, place - 0.38, place + 0.38, color="black", linewidth=1.4)
        ax.set_xlim(-0.6, max(len(columns), 1) - 0.4)
        ax.set_xticks(range(len(columns)), [f"{one.title}\n(n = {len(one.scores):,})" for one in columns])
        ax.tick_params(axis="x", length=0)
        _score_axis(ax, of)

    return Figure(
        key=key,
        title=title,
        alt=f"{title}: points, median and quartiles. {'; '.join(one.words for one in columns)}.",
        size=(max(3.6, 1.2 + 1.05 * len(columns)), 3.7),
        draw=draw,
    )


def _even_choice(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(scores) <= MOST_POINTS:
        return scores
    return np.sort(scores)[np.linspace(0, len(scores) - 1, MOST_POINTS).astype(int)]


def _score_axis(ax: Any, positive: str) -> None:
    ax.set_ylim(-0.03, 1.03)
    ax.axhline(0.5, color=GREY, linewidth=0.7, linestyle=(0, (2, 2)))
    ax.set_ylabel(f"Score: probability of {positive}")
