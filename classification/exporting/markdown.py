"""The tables of the page as Markdown, rounded as they are printed there: to be pasted into a manuscript."""

from collections.abc import Sequence

from classification.results import Results, TestSet
from classification.wording import (
    at_beginning,
    decimal,
    difference_in_words,
    estimate_in_words,
    p_value,
    repetitions_in_words,
)


def tables_markdown(name: str, results: Results) -> str:
    parts = [f"# {name}", *(f"* {sentence}" for sentence in results.summary), "", "## Training images"]
    rows = [[arm["name"], arm["title"], *map(str, counts)] for arm, counts in results.arm_rows]
    parts += _table(["Arm", "Training images", *results.columns], rows)
    for one in results.test_sets:
        parts += _test_set(one, len(results.seeds))
    return "\n".join(parts) + "\n"


def _test_set(one: TestSet, n_seeds: int) -> list[str]:
    first, level = one.first, one.level
    parts = [f"## {at_beginning(one.name)}", ""]
    parts += [
        f"{first.n_positive:,} {first.positive} and {first.n_negative:,} {first.negative} images of "
        f"{first.n_patients:,} patients; the positive class is {first.positive}.",
        "",
        "### Areas under the curves",
    ]
    parts += _table(
        [
            "Arm",
            f"{first.areas.auc.title} ({level})",
            f"AUC, bootstrap by patient ({level})",
            f"{first.areas.average_precision.title} ({level})",
            f"AUC, mean (SD) of {n_seeds} repetitions",
        ],
        [
            [
                row.name,
                estimate_in_words(row.auc),
                estimate_in_words(row.auc_bootstrap),
                estimate_in_words(row.average_precision),
                repetitions_in_words(row.repetitions),
            ]
            for row in one.areas
        ],
        one.area_notes,
    )
    if one.comparisons:
        parts.append(f"### Against {one.reference}")
        parts += _table(
            ["Arm", f"Difference of AUC ({level})", "p (DeLong)", "p, Holm", "p, Benjamini-Hochberg", "p (McNemar)"],
            [
                [
                    row.against.name,
                    difference_in_words(row.against.auc),
                    p_value(row.against.auc.p),
                    p_value(row.holm),
                    p_value(row.benjamini_hochberg),
                    p_value(row.against.decisions.p_mid),
                ]
                for row in one.comparisons
            ],
            one.comparison_notes,
        )
    for table in one.tables:
        parts.append(f"### Threshold: {table.words}")
        parts += _table(
            ["Arm", "Threshold", *(f"{title} ({level})" for title in table.titles)],
            [[row.name, row.threshold_words, *map(estimate_in_words, row.estimates)] for row in table.rows],
            table.notes,
        )
    parts.append("### Calibration")
    return parts + _table(
        [
            "Arm",
            f"Brier score ({level})",
            "Expected calibration error",
            "Temperature T, from the tuning set",
            f"Brier score with T ({level})",
            "Expected calibration error with T",
        ],
        [
            [
                row.name,
                row.brier,
                decimal(row.given.table.expected_error),
                row.temperature_words,
                row.brier_scaled,
                row.error_scaled,
            ]
            for row in one.calibration
        ],
        one.calibration_notes,
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> list[str]:
    lines = [_line(header), _line(["---", *["---:"] * (len(header) - 1)]), *(_line(row) for row in rows)]
    below = ["", " ".join(f"{note}." for note in notes)] if notes else []
    return ["", *lines, *below, ""]


def _line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", r"\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(escaped)} |"
