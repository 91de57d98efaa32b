"""Learning and fatigue: share of right answers and median reading time along the order in which images were read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from turing.report.document import Figure, data_of
from turing.report.figure_files import BLACK, BLUE, GREY, VERMILION
from turing.report.formatting import number


@dataclass(frozen=True)
class Stretch:
    """Positions `first` to `last` of all readers together. Shares in [0, 1], times in seconds; NaN without answers."""

    first: int
    last: int
    n: int
    right: float
    right_low: float
    right_high: float
    n_timed: int
    q1: float
    median: float
    q3: float


def position_figure(*, key: str, title: str, stretches: Sequence[Stretch], notes: tuple[str, ...] = ()) -> Figure:
    """Two panels over the position: right answers with intervals, and median times with quartiles."""

    def draw(canvas: Canvas) -> None:
        above, below = canvas.subplots(2, 1, sharex=True)
        middle = [(stretch.first + stretch.last) / 2 for stretch in stretches]
        above.axhline(50, color=GREY, linewidth=0.8, linestyle="--")
        for x, stretch in zip(middle, stretches, strict=True):
            if stretch.n:
                above.plot([x, x], [100 * stretch.right_low, 100 * stretch.right_high], color=BLUE, linewidth=1)
            if stretch.n_timed:
                below.plot([x, x], [stretch.q1, stretch.q3], color=VERMILION, linewidth=1)
        above.plot(middle, [100 * stretch.right for stretch in stretches], "o-", color=BLUE)
        above.set(ylim=(-2, 102), ylabel="Right answers, per cent")
        below.plot(middle, [stretch.median for stretch in stretches], "^--", color=VERMILION)
        below.set(xlabel="Position in the order of reading", ylabel="Reading time, s\n(median, quartiles)")
        below.set_ylim(bottom=0)
        below.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        for ax in (above, below):
            ax.tick_params(colors=BLACK)

    values = [
        (s.first, s.last, s.n, s.right, s.right_low, s.right_high, s.n_timed, s.q1, s.median, s.q3) for s in stretches
    ]
    columns = (
        *("first_position", "last_position", "answers", "right", "right_low", "right_high"),
        *("timed", "seconds_q1", "seconds_median", "seconds_q3"),
    )
    return Figure(
        key=key,
        title=title,
        alt=_alt(stretches),
        draw=draw,
        data=data_of(columns, values),
        size=(6.3, 4.0),
        notes=notes,
    )


def _alt(stretches: Sequence[Stretch]) -> str:
    parts = [f"Right answers and reading times over {len(stretches)} stretches of the reading"]
    right = [stretch for stretch in stretches if stretch.n]
    if right:
        texts = [f"{100 * stretch.right:.0f}" for stretch in right]
        parts.append(f"Right answers in per cent, from the first stretch to the last: {', '.join(texts)}")
    timed = [stretch for stretch in stretches if not math.isnan(stretch.median)]
    if timed:
        texts = [number(stretch.median, 1) for stretch in timed]
        parts.append(f"Median reading times in seconds: {', '.join(texts)}")
    return ". ".join(parts) + "."
