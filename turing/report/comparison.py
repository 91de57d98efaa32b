"""The comparison of two studies as a `Document`: shares, agreement, odds ratios, reader by reader."""

import math
from collections.abc import Iterator

from turing.analysis.comparing import ReaderComparison, StudyComparison
from turing.report.document import Document, Listing, Paragraph, Row, Section, Table, Value, data_of
from turing.report.formatting import NONE, ci, estimate, number, p_value, ratio, ratio_interval
from turing.report.tables.notes import IMAGES, Notes, sentence
from turing.stats.comparison import Difference


def comparison_document(comparison: StudyComparison) -> Document:
    """Every difference is second minus first, every odds ratio second over first; the notes say so."""
    same = [
        name for name, is_same in (("readers", comparison.same_readers), ("images", comparison.same_images)) if is_same
    ]
    design = f"The {' and '.join(same)} are the same in both." if same else "Readers and images are others in each."
    tables = [_differences_table(comparison), _odds_table(comparison)]
    if comparison.readers:
        tables.append(_readers_table(comparison))
    sections = [
        Section(
            "studies",
            "Studies",
            (
                Listing((f"First: {comparison.first}", f"Second: {comparison.second}"), is_numbered=True),
                Paragraph(f"{design} Differences are second minus first, odds ratios second over first."),
            ),
        ),
        Section("differences", "Differences", tuple(tables)),
    ]
    if comparison.notes:
        notes = tuple(dict.fromkeys(sentence(text) for text in comparison.notes))
        sections.append(Section("remarks", "What to keep in mind", (Listing(notes),)))
    return Document("Comparison of two studies", f"{comparison.first} and {comparison.second}", tuple(sections))


def _differences(comparison: StudyComparison) -> Iterator[tuple[str, str, Difference, float]]:
    """Images, what differs, the difference, and what it is multiplied by for print."""
    for share in comparison.shares:
        yield share.images, "right answers, %; over readers", share.readers, 100
        yield share.images, "right answers, %; answers pooled", share.pooled, 100
        if share.images in comparison.kappa:
            yield share.images, "Fleiss’ κ", comparison.kappa[share.images], 1
        if share.images == "all" and comparison.area is not None:
            yield "all", "mean AUC of the readers", comparison.area, 1


def _ci(comparison: StudyComparison) -> str:
    levels = [share.pooled.confidence for share in comparison.shares]
    return ci(levels[0]) if levels else "CI"


def _differences_table(comparison: StudyComparison) -> Table:
    notes = Notes(
        "Over readers: what other readers would do. Pooled: answers are taken as independent, so that interval is too "
        "narrow; it is there because studies print it."
    )
    rows, values, group = [], [], ""
    for images, what, difference, factor in _differences(comparison):
        title = IMAGES.get(images, images)
        if title != group:
            rows.append(Row((title,), "group"))
            group = title
        rows.append(_difference_row(what, difference, factor, f"{title}, {what}", notes))
        notes.add(sentence(f"{what[0].upper()}{what[1:]}: {difference.method}") if difference.method else "")
        values.append((images, what, *_numbers(difference)))
    return Table(
        key="differences",
        title="Differences between the studies",
        columns=("What", "First", "Second", f"Difference ({_ci(comparison)})", "p"),
        rows=tuple(rows),
        data=data_of(("images", "what", *_NUMBERS), values),
        notes=notes.texts,
        widths=(2.2, 0.9, 0.9, 1.8, 0.9),
    )


def _difference_row(name: str, difference: Difference, factor: float, where: str, notes: Notes) -> Row:
    digits = 1 if factor == 100 else 2
    sides = tuple(
        NONE if math.isnan(side) else number(factor * side, digits) for side in (difference.first, difference.second)
    )
    if not difference.is_defined:
        return Row((name, *sides, *[notes.not_estimable(difference.reason, where)] * 2))
    if not difference.has_interval:
        mark = notes.mark(difference.reason or "No interval.", where)
        return Row((name, *sides, f"{number(factor * difference.difference, digits)} {mark}", mark))
    printed = estimate(factor * difference.difference, factor * difference.low, factor * difference.high, digits)
    return Row((name, *sides, printed, p_value(difference.p)))


_NUMBERS = ("first", "second", "difference", "se", "low", "high", "p", "method", "reason")


def _numbers(difference: Difference) -> tuple[Value, ...]:
    d = difference
    return (d.first, d.second, d.difference, d.se, d.low, d.high, d.p, d.method, d.reason)


def _odds_table(comparison: StudyComparison) -> Table:
    notes = Notes(
        "Mixed-effect logistic regression of both studies together, correct ~ study + (1 | image) + (1 | reader), with "
        "Wald’s interval: odds of a right answer in the second study over those in the first."
    )
    rows: list[Row] = []
    values: list[tuple[Value, ...]] = []
    for images, study in comparison.odds.items():
        title, effect = IMAGES.get(images, images), study.effect
        for note in study.notes:
            notes.add(note)
        if effect is None:
            rows.append(Row((title, *[notes.not_estimable(study.reason, title)] * 3)))
            values.append((images, None, None, None, None, None, study.reason))
            continue
        limits = ratio_interval(effect.or_low, effect.or_high)
        rows.append(Row((title, ratio(effect.odds_ratio), limits, p_value(effect.p))))
        values.append((images, effect.odds_ratio, effect.or_low, effect.or_high, effect.se, effect.p, ""))
    return Table(
        key="odds-ratios",
        title="Odds of a right answer, second study over first",
        columns=("Images", "Odds ratio", f"{_ci(comparison)}, Wald", "p"),
        rows=tuple(rows),
        data=data_of(("images", "odds_ratio", "low", "high", "se_log", "p", "reason"), values),
        notes=notes.texts,
    )


def _readers_table(comparison: StudyComparison) -> Table:
    notes = Notes("Corrected: Holm, for the number of readers.")
    rows, values = [], []
    for one in comparison.readers:
        printed = _difference_row(one.reader, one.difference, 100, one.reader, notes)
        corrected = NONE if math.isnan(one.p_holm) else p_value(one.p_holm)
        rows.append(Row((*printed.cells, corrected, _discordant(one))))
        paired = one.paired
        counts = (None, None) if paired is None else (paired.first_only, paired.second_only)
        values.append((one.reader, *_numbers(one.difference), one.p_holm, *counts))
        notes.add(sentence(one.difference.method) if one.difference.method else "")
    if any(one.paired is not None for one in comparison.readers):
        notes.add("Discordant: images that only the first; only the second reading got right (McNemar).")
    return Table(
        key="readers",
        title="Right answers of each reader in both studies, %",
        columns=("Reader", "First", "Second", f"Difference ({_ci(comparison)})", "p", "p, corrected", "Discordant"),
        rows=tuple(rows),
        data=data_of(("reader", *_NUMBERS, "p_holm", "first_only", "second_only"), values),
        notes=notes.texts,
    )


def _discordant(one: ReaderComparison) -> str:
    return NONE if one.paired is None else f"{one.paired.first_only}; {one.paired.second_only}"
