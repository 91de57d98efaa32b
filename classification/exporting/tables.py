"""The tables of an experiment as numbers that are not rounded, for CSV files."""

from collections.abc import Callable

from classification.cnn.measures.estimates import Estimate
from classification.results import Results, TestSet
from turing.report.document import Data, Value

ESTIMATE = ("value", "low", "high", "k", "n", "confidence", "interval", "reason")


def arms_table(results: Results) -> Data:
    labels = [one["label"] for one in results.arms[0]["counts"]]
    columns = [f"{label}, {origin}" for label in labels for origin in ("real", "synthetic")]
    rows = tuple(
        (
            arm["name"],
            arm["title"],
            arm["augmented"],
            *(one[origin] for one in arm["counts"] for origin in ("real", "synthetic")),
        )
        for arm in results.arms
    )
    return Data(("arm", "training images", "mirrored and turned", *columns), rows)


def measures_table(results: Results) -> Data:
    """One row per test set, arm and measure; those at a threshold once for each threshold."""
    rows: list[tuple[Value, ...]] = []
    for one in results.test_sets:
        for measured in one.measures:
            areas = measured.areas
            for measure, estimate in (
                ("auc", areas.auc),
                ("auc, bootstrap", areas.auc_bootstrap),
                ("average_precision", areas.average_precision),
            ):
                rows.append((one.name, measured.name, measured.positive, measure, None, None, *_estimate(estimate)))
            for threshold, scores in zip(measured.thresholds, measured.at, strict=True):
                for estimate in scores.estimates:
                    at = (estimate.name.lower(), threshold.rule, threshold.value)
                    rows.append((one.name, measured.name, measured.positive, *at, *_estimate(estimate)))
    return Data(("test set", "arm", "positive", "measure", "threshold rule", "threshold", *ESTIMATE), tuple(rows))


def confusion_table(results: Results) -> Data:
    def rows(one: TestSet) -> list[tuple[Value, ...]]:
        return [
            (
                measured.name,
                threshold.rule,
                threshold.value,
                scores.confusion.true_positive,
                scores.confusion.false_negative,
                scores.confusion.false_positive,
                scores.confusion.true_negative,
            )
            for measured in one.measures
            for threshold, scores in zip(measured.thresholds, measured.at, strict=True)
        ]

    counts = ("true positive", "false negative", "false positive", "true negative")
    return _by_set(results, ("arm", "threshold rule", "threshold", *counts), rows)


def comparisons_table(results: Results) -> Data:
    """Differences are arm - reference."""

    def rows(one: TestSet) -> list[tuple[Value, ...]]:
        found: list[tuple[Value, ...]] = []
        for row in one.comparisons:
            auc, calls = row.against.auc, row.against.decisions
            found.append(
                (
                    row.against.name, one.reference, auc.difference, auc.low, auc.high, auc.se, auc.statistic, auc.p,
                    row.holm, row.benjamini_hochberg, auc.method, auc.reason, calls.both_right, calls.first_only,
                    calls.second_only, calls.both_wrong, calls.difference, calls.low, calls.high, calls.p_exact,
                    calls.p_mid, calls.method,
                )
            )  # fmt: skip
        return found

    columns = (
        "arm", "reference", "AUC difference", "AUC low", "AUC high", "AUC standard error", "AUC statistic", "AUC p",
        "AUC p, Holm", "AUC p, Benjamini-Hochberg", "AUC method", "AUC reason", "both right", "arm alone right",
        "reference alone right", "both wrong", "difference of shares right", "shares low", "shares high",
        "McNemar p, exact", "McNemar p, mid-p", "McNemar method",
    )  # fmt: skip
    return _by_set(results, columns, rows)


def calibration_table(results: Results) -> Data:
    """Before and after temperature scaling."""

    def rows(one: TestSet) -> list[tuple[Value, ...]]:
        found: list[tuple[Value, ...]] = []
        for row in one.calibration:
            temperature = row.temperature.value if row.temperature is not None else None
            for scaling, kind in (("as given", row.given), ("scaled by T", row.scaled)):
                if kind is not None:
                    table = kind.table
                    numbers = (table.brier, table.brier_low, table.brier_high, table.expected_error)
                    at = None if kind is row.given else temperature
                    found.append((row.name, scaling, at, *numbers, table.z, table.p, kind.log_loss))
        return found

    columns = (
        "arm", "scores", "temperature", "Brier score", "Brier low", "Brier high", "expected calibration error",
        "Spiegelhalter z", "Spiegelhalter p", "log loss",
    )  # fmt: skip
    return _by_set(results, columns, rows)


def repetitions_table(results: Results) -> Data:
    def rows(one: TestSet) -> list[tuple[Value, ...]]:
        return [
            (seed.seed, area_row.name, area)
            for seed in one.seeds
            for area_row, area in zip(one.areas, seed.areas, strict=True)
        ]

    return _by_set(results, ("seed", "arm", "AUC"), rows)


TABLES: dict[str, Callable[[Results], Data]] = {
    "arms.csv": arms_table,
    "measures.csv": measures_table,
    "confusion.csv": confusion_table,
    "comparisons.csv": comparisons_table,
    "calibration.csv": calibration_table,
    "repetitions.csv": repetitions_table,
}


def _by_set(results: Results, columns: tuple[str, ...], rows: Callable[[TestSet], list[tuple[Value, ...]]]) -> Data:
    return Data(
        ("test set", "positive", *columns),
        tuple((one.name, one.first.positive, *row) for one in results.test_sets for row in rows(one)),
    )


def _estimate(of: Estimate) -> tuple[Value, ...]:
    counts = (of.k, of.n) if of.n else (None, None)
    return (of.value, of.low, of.high, *counts, of.confidence, of.method, of.reason)
