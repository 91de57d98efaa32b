"""Forest plots: estimates with their intervals, one row each, in one or several panels side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from turing.report.document import Data, Figure, data_of
from turing.report.figure_files import BLACK, BLUE, COLOURS, GREY, MARKERS, VERMILION
from turing.report.formatting import estimate, listed, ratio, ratio_interval

ROW_HEIGHT = 0.2  # inches


@dataclass(frozen=True)
class Limits:
    """An estimate and its interval; NaN where there is none."""

    estimate: float
    low: float
    high: float

    @property
    def is_defined(self) -> bool:
        return not (math.isnan(self.estimate) or math.isnan(self.low) or math.isnan(self.high))


@dataclass(frozen=True)
class ForestRow:
    """`limits`: one for each panel. A heading has none."""

    label: str
    kind: Literal["single", "pooled", "heading"]
    limits: tuple[Limits, ...] = ()


def forest_figure(
    *,
    key: str,
    title: str,
    panels: Sequence[str],
    rows: Sequence[ForestRow],
    reference: float,
    reference_name: str,
    band: tuple[float, float] | None = None,
    notes: tuple[str, ...] = (),
) -> Figure:
    """Shares in [0, 1], shown as per cent. `band`: a range to be shaded, such as the equivalence margin."""
    height = 0.85 + ROW_HEIGHT * len(rows)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        colours = (BLACK, BLUE, VERMILION)
        for place, (ax, name) in enumerate(zip(axes, panels, strict=True)):
            if band is not None:
                ax.axvspan(100 * band[0], 100 * band[1], color="#E6E6E6", linewidth=0, zorder=0)
            ax.axvline(100 * reference, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
            for y, row in enumerate(rows):
                if row.kind != "heading":
                    _bar(ax, y, row, row.limits[place], colours[place % 3], MARKERS[place])
            ax.set_xlim(-2, 102)
            ax.set_xticks(range(0, 101, 25))
            ax.set_title(name.replace(" (", "\n(", 1))
            ax.set_xlabel("Per cent")
            ax.tick_params(axis="y", length=0)
        _label_rows(axes[0], rows)

    return Figure(
        key=key,
        title=title,
        alt=_alt(panels, rows, reference, reference_name),
        draw=draw,
        data=_data(panels, rows),
        size=(6.7, max(height, 1.6)),
        notes=notes,
    )


def _bar(ax: Any, y: int, row: ForestRow, limits: Limits, colour: str, marker: str, scale: float = 100) -> None:
    if math.isnan(limits.estimate):
        _say_not_estimable(ax, y)
        return
    if limits.is_defined:
        ends = [scale * limits.low, scale * limits.high]
        ax.plot(ends, [y, y], color=colour, linewidth=2.0 if row.kind == "pooled" else 1.1, solid_capstyle="butt")
    shape, size = ("D", 6.0) if row.kind == "pooled" else (marker, 4.5)
    face = "white" if row.kind == "pooled" else colour
    ax.plot([scale * limits.estimate], [y], shape, color=colour, markerfacecolor=face, markersize=size, clip_on=False)


def _say_not_estimable(ax: Any, y: int) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    place = ("axes fraction", "data")
    ax.annotate("not estimable", (0.5, y), xycoords=place, ha="center", va="center", color=GREY, bbox=box)


def _label_rows(ax: Any, rows: Sequence[ForestRow]) -> None:
    ax.set_yticks(range(len(rows)), [row.label for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    for text, row in zip(ax.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if row.kind == "heading" else "normal")


def _data(panels: Sequence[str], rows: Sequence[ForestRow]) -> Data:
    values = [
        (row.label, row.kind, name, limits.estimate, limits.low, limits.high)
        for row in rows
        for name, limits in zip(panels, row.limits, strict=bool(row.limits))
    ]
    return data_of(("row", "kind", "panel", "estimate", "low", "high"), values)


def _alt(panels: Sequence[str], rows: Sequence[ForestRow], reference: float, reference_name: str) -> str:
    singles = [row for row in rows if row.kind == "single"]
    pooled = [row for row in rows if row.kind == "pooled"]
    parts = [f"Forest plot of {listed([name.lower() for name in panels])}, {len(singles)} rows"]
    for place, name in enumerate(panels):
        found = [
            (row.limits[place].estimate, row.label) for row in singles if not math.isnan(row.limits[place].estimate)
        ]
        if not found:
            parts.append(f"{name}: nothing could be estimated")
            continue
        (low, first), (high, last) = min(found), max(found)
        above = sum(row.limits[place].is_defined and row.limits[place].low > reference for row in singles)
        below = sum(row.limits[place].is_defined and row.limits[place].high < reference for row in singles)
        parts.append(
            f"{name}: from {100 * low:.1f} per cent ({first}) to {100 * high:.1f} per cent ({last}); of {len(found)} "
            f"intervals {above} lie above {reference_name} and {below} below"
        )
    for row in pooled:
        texts = [
            f"{name.lower()} {estimate(100 * limits.estimate, 100 * limits.low, 100 * limits.high, 1)}"
            for name, limits in zip(panels, row.limits, strict=True)
        ]
        parts.append(f"{row.label}: {listed(texts)}")
    return ". ".join(parts) + "."


@dataclass(frozen=True)
class RatioRow:
    """Odds ratios with several kinds of intervals, for example Wald's and one for small samples."""

    label: str
    estimate: float
    intervals: tuple[tuple[float, float], ...]
    reason: str = ""  # why there is no estimate


def ratio_figure(
    *, key: str, title: str, axis: str, kinds: Sequence[str], rows: Sequence[RatioRow], notes: tuple[str, ...] = ()
) -> Figure:
    """Odds ratios on a logarithmic axis; `kinds` names the intervals."""

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        ax.set_xscale("log")
        ax.axvline(1, color=GREY, linewidth=0.8, linestyle="--")
        low, high = _range(rows)
        step = 0.22
        for y, row in enumerate(rows):
            if math.isnan(row.estimate):
                _say_not_estimable(ax, y)
                continue
            for place, (first, last) in enumerate(row.intervals):
                if math.isnan(first) or math.isnan(last):
                    continue
                here = y + step * (place - (len(kinds) - 1) / 2)
                label = kinds[place] if y == min(_estimated(rows)) else None
                style = ("-", "--", ":")[place % 3]
                ends = [max(first, low), min(last, high)]
                ax.plot(ends, [here, here], style, color=COLOURS[place], linewidth=1.5, label=label)
                ax.plot([row.estimate], [here], MARKERS[place], color=COLOURS[place])
        ax.set_xlim(low, high)
        ticks = [tick for tick in _TICKS if low <= tick <= high]
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(axis="x", which="minor", length=0)
        ax.set_xlabel(axis)
        ax.set_yticks(range(len(rows)), [row.label for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        if _estimated(rows):
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(kinds))

    values = [
        (row.label, row.estimate, kind, first, last, row.reason)
        for row in rows
        for kind, (first, last) in zip(kinds, row.intervals, strict=True)
    ]
    return Figure(
        key=key,
        title=title,
        alt=_ratio_alt(axis, kinds, rows),
        draw=draw,
        data=data_of(("row", "odds_ratio", "interval", "low", "high", "reason"), values),
        size=(6.3, 1.2 + 0.45 * len(rows)),
        notes=notes,
    )


_TICKS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)


def _estimated(rows: Sequence[RatioRow]) -> list[int]:
    return [place for place, row in enumerate(rows) if not math.isnan(row.estimate)]


def _range(rows: Sequence[RatioRow]) -> tuple[float, float]:
    """Of the axis: all limits, but never beyond 1/2000 and 2000, and at least from 0.5 to 2."""
    limits = [
        limit
        for row in rows
        if not math.isnan(row.estimate)
        for limit in (row.estimate, *(end for ends in row.intervals for end in ends))
        if limit > 0 and math.isfinite(limit)
    ]
    low, high = min([*limits, 0.5]), max([*limits, 2.0])
    return max(low / 1.15, 1 / 2000), min(high * 1.15, 2000)


def _ratio_alt(axis: str, kinds: Sequence[str], rows: Sequence[RatioRow]) -> str:
    parts = [f"{axis}, with {listed(list(kinds))}, on a logarithmic axis"]
    for row in rows:
        if math.isnan(row.estimate):
            parts.append(f"{row.label}: not estimable ({row.reason})")
            continue
        texts = [f"{kind} {ratio_interval(*ends)}" for kind, ends in zip(kinds, row.intervals, strict=True)]
        parts.append(f"{row.label}: {ratio(row.estimate)} ({'; '.join(texts)})")
    return ". ".join(parts) + "."
