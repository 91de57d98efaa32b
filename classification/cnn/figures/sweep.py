"""Measures against the multiple K of synthetic images that were added, as in Kong 2022, figure 1."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from classification.cnn.figures.style import BLACK, BLUE, GREY, VERMILION, Figure, number

PANELS_PER_ROW = 2
MAIN_HEIGHT, PANEL_HEIGHT = 2.4, 1.3  # inches


def sweep_figure(
    multiples: Sequence[int],
    values: Mapping[str, NDArray[np.float64]],
    *,
    choosing: str,
    chosen: int | None = None,
    stopped: int | None = None,
    measured_on: str = "tuning set",
    positive: str,
) -> Figure:
    """Each measure against K, in a panel of its own: the mean over seeds, one standard deviation above and below it.

    The panel of the measure that chooses also has every seed, with the K that it alone would have chosen.

    Parameters
    ----------
    multiples : K, rising, (k,).
    values : measure -> (seeds, k); NaN where a seed has not come so far, or a measure is not defined.
    choosing : the measure by which K is chosen; its panel is the large one.
    chosen, stopped : K_optimal, and the K at which the search ended; None while it goes on.
    measured_on : the images, in words.
    positive : the positive class.

    Raises
    ------
    ValueError : nothing to draw, shapes that do not fit, or an unknown `choosing`.

    References
    ----------
    Kong et al. Sci Rep 2022;12:18118, figure 1 (there one seed, without standard deviations).
    """
    tables = {name: np.asarray(table, dtype=np.float64) for name, table in values.items()}
    if not len(multiples) or not tables:
        raise ValueError("There is nothing to draw yet: no K has been measured")
    if choosing not in tables:
        raise ValueError(f"“{choosing}” is not among the measures: {', '.join(tables)}")
    for name, table in tables.items():
        if table.ndim != 2 or table.shape[1] != len(multiples) or not len(table):
            raise ValueError(f"{name} has shape {table.shape}; (seeds, {len(multiples)}) is needed")
    n_seeds = max(len(table) for table in tables.values())
    x = np.asarray(multiples)
    others = [name for name in tables if name != choosing]
    rows = -(-len(others) // PANELS_PER_ROW)

    def draw(canvas: Canvas) -> None:
        grid = canvas.add_gridspec(1 + rows, PANELS_PER_ROW, height_ratios=(MAIN_HEIGHT, *[PANEL_HEIGHT] * rows))
        main = canvas.add_subplot(grid[0, :])
        _curve(main, x, tables[choosing], colour=BLUE, label=f"{choosing} (chooses K)", has_markers=True)
        if n_seeds > 1:
            _single_seeds(main, x, tables[choosing])
        main.set_ylabel(f"{choosing}{f', mean ± SD of {n_seeds} seeds' if n_seeds > 1 else ''}")
        panels = [main]
        for place, name in enumerate(others):
            share = panels[1] if len(panels) > 1 else None
            ax = canvas.add_subplot(
                grid[1 + place // PANELS_PER_ROW, place % PANELS_PER_ROW], sharex=main, sharey=share
            )
            _curve(ax, x, tables[name], colour=BLACK, label=None, has_markers=len(x) < 2)
            ax.set_title(name)
            panels.append(ax)
        for ax in panels:
            for at, colour, style, words in (
                (chosen, VERMILION, "-", "chosen: K = {}"),
                (stopped, GREY, "--", "search ended: K = {}"),
            ):
                if at is not None:
                    ax.axvline(at, color=colour, linewidth=0.9, linestyle=style, zorder=0, label=words.format(at))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        canvas.supxlabel(
            "K: synthetic images, in multiples of the original ones\n"
            f"Measured on the {measured_on}; positive: {positive}",
            fontsize=8,
        )
        handles, labels = main.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper left", ncols=2)

    return Figure(
        key="sweep",
        title=f"Measures on the {measured_on} against K (positive: {positive})",
        alt=_alt(x, tables, choosing, chosen, stopped, n_seeds, measured_on),
        size=(6.3, MAIN_HEIGHT + PANEL_HEIGHT * rows + 0.85),
        draw=draw,
    )


def _curve(
    ax: Any,
    x: NDArray[np.int64],
    table: NDArray[np.float64],
    *,
    colour: str,
    label: str | None,
    has_markers: bool,
) -> None:
    mean, sd = _mean_and_sd(table)
    if len(table) > 1:
        ax.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
    ax.plot(x, mean, color=colour, marker="o" if has_markers else None, markersize=3.5, label=label)


def _single_seeds(ax: Any, x: NDArray[np.int64], table: NDArray[np.float64]) -> None:
    """Each seed's own curve, and the K that it alone would have chosen: far apart, they show that it was luck."""
    for own in table:
        ax.plot(x, own, color=BLUE, linewidth=0.5, alpha=0.5)
    has_value = np.isfinite(table).any(axis=1)
    best = np.nanargmax(table[has_value], axis=1)
    ax.plot(
        x[best],
        table[has_value, best],
        color=BLACK,
        linestyle="none",
        marker="o",
        markersize=6,
        fillstyle="none",
        label="a single seed, and the K it alone would choose",
    )


def _mean_and_sd(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Over the seeds that have a value; the standard deviation is 0 of a single one, both NaN of none."""
    there = np.isfinite(table)
    n = there.sum(axis=0)
    total = np.where(there, table, 0.0).sum(axis=0)
    mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    squares = np.where(there, (table - mean) ** 2, 0.0).sum(axis=0)
    variance = np.divide(squares, n - 1, out=np.zeros(len(n)), where=n > 1)
    return mean, np.sqrt(variance)


def _alt(
    x: NDArray[np.int64],
    tables: Mapping[str, NDArray[np.float64]],
    choosing: str,
    chosen: int | None,
    stopped: int | None,
    n_seeds: int,
    measured_on: str,
) -> str:
    mean, sd = _mean_and_sd(tables[choosing])
    text = (
        f"{', '.join(tables)} on the {measured_on} against K from {x[0]} to {x[-1]}, {n_seeds} seed(s). "
        f"{choosing} at K = {x[0]}: {number(float(mean[0]), 3)}"
    )
    for place in np.flatnonzero(x == chosen):
        text += f"; at the chosen K = {chosen}: {number(float(mean[place]), 3)} (SD {number(float(sd[place]), 3)})"
    return text + (f"; the search ended at K = {stopped}." if stopped is not None else ".")
