"""Two studies, or tables of answers, against each other, as a document: second minus first in every line.

Which readers and images are the same in both must be said by the caller: equal codes in two studies need not be the
same person.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.report.document import Block, Document, Figure, Listing, Paragraph, Row, Section, Table, Value, data_of
from turing.report.figure_files import BLUE, GREY
from turing.report.formatting import (
    NOT_ESTIMABLE,
    ci,
    estimate,
    number,
    p_value,
    plural,
    ratio,
    ratio_interval,
)
from turing.stats.comparison import (
    Difference,
    PairedShares,
    adjust_holm,
    difference_between_readers,
    difference_of_kappas,
    difference_of_shares,
    paired_shares,
)
from turing.stats.roc import roc_area
from turing.stats.study_effect import StudyEffect, study_effect


@dataclass(frozen=True)
class Line:
    """One difference. `scale`: 100 for shares that are printed in per cent."""

    name: str
    found: Difference
    scale: int = 100


@dataclass(frozen=True)
class Comparison:
    """`paired`: by reader, about the images that both tests have; empty unless readers and images are the same."""

    first: Answers
    second: Answers
    same_readers: bool
    same_images: bool
    confidence: float
    lines: tuple[Line, ...]
    effect: StudyEffect
    paired: tuple[tuple[str, PairedShares], ...]
    n_shared_images: int


def compare_answers(
    first: Answers, second: Answers, *, same_readers: bool, same_images: bool, confidence: float = 0.95
) -> Comparison:
    """Every difference that both tables allow, each by what `turing.stats.comparison` says of its method.

    `same_readers`, `same_images`: whether equal names are the same person, the same image.

    Raises
    ------
    ValueError : pairs of images on one side and single images on the other.
    """
    if first.is_pairs != second.is_pairs:
        raise ValueError(
            f"“{first.source}” and “{second.source}” cannot be compared: one is about pairs of images, the other about "
            "single images, where chance and the meaning of an answer are not the same."
        )
    one, two = first.first, second.first
    shared_readers = [name for name in one.readers if name in two.readers] if same_readers else []
    shared_images = sorted(set(_names_seen(one)) & set(_names_seen(two))) if same_images else []
    lines = [*_shares(one, two, confidence), *_over_readers(one, two, shared_readers, confidence)]
    lines.append(_kappas(one, two, shared_images, confidence))
    effect = study_effect(
        _columns(one), _columns(two), same_readers=same_readers, same_images=same_images, confidence=confidence
    )
    paired = tuple(
        (name, _paired(one, two, name, shared_images, confidence)) for name in shared_readers if shared_images
    )
    return Comparison(
        first, second, same_readers, same_images, confidence, tuple(lines), effect, paired, len(shared_images)
    )


def _names_seen(answers: Answers) -> list[str]:
    return [answers.images[code] for code in np.unique(answers.image)]


def _columns(answers: Answers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return answers.correct, np.array(answers.images)[answers.image], np.array(answers.readers)[answers.reader]


def _counts(answers: Answers) -> tuple[int, int]:
    right = answers.correct
    return int(np.nansum(right)), int((~np.isnan(right)).sum())


def _shares(one: Answers, two: Answers, confidence: float) -> Iterable[Line]:
    yield Line("Accuracy, pooled", difference_of_shares(*_counts(one), *_counts(two), confidence=confidence))
    if not one.is_pairs:
        for truth in ("real", "synthetic"):
            counts = (*_counts(one.select(truth=truth)), *_counts(two.select(truth=truth)))
            found = difference_of_shares(*counts, confidence=confidence)
            yield Line(f"{truth.capitalize()} called {truth}, pooled", found)


def _over_readers(one: Answers, two: Answers, shared: list[str], confidence: float) -> Iterable[Line]:
    def means(answers: Answers) -> dict[str, float]:
        counts = {name: _counts(answers.select(readers=(code,))) for code, name in enumerate(answers.readers)}
        return {name: k / n if n else math.nan for name, (k, n) in counts.items()}

    def areas(answers: Answers) -> dict[str, float]:
        assert answers.rating is not None  # noqa: S101
        found = {}
        for code, name in enumerate(answers.readers):
            own = answers.reader == code
            rated = own & np.isfinite(answers.rating)
            cases, controls = (answers.rating[rated & (answers.truth == truth)] for truth in (1, 0))
            found[name] = roc_area(cases, controls).auc
        return found

    measures = [("Accuracy, mean of readers", means, 100)]
    if one.rating is not None and two.rating is not None:
        measures.append(("Area under the ROC curve, mean of readers", areas, 1))
    for name, measure, scale in measures:
        values, others = measure(one), measure(two)
        if shared:
            arrays = [values[reader] for reader in shared], [others[reader] for reader in shared]
        else:
            arrays = list(values.values()), list(others.values())
        found = difference_between_readers(*arrays, same_readers=bool(shared), confidence=confidence)
        yield Line(name, found, scale)


def _kappas(one: Answers, two: Answers, shared: list[str], confidence: float) -> Line:
    """Jackknifed together only where both tests have exactly the same images."""
    tables, names = (one.table(), two.table()), (_names_seen(one), _names_seen(two))
    same = bool(shared) and set(names[0]) == set(names[1]) == set(shared)
    if same:
        tables = tuple(  # type: ignore[assignment]  # rows in one order
            table[[seen.index(name) for name in shared]] for table, seen in zip(tables, names, strict=True)
        )
    found = difference_of_kappas(*tables, same_images=same, confidence=confidence)
    return Line("Fleiss’ kappa", found, 1)


def _paired(one: Answers, two: Answers, reader: str, shared: list[str], confidence: float) -> PairedShares:
    columns = []
    for answers in (one, two):
        own = answers.select(readers=(answers.readers.index(reader),))
        right = dict(zip((own.images[code] for code in own.image), own.correct, strict=True))
        columns.append([right.get(image, math.nan) for image in shared])
    return paired_shares(*columns, confidence=confidence)


# --- the document ---------------------------------------------------------------------------------------------------


def comparison_document(comparison: Comparison, *, notes: tuple[str, ...] = ()) -> Document:
    """`notes`: what else must be said, for example of simulated readers."""
    first, second = comparison.first, comparison.second
    blocks: list[Block] = [_table(comparison), _figure(comparison)]
    if comparison.paired:
        blocks.append(_paired_table(comparison))
    remarks = [
        *comparison.effect.notes,
        *notes,
        *(f"“{a.source}”: {note}" for a in (first, second) for note in a.notes),
    ]
    sections = [
        Section("methods", "Methods", tuple(Paragraph(text) for text in _methods(comparison))),
        Section("differences", "Differences", tuple(blocks)),
    ]
    if remarks:
        sections.append(Section("remarks", "What to keep in mind", (Listing(tuple(dict.fromkeys(remarks))),)))
    sizes = [
        f"{plural(len(a.readers), 'reader')} and {plural(len(np.unique(a.image)), 'image')}" for a in (first, second)
    ]
    return Document(
        title=f"“{second.source}” against “{first.source}”",
        subtitle=f"First: {first.source} ({sizes[0]}). Second: {second.source} ({sizes[1]}).",
        sections=tuple(sections),
    )


def _own_notes(answers: Answers) -> list[str]:
    return [f"“{answers.source}”: {note}" for note in answers.notes]


def _methods(comparison: Comparison) -> Iterable[str]:
    readers = "the same in both" if comparison.same_readers else "taken as other people in each"
    images = (
        f"{plural(comparison.n_shared_images, 'image')} are in both"
        if comparison.same_images
        else "images are taken as other ones in each"
    )
    yield f"Differences are second minus first. Readers are {readers}; {images}. First answers only."
    methods = dict.fromkeys(line.found.method for line in comparison.lines)
    yield f"Methods: {'; '.join(methods)}. Pooled shares take answers as independent: their intervals are too narrow."
    yield (
        "The odds ratio is of a right answer in the second against the first, from the mixed logistic model correct ~ "
        "study + (1 | image) + (1 | reader) by maximum likelihood with Laplace’s approximation, with Wald’s interval."
    )
    if comparison.paired:
        yield "By reader: McNemar’s test with mid-p, corrected for the number of readers by Holm’s method."


def _table(comparison: Comparison) -> Table:
    rows: list[Row] = []
    data: list[tuple[Value, ...]] = []
    for line in comparison.lines:
        found, digits = line.found, 1 if line.scale == 100 else 3
        unit = ", %" if line.scale == 100 else ""
        rows.append(
            Row(
                (
                    f"{line.name}{unit}",
                    *(number(line.scale * value, digits) for value in (found.first, found.second)),
                    _estimate(found, line.scale, digits),
                    p_value(found.p),
                )
            )
        )
        numbers = (found.first, found.second, found.difference, found.low, found.high, found.p)
        data.append((line.name, *numbers, found.method))
    effect = comparison.effect.effect
    name = "Odds ratio of a right answer"
    if effect is None:
        rows.append(Row((name, "–", "–", NOT_ESTIMABLE, NOT_ESTIMABLE)))
    else:
        shown = f"{ratio(effect.odds_ratio)} ({ratio_interval(effect.or_low, effect.or_high)})"
        rows.append(Row((name, "–", "–", shown, p_value(effect.p))))
        data.append(
            (name, None, None, effect.odds_ratio, effect.or_low, effect.or_high, effect.p, "mixed logistic model, Wald")
        )
    reasons = [f"{line.name}: {line.found.reason}." for line in comparison.lines if line.found.reason]
    if effect is None:
        reasons.append(f"{name}: {comparison.effect.reason}.")
    return Table(
        key="differences",
        title="Second against first",
        columns=("Measure", "First", "Second", f"Difference ({ci(comparison.confidence)})", "p"),
        rows=tuple(rows),
        data=data_of(("measure", "first", "second", "difference", "low", "high", "p", "method"), data),
        notes=("The last line is a ratio, not a difference.", *reasons),
    )


def _estimate(found: Difference, scale: int, digits: int) -> str:
    return estimate(scale * found.difference, scale * found.low, scale * found.high, digits)


def _figure(comparison: Comparison) -> Figure:
    lines = [line for line in comparison.lines if line.scale == 100]
    found = [line.found for line in lines]

    def draw(canvas) -> None:  # type: ignore[no-untyped-def]
        axes = canvas.subplots()
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
        for place, entry in enumerate(found):
            if entry.has_interval:
                axes.plot([100 * entry.low, 100 * entry.high], [place, place], color=BLUE)
            if entry.is_defined:
                axes.plot([100 * entry.difference], [place], "o", color=BLUE)
        axes.set_yticks(range(len(lines)), [line.name for line in lines])
        axes.invert_yaxis()
        axes.set_xlabel("Difference in percentage points, second minus first")

    said = [f"{line.name} {_estimate(line.found, 100, 1)}" for line in lines if line.found.is_defined]
    return Figure(
        key="differences",
        title=f"Differences in right answers with {ci(comparison.confidence)}",
        alt=f"One line per measure, percentage points, second minus first: {'; '.join(said)}.",
        draw=draw,
        data=data_of(
            ("measure", "difference", "low", "high"),
            [(line.name, line.found.difference, line.found.low, line.found.high) for line in lines],
        ),
        size=(6.3, 0.9 + 0.4 * len(lines)),
    )


def _paired_table(comparison: Comparison) -> Table:
    adjusted = adjust_holm([paired.p_mid for _, paired in comparison.paired])
    rows, data = [], []
    for (reader, paired), p in zip(comparison.paired, adjusted, strict=True):
        limits = (paired.difference.difference, paired.difference.low, paired.difference.high)
        counts = (paired.both_right, paired.first_only, paired.second_only, paired.both_wrong)
        rows.append(
            Row(
                (
                    reader,
                    *(str(count) for count in counts),
                    _estimate(paired.difference, 100, 1),
                    p_value(paired.p_mid),
                    p_value(p),
                )
            )
        )
        data.append((reader, *counts, *limits, paired.p_exact, paired.p_mid, p))
    return Table(
        key="by-reader",
        title="By reader, about the images that are in both",
        columns=(
            *("Reader", "Both right", "First only", "Second only", "Both wrong"),
            *(f"Difference, points ({ci(comparison.confidence)})", "p (McNemar, mid-p)", "p, Holm"),
        ),
        rows=tuple(rows),
        data=data_of(
            (
                *("reader", "both_right", "first_only", "second_only", "both_wrong"),
                *("difference", "low", "high", "p_exact", "p_mid", "p_holm"),
            ),
            data,
        ),
    )


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """The numbers, NaN as null."""
    table = _table(comparison).data
    paired = _paired_table(comparison).data if comparison.paired else None
    return {
        "first": comparison.first.source,
        "second": comparison.second.source,
        "same_readers": comparison.same_readers,
        "same_images": comparison.same_images,
        "confidence": comparison.confidence,
        "differences": [_named(table.columns, row) for row in table.rows],
        "by_reader": [_named(paired.columns, row) for row in paired.rows] if paired else [],
    }


def _named(columns: tuple[str, ...], row: tuple[object, ...]) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in zip(columns, row, strict=True)
    }
