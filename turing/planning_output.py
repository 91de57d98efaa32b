"""A plan as people read it: columns with their explanation, rows, CSV, JSON. The picture is in `planning_figure.py`.
Imports no Django, so that pages, jobs and the command line share it."""

import csv
import io
import math
from dataclasses import asdict, dataclass
from typing import Any

from turing.stats.planning import Assumptions, MonteCarlo, Plan, PlannedDesign


@dataclass(frozen=True)
class Measure:
    """One thing that a plan says about a size of study."""

    name: str  # of the field of `PlannedDesign`
    title: str
    explanation: str
    kind: str  # "power", "points" (percentage points), "factor" or "number"

    def format(self, found: MonteCarlo) -> str:
        """The value with its Monte Carlo error, in the unit that readers of the table expect."""
        if math.isnan(found.value):
            return "–"
        if self.kind == "power":
            return f"{100 * found.value:.0f} % ± {100 * found.error:.1f}"
        if self.kind == "points":
            return f"{100 * found.value:.1f} ± {100 * found.error:.1f}"
        if self.kind == "factor":
            return f"{found.value:.2f} ± {found.error:.2f}"
        return f"{found.value:.3f} ± {found.error:.4f}"

    def scaled(self, value: float) -> float:
        """In the unit of the table: per cent and percentage points where it is a share."""
        return 100 * value if self.kind in ("power", "points") else value


def measures_of(assumptions: Assumptions) -> tuple[Measure, ...]:
    """What a plan says under these assumptions; the group comparison only where there are two groups."""
    settings = assumptions
    level = f"{100 * settings.confidence:g} %"
    low, high = 100 * (0.5 - settings.margin), 100 * (0.5 + settings.margin)
    chance = Measure(
        "power_chance", "Power: not at chance",
        f"How often the {level} interval of the accuracy leaves out 50 %, if readers are right in "
        f"{100 * settings.accuracy:g} % of their answers.", "power",
    )  # fmt: skip
    equivalence = Measure(
        "power_equivalence", "Power: equivalent to chance",
        f"How often the accuracy is shown to lie between {low:g} and {high:g} %, if readers are right in "
        f"{100 * settings.accuracy_if_equivalent:g} % of their answers.", "power",
    )  # fmt: skip
    group = Measure(
        "power_group", "Power: groups differ",
        f"How often the {level} interval of the odds ratio leaves out 1, if it is {settings.odds_ratio or 1:g}.",
        "power",
    )  # fmt: skip
    width = Measure(
        "accuracy_half_width", "Accuracy: half width, points",
        f"Mean half width of the {level} interval of the accuracy, in percentage points.", "points",
    )  # fmt: skip
    factor = Measure(
        "odds_ratio_factor", "Odds ratio: times or divided by",
        f"The {level} interval reaches from the odds ratio divided by this to the odds ratio multiplied by it.",
        "factor",
    )  # fmt: skip
    kappa = Measure(
        "kappa", "Kappa", "Mean Fleiss kappa of the answers real and synthetic under these assumptions.", "number",
    )  # fmt: skip
    kappa_width = Measure(
        "kappa_half_width", "Kappa: half width", f"Mean half width of its {level} interval.", "number"
    )  # fmt: skip
    if settings.odds_ratio is None:
        return chance, equivalence, width, kappa, kappa_width
    return chance, equivalence, group, width, factor, kappa, kappa_width


def size_of(design: PlannedDesign) -> str:
    """ "6 (3 + 3)": readers, with the two groups where there are two."""
    if not design.n_second_group:
        return f"{design.n_readers}"
    return f"{design.n_readers} ({design.n_readers - design.n_second_group} + {design.n_second_group})"


def table_of(plan: Plan) -> tuple[list[str], list[list[str]]]:
    """Headings and formatted cells."""
    measures = measures_of(plan.assumptions)
    rows = [
        [
            size_of(design),
            str(design.n_images),
            *(measure.format(getattr(design, measure.name)) for measure in measures),
        ]
        for design in plan.designs
    ]
    return ["Readers", "Images", *(measure.title for measure in measures)], rows


def remarks_of(plan: Plan) -> list[str]:
    """What must be said beside the table."""
    found = []
    if plan.designs:
        found.append(
            f"Each number comes from {plan.designs[0].n_studies:,} simulated studies; behind ± is its Monte Carlo "
            f"standard error. Seed {plan.seed}."
        )
    for design in plan.designs:
        size = f"{design.n_readers} readers and {design.n_images} images"
        if design.n_not_estimable:
            found.append(
                f"{size}: {design.n_not_estimable} of {design.n_studies:,} studies had no finite estimate. They count "
                "as showing nothing, and are left out of the widths."
            )
        if design.reason:
            found.append(f"{size}: {design.reason}.")
    if not plan.is_complete:
        found.append("The calculation was ended early: some sizes are missing.")
    return found


def to_json(plan: Plan) -> dict[str, Any]:
    """Everything, with null for what does not exist; `plan_from_json` takes it back."""
    return {
        "assumptions": asdict(plan.assumptions),
        "seed": plan.seed,
        "is_complete": plan.is_complete,
        "designs": [_without_nan(asdict(design)) for design in plan.designs],
    }


def plan_from_json(stored: dict[str, Any]) -> Plan:
    """The plan that `to_json` wrote."""
    designs = []
    for kept in stored["designs"]:
        numbers = {
            name: MonteCarlo(*(math.nan if value is None else value for value in (entry["value"], entry["error"])))
            for name, entry in kept.items()
            if isinstance(entry, dict)
        }
        designs.append(PlannedDesign(**(kept | numbers)))
    return Plan(Assumptions(**stored["assumptions"]), stored["seed"], tuple(designs), stored["is_complete"])


def to_csv(plan: Plan) -> str:
    """One row per size; value and Monte Carlo error of each measure; powers and accuracy as shares, 0 to 1."""
    measures = measures_of(plan.assumptions)
    file = io.StringIO()
    writer = csv.writer(file)
    heads = [head for measure in measures for head in (measure.name, f"{measure.name}_mc_error")]
    writer.writerow(["readers", "second_group", "images", "studies", "not_estimable", *heads])
    for design in plan.designs:
        sizes = [design.n_readers, design.n_second_group, design.n_images, design.n_studies, design.n_not_estimable]
        found = [getattr(design, measure.name) for measure in measures]
        numbers = [number for entry in found for number in (entry.value, entry.error)]
        writer.writerow([*sizes, *("" if math.isnan(number) else f"{number:.6g}" for number in numbers)])
    return file.getvalue()


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: None if math.isnan(number) else number for key, number in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in values.items()
    }
