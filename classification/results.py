"""What an experiment found, as its job keeps it and its page and exports read it."""

from dataclasses import dataclass
from typing import Any

from classification.cnn.measures.estimates import Estimate
from classification.cnn.measures.threshold import RULES
from classification.cnn.measures.whole import AgainstReference, ClassifierMeasures, Comparisons


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """One arm in the table of a test set."""

    name: str
    estimates: tuple[Estimate, ...]  # at the threshold of the table, then the AUC
    repetitions: dict[str, Any]  # n, mean and sd of the AUC over all repetitions; None where there is none


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    against: AgainstReference
    holm: float
    benjamini_hochberg: float


@dataclass(frozen=True, kw_only=True)
class ThresholdTable:
    words: str  # how the threshold was chosen
    titles: tuple[str, ...]  # of the columns: each names the positive class
    rows: tuple[ArmRow, ...]


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """All arms on one test set."""

    name: str
    measures: tuple[ClassifierMeasures, ...]
    tables: tuple[ThresholdTable, ...]
    comparisons: tuple[ComparisonRow, ...]
    reference: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Results:
    test_sets: tuple[TestSet, ...]
    arms: list[dict[str, Any]]  # name, title, and images of each class, real and synthetic
    sweep: dict[str, Any]  # k, mean, sd, best_k, stopped_at, reason
    warnings: list[str]
    summary: list[str]  # what it comes to, in sentences
    weights: dict[str, str]
    seeds: list[int]  # of the repetitions
    figures: list[dict[str, str]]  # name of the files without their kind, title, and what is to be seen in words


def read_results(values: dict[str, Any]) -> Results:
    """The record of stored results. Raises ValueError when another version wrote them."""
    return Results(
        test_sets=tuple(_test_set(name, one) for name, one in values["test_sets"].items()),
        arms=values["arms"],
        sweep=values["sweep"],
        warnings=values["warnings"],
        summary=values["summary"],
        weights=values["weights"],
        seeds=values["seeds"],
        figures=values["figures"],
    )


def _test_set(name: str, values: dict[str, Any]) -> TestSet:
    measures = tuple(ClassifierMeasures.from_dict(one) for one in values["measures"])
    comparisons = Comparisons.from_dict(values["comparisons"]) if values["comparisons"] else None
    rows = (
        ()
        if comparisons is None
        else zip(comparisons.against, comparisons.auc_p.holm, comparisons.auc_p.benjamini_hochberg, strict=True)
    )
    return TestSet(
        name=name,
        measures=measures,
        tables=tuple(_table(measures, values["repetitions"], at) for at in range(len(measures[0].thresholds))),
        comparisons=tuple(ComparisonRow(against=one, holm=holm, benjamini_hochberg=bh) for one, holm, bh in rows),
        reference=comparisons.reference if comparisons is not None else "",
        note=comparisons.note if comparisons is not None else "",
    )


def _table(measures: tuple[ClassifierMeasures, ...], repetitions: list[dict[str, Any]], number: int) -> ThresholdTable:
    rows = tuple(
        ArmRow(name=one.name, estimates=(*one.at[number].estimates, one.areas.auc), repetitions=own)
        for one, own in zip(measures, repetitions, strict=True)
    )
    first = measures[0].thresholds[number]
    words = first.words if first.rule == "fixed" else RULES[first.rule]  # type: ignore[index]
    return ThresholdTable(words=words, titles=tuple(one.title for one in rows[0].estimates), rows=rows)
