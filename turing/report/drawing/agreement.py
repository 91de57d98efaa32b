"""Agreement of each pair of readers as a table of shaded squares with their numbers."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Canvas

from turing.report.document import Figure, data_of
from turing.report.figure_files import BLACK
from turing.report.formatting import number

WIDEST_NAME = 5  # characters of a reader that fit below a square
MOST_NUMBERS = 14  # readers; with more, squares are too small for numbers


def agreement_figure(
    *,
    key: str,
    title: str,
    readers: Sequence[str],
    kappa: np.ndarray,
    n_images: np.ndarray,
    notes: tuple[str, ...] = (),
) -> Figure:
    """`kappa`: (readers, readers), symmetric, NaN where undefined; `n_images`: with answers of both, same shape."""
    n, longest = len(readers), max(map(len, readers), default=0)
    is_upright = n > 10 or longest > WIDEST_NAME

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        shown = np.where(np.tri(n, k=-1, dtype=bool), kappa, math.nan)
        # One hue from white to dark, so that it reads the same in grey; below 0 everything is white.
        mesh = ax.pcolormesh(
            np.clip(shown, 0, 1), cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1, antialiased=True
        )
        for row in range(n):
            for column in range(row):
                value = kappa[row, column]
                if n <= MOST_NUMBERS or math.isnan(value):
                    colour = "white" if value > 0.55 else BLACK
                    text = "–" if math.isnan(value) else number(value)
                    ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=7)
        places = np.arange(n) + 0.5
        ax.set_xticks(places[:-1], readers[:-1], rotation=90 if is_upright else 0)
        ax.set_yticks(places[1:], readers[1:])
        ax.set_xlim(0, n - 1)
        ax.set_ylim(n, 1)
        ax.tick_params(length=0)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_aspect("equal")
        bar = canvas.colorbar(mesh, ax=ax, label="Cohen’s κ (below 0: as 0)", shrink=0.8)
        bar.outline.set_visible(False)

    side = min(max(2.2, 0.38 * n + 0.6), 5.6)
    name_room = min(max(longest - WIDEST_NAME, 0) * 0.07, 1.2)  # inches
    values = [
        (readers[row], readers[column], kappa[row, column], int(n_images[row, column]))
        for row in range(n)
        for column in range(row)
    ]
    return Figure(
        key=key,
        title=title,
        alt=_alt(readers, kappa),
        draw=draw,
        data=data_of(("reader", "other_reader", "kappa", "images"), values),
        size=(side + 1.2 + name_room, side + (name_room if is_upright else 0)),
        notes=notes,
    )


def _alt(readers: Sequence[str], kappa: np.ndarray) -> str:
    pairs = [(row, column) for row in range(len(readers)) for column in range(row)]
    defined = [(float(kappa[pair]), pair) for pair in pairs if not math.isnan(kappa[pair])]
    text = f"Cohen's kappa of {len(pairs)} pairs of {len(readers)} readers."
    if not defined:
        return f"{text} It is undefined for all of them."
    (low, least), (high, most) = min(defined), max(defined)
    values = np.array([value for value, _ in defined])
    undefined = len(pairs) - len(defined)
    rest = f" Undefined for {undefined} pairs." if undefined else ""
    return (
        f"{text} Lowest {number(low)} ({readers[least[1]]} and {readers[least[0]]}), highest {number(high)} "
        f"({readers[most[1]]} and {readers[most[0]]}), median {number(float(np.median(values)))}.{rest}"
    )
