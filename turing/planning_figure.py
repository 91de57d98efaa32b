"""The picture of a plan: one panel per measure over the number of readers, a line per number of images.

SVG, the same bytes each time. Its data is the table of `planning_output.py`, its text for those who do not see it is
`describe_plan`. matplotlib is loaded when something is drawn: the web server starts without it.
"""

import io
import math
from typing import TYPE_CHECKING, Any

from turing.planning_output import Measure, measures_of
from turing.stats.planning import Plan, PlannedDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = (  # Okabe and Ito's colours; marker and dash differ too, so that lines are told apart in grey
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#6A3D9A", "D", ":"),
    ("#333333", "v", "-"),
)
USUAL_POWER = 80.0  # per cent, what studies are usually planned for


def draw_plan(plan: Plan) -> bytes:
    """The picture as SVG.

    Raises
    ------
    ValueError : a plan without a single size.
    """
    if not plan.designs:
        raise ValueError("The plan holds no size of study yet: there is nothing to draw")
    import matplotlib
    from matplotlib.figure import Figure

    measures = [measure for measure in measures_of(plan.assumptions) if measure.name != "kappa"]
    settings: Any = {
        "svg.hashsalt": "plan", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9.0,
        "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        columns = 3 if len(measures) > 4 else 2
        n_rows = math.ceil(len(measures) / columns)
        figure = Figure(figsize=(3.4 * columns, 2.7 * n_rows), layout="constrained")
        axes = figure.subplots(n_rows, columns, squeeze=False).ravel()
        for panel, measure in zip(axes, measures, strict=False):
            _draw_panel(panel, plan, measure)
        for panel in axes[len(measures) :]:
            panel.set_axis_off()
        lines, labels = axes[0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=min(len(labels), 5), frameon=False)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw_panel(panel: "Axes", plan: Plan, measure: Measure) -> None:
    sizes = sorted({design.n_images for design in plan.designs})
    readers = sorted({design.n_readers for design in plan.designs})
    apart = 0.012 * (readers[-1] - readers[0] or 1)  # lines that coincide stay visible
    for place, n_images in enumerate(sizes):
        colour, marker, dash = STYLES[place % len(STYLES)]
        line = sorted(_line(plan, n_images, measure), key=lambda design: design.n_readers)
        found = [getattr(design, measure.name) for design in line]
        panel.errorbar(
            [design.n_readers + apart * (place - (len(sizes) - 1) / 2) for design in line],
            [measure.scaled(entry.value) for entry in found],
            yerr=[1.96 * measure.scaled(entry.error) for entry in found],
            color=colour, marker=marker, linestyle=dash, markersize=4, capsize=2, label=f"{n_images:,} images",
        )  # fmt: skip
    panel.set_xticks(readers)
    panel.set_xlabel("Readers")
    panel.set_title(measure.title, fontsize=9)
    if measure.kind == "power":
        panel.axhline(USUAL_POWER, color="#888888", linewidth=0.8, linestyle=(0, (1, 2)))
        panel.set_ylim(0, 103)
        panel.set_ylabel("Studies that show it, %")
    elif measure.kind == "points":
        panel.set_ylim(bottom=0)
        panel.set_ylabel("Percentage points")
    elif measure.kind == "factor":
        panel.set_ylabel("Factor")
        panel.set_ylim(bottom=1)
    else:
        panel.set_ylim(bottom=0)
        panel.set_ylabel("Kappa")


def _line(plan: Plan, n_images: int, measure: Measure) -> list[PlannedDesign]:
    return [
        design
        for design in plan.designs
        if design.n_images == n_images and not math.isnan(getattr(design, measure.name).value)
    ]


def describe_plan(plan: Plan) -> str:
    """The picture in words: each measure at the smallest and at the largest size."""
    ends = sorted(plan.designs, key=lambda design: (design.n_readers * design.n_images, design.n_readers))
    first, last = ends[0], ends[-1]
    parts = []
    for measure in measures_of(plan.assumptions):
        small, large = (measure.format(getattr(design, measure.name)) for design in (first, last))
        parts.append(
            f"{measure.title}: {small} with {first.n_readers} readers and {first.n_images} images, "
            f"{large} with {last.n_readers} readers and {last.n_images} images."
        )
    return "Power and precision over the number of readers, one line per number of images. " + " ".join(parts)
