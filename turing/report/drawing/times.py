"""Distributions of reading times as box plots, on a logarithmic axis of time + 1 s (a time of 0 s has its place)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, NullFormatter

from turing.report.document import Figure, data_of
from turing.report.figure_files import BLACK, BLUE, VERMILION
from turing.report.formatting import listed, number

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLASS_COLOURS = {"real": BLUE, "synthetic": VERMILION}
TICKS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Box:
    """5th, 25th, 50th, 75th and 95th percentile, in seconds (type 7 of Hyndman and Fan); NaN without times."""

    label: str
    n: int
    quantiles: tuple[float, ...]
    colour: str = BLACK
    is_dashed: bool = False


def box_of(label: str, seconds: np.ndarray, *, colour: str = BLACK, is_dashed: bool = False) -> Box:
    """`seconds`: times from 0; NaN ones, that were not measured, are left out."""
    timed = seconds[np.isfinite(seconds)]
    quantiles = np.quantile(timed, SHARES) if timed.size else np.full(len(SHARES), math.nan)
    return Box(label, timed.size, tuple(float(value) for value in quantiles), colour, is_dashed)


def times_figure(*, key: str, title: str, panels: Mapping[str, Sequence[Box]], notes: tuple[str, ...] = ()) -> Figure:
    """One panel below the other, a box per row: the quartiles, with whiskers to the 5th and 95th percentile."""
    heights = [len(boxes) + 1.2 for boxes in panels.values()]

    def draw(canvas: Canvas) -> None:
        all_axes = canvas.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        ends = [box.quantiles[-1] for boxes in panels.values() for box in boxes if box.n]
        longest = max(ends, default=10.0)
        for ax, (name, boxes) in zip(all_axes, panels.items(), strict=True):
            ax.set_title(name)
            for y, box in enumerate(boxes):
                if box.n:
                    _draw_box(ax, y, box)
                else:
                    ax.annotate("no times", (0.5, y), xycoords=("axes fraction", "data"), ha="center", va="center")
            ax.set_yticks(range(len(boxes)), [f"{box.label} (n = {box.n})" for box in boxes])
            ax.set_ylim(len(boxes) - 0.4, -0.6)
            ax.tick_params(axis="y", length=0)
            ax.set_xlim(0, math.log(longest * 1.15 + 1.5))
            shown = [tick for tick in TICKS if tick <= longest * 1.15 + 0.5]
            ax.xaxis.set_major_locator(FixedLocator([math.log(tick + 1) for tick in shown]))
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.set_xticklabels([str(tick) for tick in shown])
        all_axes[-1].set_xlabel("Reading time in seconds (axis: logarithm of time + 1 s)")

    values = [(name, box.label, box.n, *box.quantiles) for name, boxes in panels.items() for box in boxes]
    columns = ("panel", "row", "n", *(f"seconds_p{round(100 * share):02d}" for share in SHARES))
    return Figure(
        key=key,
        title=title,
        alt=_alt(panels),
        draw=draw,
        data=data_of(columns, values),
        size=(6.3, 0.8 + 0.24 * sum(heights)),
        notes=notes,
    )


def _draw_box(ax: Axes, y: int, box: Box) -> None:
    least, q1, median, q3, most = (math.log(value + 1) for value in box.quantiles)
    style = "--" if box.is_dashed else "-"
    ax.plot([least, q1], [y, y], color=box.colour, linewidth=1, linestyle=style)
    ax.plot([q3, most], [y, y], color=box.colour, linewidth=1, linestyle=style)
    ax.plot(
        [q1, q3, q3, q1, q1],
        [y - 0.3, y - 0.3, y + 0.3, y + 0.3, y - 0.3],
        color=box.colour,
        linewidth=1.1,
        linestyle=style,
    )
    ax.plot([median, median], [y - 0.3, y + 0.3], color=box.colour, linewidth=2.4, solid_capstyle="butt")


def _alt(panels: Mapping[str, Sequence[Box]]) -> str:
    parts = []
    for name, boxes in panels.items():
        texts = [f"{box.label} {_median_and_quartiles(box)}" for box in boxes if box.n]
        empty = [box.label for box in boxes if not box.n]
        text = f"{name}: {listed(texts)}" if texts else f"{name}: no times"
        parts.append(text + (f"; without times: {listed(empty)}" if empty and texts else ""))
    return f"Box plots of reading times. Median and quartiles in seconds. {'. '.join(parts)}."


def _median_and_quartiles(box: Box) -> str:
    _, q1, median, q3, _ = (number(value, 1) for value in box.quantiles)
    return f"{median} ({q1} to {q3})"
