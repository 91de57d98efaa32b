"""Images from hard to easy: the share of readers that got each right, with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Canvas

from turing.report.document import Figure, data_of
from turing.report.drawing.times import CLASS_COLOURS
from turing.report.figure_files import GREY, MARKERS
from turing.report.formatting import number


@dataclass(frozen=True)
class ImagePoint:
    """`estimate`, `low`, `high`: probability in [0, 1] that a reader is right about it; NaN where not estimable."""

    image: str
    truth: str
    k: int
    n: int
    estimate: float
    low: float
    high: float


def difficulty_figure(
    *, key: str, title: str, points: Sequence[ImagePoint], axis: str, notes: tuple[str, ...] = ()
) -> Figure:
    """`points` in the order in which they are drawn, from left to right."""
    shown = [(place, point) for place, point in enumerate(points, 1) if not math.isnan(point.estimate)]

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        ax.axhline(50, color=GREY, linewidth=0.8, linestyle="--")
        for number_of_class, truth in enumerate(CLASS_COLOURS):
            of_class = [(place, point) for place, point in shown if point.truth == truth]
            if not of_class:
                continue
            colour = CLASS_COLOURS[truth]
            known = [(place, p.low, p.high) for place, p in of_class if not (math.isnan(p.low) or math.isnan(p.high))]
            if known:
                places, low, high = (np.array(values) for values in zip(*known, strict=True))
                ax.vlines(places, 100 * low, 100 * high, color=colour, linewidth=0.6, alpha=0.5)
            ax.plot(
                [place for place, _ in of_class],
                [100 * point.estimate for _, point in of_class],
                MARKERS[number_of_class],
                color=colour,
                markersize=3,
                linestyle="none",
                markerfacecolor=colour if truth == "real" else "white",
                label=f"{truth} images",
            )
        ax.set(xlim=(0, len(points) + 1), ylim=(-2, 102), ylabel=axis)
        ax.set_xlabel("Images, from the hardest to the easiest")
        ax.legend(loc="lower right")

    values = [(p.image, p.truth, p.k, p.n, p.estimate, p.low, p.high) for p in points]
    return Figure(
        key=key,
        title=title,
        alt=_alt([point for _, point in shown], axis),
        draw=draw,
        data=data_of(("image", "truth", "readers_right", "readers", "estimate", "low", "high"), values),
        size=(6.3, 3.2),
        notes=notes,
    )


def _alt(points: Sequence[ImagePoint], axis: str) -> str:
    if not points:
        return "No image could be ranked."
    hardest, easiest = points[0], points[-1]
    parts = [
        f"{axis} for {len(points)} images from the hardest to the easiest: from "
        f"{number(100 * hardest.estimate, 1)} (image {hardest.image}, {hardest.truth}, right: {hardest.k} of "
        f"{hardest.n}) to {number(100 * easiest.estimate, 1)} (image {easiest.image}, {easiest.truth}, right: "
        f"{easiest.k} of {easiest.n})"
    ]
    for truth in CLASS_COLOURS:
        of_class = [point for point in points if point.truth == truth]
        if of_class:
            below = sum(point.estimate < 0.5 for point in of_class)
            parts.append(f"Of {len(of_class)} {truth} images {below} lie below 50 per cent")
    return ". ".join(parts) + "."
