"""Measures against the multiple K of synthetic images that were added, as in Kong 2022, figure 1."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from classification.cnn.figures.style import BLACK, COLOURS, GREY, LINES, MARKERS, Figure, number


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
    """Each measure against K: the mean over seeds, and one standard deviation above and below it.

    Parameters
    ----------
    multiples : K, rising, (k,).
    values : measure -> (seeds, k); NaN where a seed has not come so far, or a measure is not defined.
    choosing : the measure by which K is chosen; drawn thick.
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

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, (name, table) in enumerate(tables.items()):
            mean, sd = _mean_and_sd(table)
            is_main = name == choosing
            colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
            if n_seeds > 1:
                ax.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.25 if is_main else 0.12, linewidth=0)
            marker = MARKERS[place % len(MARKERS)] if is_main or len(x) < 2 else None
            width = 2.0 if is_main else 1.0
            label = f"{name} (chooses K)" if is_main else name
            ax.plot(x, mean, color=colour, linestyle=line, linewidth=width, marker=marker, markersize=3.5, label=label)
        for at, colour, style, words in (
            (chosen, BLACK, "-", "chosen: K = {}"),
            (stopped, GREY, "--", "search ended: K = {}"),
        ):
            if at is not None:
                ax.axvline(at, color=colour, linewidth=0.9, linestyle=style, zorder=0, label=words.format(at))
        ax.set_xlabel("K: synthetic images, in multiples of the original ones")
        ax.set_ylabel(f"On the {measured_on}{', mean ± SD of ' + str(n_seeds) + ' seeds' if n_seeds > 1 else ''}")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        canvas.legend(loc="outside lower left", ncols=2)

    return Figure(
        key="sweep",
        title=f"Measures against K (positive: {positive})",
        alt=_alt(x, tables, choosing, chosen, stopped, n_seeds, measured_on),
        size=(6.3, 3.6 + 0.17 * ((len(tables) + 3) // 2)),
        draw=draw,
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
