"""Table 1: accuracy, sensitivity and specificity of each reader, of each group and of all."""

import math
from collections.abc import Iterator

from turing.analysis.parts import AccuracyRow, Analysis, MeanShare
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, counts, estimate, number, proportion
from turing.report.tables.notes import Notes, class_called
from turing.stats.accuracy import PairAccuracy, Proportion


def accuracy_table(analysis: Analysis) -> Table:
    """The positive class is named in the header. Pooled answers and the mean over readers are both given."""
    answers, confidence = analysis.answers, ci(analysis.options.confidence)
    notes = Notes(
        f"Cells: per cent ({confidence}); right answers/answers. Exact intervals (Clopper-Pearson) for readers and "
        "for pooled answers. Pooled intervals take all answers as independent, as published image Turing tests do; "
        "they are too narrow, because answers about one image, and answers of one reader, resemble each other.",
        "Mean of readers: each reader counts alike; Student’s interval over readers, the images taken as they are.",
    )
    if analysis.size.n_missing:
        notes.add(
            "Answers that were not given in time are no part of the shares; their number stands beside the reader."
        )
    if answers.is_pairs:
        columns: tuple[str, ...] = ("Reader", "Right choices, %", "Left image chosen, %")
    else:
        positive = answers.positive_class
        columns = (
            "Reader",
            "Accuracy, %",
            f"Sensitivity ({class_called(positive, is_positive=True)}), %",
            f"Specificity ({class_called(positive, is_positive=False)}), %",
        )
    return Table(
        key="accuracy",
        title="Accuracy of the readers" if answers.is_pairs else "Accuracy, sensitivity and specificity of the readers",
        columns=columns,
        rows=tuple(_rows(analysis)),
        data=data_of(_data_columns(answers.is_pairs), _data(analysis)),
        notes=notes.texts,
        widths=(1.5, *[2.0] * (len(columns) - 1)),
    )


def shares_of(row: AccuracyRow) -> tuple[Proportion, ...]:
    """In the order of the columns."""
    if isinstance(row.shares, PairAccuracy):
        return (row.shares.accuracy, row.shares.chose_left)
    return (row.shares.accuracy, row.shares.sensitivity, row.shares.specificity)


def means_of(row: AccuracyRow, positive_class: str) -> tuple[MeanShare | None, ...]:
    if isinstance(row.shares, PairAccuracy):
        return (row.mean_accuracy, None)
    classes = (row.mean_real, row.mean_synthetic)
    return (row.mean_accuracy, *(classes if positive_class == "real" else classes[::-1]))


def by_group(analysis: Analysis) -> Iterator[tuple[str, list[AccuracyRow], AccuracyRow | None]]:
    """Name of the group ("" for none), its readers, and its own row."""
    own = {row.name: row for row in analysis.accuracy.groups}
    names = [*own, *([""] if any(row.group not in own for row in analysis.accuracy.readers) else [])]
    for name in names:
        readers = [row for row in analysis.accuracy.readers if (row.group if row.group in own else "") == name]
        yield name, readers, own.get(name)


def _rows(analysis: Analysis) -> Iterator[Row]:
    has_groups = bool(analysis.accuracy.groups)
    for name, readers, of_group in by_group(analysis):
        if has_groups:
            yield Row((f"{analysis.answers.group_name}: {name}" if name else "Readers without a group",), "group")
        for row in readers:
            late = f" ({row.n_missing} not answered)" if row.n_missing else ""
            yield Row((row.name + late, *(_cell(share) for share in shares_of(row))))
        if of_group is not None:
            yield from _summaries(analysis, of_group, name)
    if has_groups:
        yield Row(("All readers",), "group")
    yield from _summaries(analysis, analysis.accuracy.pooled, "all")


def _summaries(analysis: Analysis, row: AccuracyRow, name: str) -> Iterator[Row]:
    yield Row((f"Pooled, {name}", *(_cell(share) for share in shares_of(row))), "total")
    means = means_of(row, analysis.answers.positive_class)
    if any(mean is not None for mean in means):
        yield Row((f"Mean of readers, {name}", *(_mean(mean) for mean in means)), "total")


def _cell(share: Proportion) -> str:
    return f"{proportion(share)}; {counts(share)}" if share.is_defined else "no answers"


def _mean(mean: MeanShare | None) -> str:
    if mean is None or math.isnan(mean.mean):
        return "not computed"
    if math.isnan(mean.low):
        return f"{number(100 * mean.mean, 1)} (one reader: no interval)"
    if mean.low == mean.high:
        return f"{number(100 * mean.mean, 1)} (readers equal: no interval)"
    return estimate(100 * mean.mean, 100 * mean.low, 100 * mean.high, 1)


def _data_columns(is_pairs: bool) -> tuple[str, ...]:
    shares = ("accuracy", "chose_left") if is_pairs else ("accuracy", "sensitivity", "specificity")
    numbers = ("k", "n", "estimate", "low", "high")
    return ("name", "kind", "group", "not_answered", *(f"{share}_{number}" for share in shares for number in numbers))


def _data(analysis: Analysis) -> Iterator[tuple[Value, ...]]:
    parts = analysis.accuracy
    for row in (*parts.readers, *parts.groups, parts.pooled):
        numbers = [value for s in shares_of(row) for value in (s.k, s.n, s.estimate, s.low, s.high)]
        yield (row.name, row.kind, row.group, row.n_missing, *numbers)
        means = means_of(row, analysis.answers.positive_class)
        if any(mean is not None for mean in means):
            nothing: tuple[Value, ...] = (None, None, None, None, None)
            of_means = [
                value
                for mean in means
                for value in (nothing if mean is None else (None, mean.n_readers, mean.mean, mean.low, mean.high))
            ]
            yield (row.name, f"mean of readers, {row.kind}", row.group, None, *of_means)
