"""What an experiment found, as its job keeps it and its page and exports read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from classification.cnn.config import METRIC_NAMES
from classification.cnn.measures.calibration import Reliability, Temperature
from classification.cnn.measures.estimates import Estimate
from classification.cnn.measures.scores import Confusion
from classification.cnn.measures.threshold import RULES, Threshold
from classification.cnn.measures.whole import AgainstReference, ClassifierMeasures, Comparisons
from classification.wording import at_beginning, decimal, level, listed, with_limits


@dataclass(frozen=True, kw_only=True)
class AreaRow:
    name: str
    auc: Estimate
    auc_bootstrap: Estimate
    average_precision: Estimate
    repetitions: dict[str, Any]  # n, mean, sd and areas of all repetitions; None where there is none


@dataclass(frozen=True, kw_only=True)
class ThresholdRow:
    """One arm at its threshold."""

    name: str
    threshold: Threshold
    confusion: Confusion
    estimates: tuple[Estimate, ...]

    @property
    def threshold_words(self) -> str:
        if not self.threshold.is_defined:
            return f"none: {self.threshold.reason}"
        return "above 1" if self.threshold.value > 1 else f"{self.threshold.value:.4g}"


@dataclass(frozen=True, kw_only=True)
class ThresholdTable:
    words: str  # how the threshold was chosen
    titles: tuple[str, ...]  # of the columns: each names the positive class
    rows: tuple[ThresholdRow, ...]
    notes: tuple[str, ...]  # how the intervals were made


@dataclass(frozen=True, kw_only=True)
class CalibrationRow:
    name: str
    given: Reliability
    temperature: Temperature | None
    scaled: Reliability | None

    @property
    def brier(self) -> str:
        return _brier(self.given)

    @property
    def brier_scaled(self) -> str:
        return "–" if self.scaled is None else _brier(self.scaled)

    @property
    def error_scaled(self) -> str:
        return decimal(None if self.scaled is None else self.scaled.table.expected_error)

    @property
    def temperature_words(self) -> str:
        if self.temperature is None:
            return "–"
        return decimal(self.temperature.value) if self.temperature.was_fitted else f"none: {self.temperature.reason}"


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    against: AgainstReference
    holm: float
    benjamini_hochberg: float


@dataclass(frozen=True, kw_only=True)
class SeedRow:
    """One repetition: the AUC of every arm."""

    seed: int
    areas: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """All arms on one test set."""

    number: int  # from 1, as in the names of figures
    name: str
    measures: tuple[ClassifierMeasures, ...]
    areas: tuple[AreaRow, ...]
    area_notes: tuple[str, ...]
    tables: tuple[ThresholdTable, ...]
    calibration: tuple[CalibrationRow, ...]
    calibration_notes: tuple[str, ...]
    comparisons: tuple[ComparisonRow, ...]
    reference: str
    comparison_notes: tuple[str, ...]
    seeds: tuple[SeedRow, ...]

    @property
    def first(self) -> ClassifierMeasures:
        return self.measures[0]

    @property
    def level(self) -> str:
        """Of every interval: "95 % CI"."""
        return level(self.first.confidence)


@dataclass(frozen=True, kw_only=True)
class Results:
    test_sets: tuple[TestSet, ...]
    arms: list[dict[str, Any]]  # name, title, augmented, and images of each class, real and synthetic
    sweep: dict[str, Any]  # {} without a search for K; see experiment_results
    warnings: list[str]
    summary: list[str]  # what it comes to, in sentences
    weights: dict[str, str]
    seeds: list[int]  # of the repetitions
    figures: list[dict[str, str]]  # name of the files without their kind, test set, title, what is to be seen in words

    @property
    def metric_name(self) -> str:
        """By which K was chosen; "" without a search."""
        return METRIC_NAMES[self.sweep["metric"]] if self.sweep else ""

    @property
    def columns(self) -> list[str]:
        """Of the table of arms: classes, apart for real and synthetic images where an arm has synthetic ones."""
        return [title for title, _, _ in _columns(self.arms)]

    @property
    def arm_rows(self) -> list[tuple[dict[str, Any], list[int]]]:
        """Each arm with its numbers of images, in the order of `columns`."""
        kept = _columns(self.arms)
        return [(arm, [arm["counts"][place][origin] for _, place, origin in kept]) for arm in self.arms]


def read_results(values: dict[str, Any]) -> Results:
    """The record of stored results. Raises ValueError when another version wrote them."""
    try:
        return Results(
            test_sets=tuple(
                _test_set(number, name, values["test_sets"][name], values["seeds"])
                for number, name in enumerate(values["set_names"], start=1)
            ),
            arms=values["arms"],
            sweep=values["sweep"],
            warnings=values["warnings"],
            summary=values["summary"],
            weights=values["weights"],
            seeds=values["seeds"],
            figures=values["figures"],
        )
    except KeyError as error:
        raise ValueError(f"The results have no {error}: another version of Turing Reader wrote them") from error


def _columns(arms: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """(title, place of the class, "real" or "synthetic"). Of a machine reader the classes are the two origins."""
    labels = [one["label"] for one in arms[0]["counts"]]
    if set(labels) == {"real", "synthetic"}:
        return [(label, place, label) for place, label in enumerate(labels)]
    if not any(one["synthetic"] for arm in arms for one in arm["counts"]):
        return [(label, place, "real") for place, label in enumerate(labels)]
    return [
        (f"{label}, {origin}", place, origin) for place, label in enumerate(labels) for origin in ("real", "synthetic")
    ]


def _test_set(number: int, name: str, values: dict[str, Any], seeds: list[int]) -> TestSet:
    measures = tuple(ClassifierMeasures.from_dict(one) for one in values["measures"])
    comparisons = Comparisons.from_dict(values["comparisons"]) if values["comparisons"] else None
    rows = (
        ()
        if comparisons is None
        else zip(comparisons.against, comparisons.auc_p.holm, comparisons.auc_p.benjamini_hochberg, strict=True)
    )
    calibration = tuple(
        CalibrationRow(name=one.name, given=one.reliability, temperature=one.temperature, scaled=one.reliability_scaled)
        for one in measures
    )
    return TestSet(
        number=number,
        name=name,
        measures=measures,
        areas=tuple(
            AreaRow(
                name=one.name,
                auc=one.areas.auc,
                auc_bootstrap=one.areas.auc_bootstrap,
                average_precision=one.areas.average_precision,
                repetitions=own,
            )
            for one, own in zip(measures, values["repetitions"], strict=True)
        ),
        area_notes=_area_notes(measures),
        tables=tuple(_table(measures, at) for at in range(len(measures[0].thresholds))),
        calibration=calibration,
        calibration_notes=_unique(row.given.note for row in calibration),
        comparisons=tuple(ComparisonRow(against=one, holm=holm, benjamini_hochberg=bh) for one, holm, bh in rows),
        reference=comparisons.reference if comparisons is not None else "",
        comparison_notes=_comparison_notes(comparisons) if comparisons is not None else (),
        seeds=tuple(
            SeedRow(seed=seed, areas=tuple(own["areas"][place] for own in values["repetitions"]))
            for place, seed in enumerate(seeds)
        ),
    )


def _table(measures: tuple[ClassifierMeasures, ...], number: int) -> ThresholdTable:
    rows = tuple(
        ThresholdRow(
            name=one.name,
            threshold=one.thresholds[number],
            confusion=one.at[number].confusion,
            estimates=one.at[number].estimates,
        )
        for one in measures
    )
    words = _rule(measures[0].thresholds[number])
    notes = _unique(one.at[number].note or one.at[number].reason for one in measures)
    return ThresholdTable(words=words, titles=tuple(one.title for one in rows[0].estimates), rows=rows, notes=notes)


def _rule(threshold: Threshold) -> str:
    """How it was chosen, without its value, which is another one in every arm."""
    if threshold.rule in ("specificity", "sensitivity") and threshold.is_defined:
        return at_beginning(threshold.words.partition(" (")[2].removesuffix(")"))
    return threshold.words if threshold.rule == "fixed" else RULES[threshold.rule]  # type: ignore[index]


def _area_notes(measures: tuple[ClassifierMeasures, ...]) -> tuple[str, ...]:
    """Which interval of the AUC each arm has, then what the other intervals are."""
    by_method: dict[str, list[str]] = {}
    for one in measures:
        if one.areas.auc.has_interval:
            by_method.setdefault(one.areas.auc.method, []).append(one.name)
    names = {method: f" ({listed(arms)})" if len(by_method) > 1 else "" for method, arms in by_method.items()}
    methods = "; ".join(f"{method}{names[method]}" for method in by_method)
    return (*((f"First interval of the AUC: {methods}",) if methods else ()), *_unique(m.areas.note for m in measures))


def _comparison_notes(comparisons: Comparisons) -> tuple[str, ...]:
    methods = [f"AUC: {one.auc.method}" for one in comparisons.against]
    methods += [f"calls at the threshold 0.5: {one.decisions.method}" for one in comparisons.against]
    return (*_unique(at_beginning(text) for text in methods), at_beginning(comparisons.note))


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(at_beginning(text) for text in texts if text))


def _brier(of: Reliability) -> str:
    return with_limits(decimal(of.table.brier), of.table.brier_low, of.table.brier_high)
