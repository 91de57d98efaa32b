"""Graded answers compared: groups of readers, readers in pairs, and what each step of a scale in words was worth."""

from turing.analysis.parts import Analysis
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, interval, number, p_value, percent
from turing.report.tables.notes import Notes


def area_comparisons_table(analysis: Analysis) -> Table | None:
    """Groups against the reference group, then readers in pairs; None where there is nothing to compare."""
    graded = analysis.graded
    if graded is None or not (graded.between_groups or graded.pairs_of_readers):
        return None
    notes = Notes(
        "Differences are second less first. Groups: mean of the readers’ areas, Welch’s t over readers. "
        "Pairs of readers: DeLong’s test on the images that both rated; corrected p by Holm for all pairs.",
        graded.pairs_reason[:1].upper() + graded.pairs_reason[1:] + "." if graded.pairs_reason else "",
    )
    rows, data = [], []
    for part in graded.between_groups:
        found = part.difference
        if found.has_interval:
            cells = (f"{number(found.difference)} ({interval(found.low, found.high)})", p_value(found.p))
        else:
            cells = (notes.not_estimable(found.reason),) * 2
        rows.append(Row((f"Group {part.group} against {part.reference}", *cells, "—")))
        values: tuple[Value, ...] = (found.difference, found.se, found.low, found.high, found.p, None, found.reason)
        data.append(("group", part.reference, part.group, *values))
    for pair in graded.pairs_of_readers:
        area = pair.comparison  # first - second there
        if area.is_defined:
            cells = (f"{number(-area.difference)} ({interval(-area.high, -area.low)})", p_value(area.p))
            corrected = p_value(pair.p_holm)
        else:
            cells, corrected = (notes.not_estimable(area.reason),) * 2, "—"
        rows.append(Row((f"{pair.second} against {pair.first}", *cells, corrected)))
        values = (-area.difference, area.se, -area.high, -area.low, area.p, pair.p_holm, area.reason)
        data.append(("readers", pair.first, pair.second, *values))
    return Table(
        key="graded-comparisons",
        title="Areas under the ROC curve compared",
        columns=("Comparison", f"Difference ({ci(analysis.options.confidence)})", "p", "Corrected p"),
        rows=tuple(rows),
        data=data_of(("kind", "first", "second", "difference", "se", "low", "high", "p", "p_holm", "reason"), data),
        notes=notes.texts,
    )


def steps_table(analysis: Analysis) -> Table | None:
    """Share of synthetic images at each step of the scale; None for ratings that are numbers."""
    graded = analysis.graded
    if graded is None or not any(reader.steps for reader in graded.readers):
        return None
    levels = sorted({step.rating for reader in graded.readers for step in reader.steps})
    rows, data = [], []
    for reader in graded.readers:
        if not reader.steps:
            continue
        by_rating = {step.rating: step.synthetic for step in reader.steps}
        cells = [
            f"{percent(by_rating[level].estimate, 0)} of {by_rating[level].n}" if level in by_rating else "not used"
            for level in levels
        ]
        rows.append(Row((reader.name, *cells)))
        data += [
            (reader.name, step.rating, step.synthetic.k, step.synthetic.n, step.synthetic.low, step.synthetic.high)
            for step in reader.steps
        ]
    return Table(
        key="graded-steps",
        title="What each rating was worth: share of synthetic images among those rated so",
        columns=("Reader", *(f"{level:g}" for level in levels)),
        rows=tuple(rows),
        data=data_of(("reader", "rating", "n_synthetic", "n", "low", "high"), data),
        notes=("A scale is used well if the share rises from the lowest to the highest rating.",),
    )
