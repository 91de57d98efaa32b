"""ROC curves of graded answers, and operating points of plain ones, in the same square."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Canvas

from turing.report.document import Figure, data_of
from turing.report.figure_files import COLOURS, GREY, LINES, MARKERS
from turing.report.formatting import listed, number


@dataclass(frozen=True)
class RocLine:
    """Points from (0, 0) to (1, 1), shares in [0, 1]; a plain answer is one point. AUC NaN: not known."""

    label: str
    false_share: tuple[float, ...]  # of real images called synthetic
    true_share: tuple[float, ...]  # of synthetic images called synthetic
    auc: float = math.nan
    is_mean: bool = False


def roc_figure(*, key: str, title: str, lines: Sequence[RocLine], notes: tuple[str, ...] = ()) -> Figure:
    """Synthetic images are those to be found: up is synthetic called synthetic, right is real called synthetic."""

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        ax.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle="--", label="chance")
        for place, line in enumerate(lines):
            x, y = [100 * share for share in line.false_share], [100 * share for share in line.true_share]
            label = line.label if math.isnan(line.auc) else f"{line.label}: AUC {number(line.auc)}"
            colour = "black" if line.is_mean else COLOURS[place % len(COLOURS)]
            if len(x) == 1:
                ax.plot(x, y, MARKERS[place % len(MARKERS)], color=colour, markersize=6, linestyle="none", label=label)
            else:
                style = "-" if line.is_mean else LINES[place % len(LINES)]
                ax.plot(x, y, color=colour, linestyle=style, linewidth=2.2 if line.is_mean else 1.1, label=label)
        ax.set(xlim=(-1, 101), ylim=(-1, 101), xlabel="Real called synthetic, per cent")
        ax.set_ylabel("Synthetic called synthetic, per cent")
        ax.set_aspect("equal")
        canvas.legend(loc="outside right upper", ncols=1 if len(lines) <= 22 else 2)

    points = [
        (line.label, order, x, y, line.auc)
        for line in lines
        for order, (x, y) in enumerate(zip(line.false_share, line.true_share, strict=True), 1)
    ]
    return Figure(
        key=key,
        title=title,
        alt=_alt(lines),
        draw=draw,
        data=data_of(("reader", "point", "real_called_synthetic", "synthetic_called_synthetic", "auc"), points),
        size=(5.6, 3.6),
        notes=notes,
    )


def _alt(lines: Sequence[RocLine]) -> str:
    graded = [line for line in lines if not math.isnan(line.auc)]
    if graded:
        texts = [f"{line.label} {number(line.auc)}" for line in graded]
        return (
            f"ROC curves of {len(lines)} lines against the diagonal of chance. Areas under the curve: {listed(texts)}."
        )
    texts = [
        f"{line.label} {100 * line.false_share[0]:.0f} and {100 * line.true_share[0]:.0f}"
        for line in lines
        if len(line.true_share) == 1
    ]
    above = sum(line.true_share[0] > line.false_share[0] for line in lines if len(line.true_share) == 1)
    return (
        f"One point for each of {len(texts)} readers in ROC space; {above} lie above the diagonal of chance. Per cent "
        f"of real images called synthetic, and of synthetic images called synthetic: {listed(texts)}."
    )
