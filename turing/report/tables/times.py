"""Reading times in plain numbers: medians and quartiles by what was seen and whether the answer was right."""

import math
from collections.abc import Iterator

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.parts import Analysis
from turing.report.document import Row, Table, data_of
from turing.report.formatting import number, plural
from turing.report.tables.notes import Notes
from turing.stats.reading_time import TimeSummary, summarise_times


def times_table(analysis: Analysis) -> Table | None:
    """Of given first answers; None when no time was measured at all."""
    rows = list(time_rows(analysis.answers))
    if not rows or not any(summary.n_timed for _, _, summary in rows):
        return None
    notes = Notes("Quartiles of type 7 (the default of R). Times that the measurement doubts are part of the numbers.")
    options = analysis.options
    rules = [
        f"shorter than {options.min_seconds:g} s" if options.min_seconds is not None else "",
        f"longer than {options.max_seconds:g} s" if options.max_seconds is not None else "",
    ]
    outlying = " or ".join(rule for rule in rules if rule)
    if outlying:
        seconds = analysis.answers.first.select(given=True, timed=True).seconds
        count = int(
            sum(
                (options.min_seconds is not None and s < options.min_seconds)
                or (options.max_seconds is not None and s > options.max_seconds)
                for s in seconds
            )
        )
        notes.add(
            f"Outliers by the rule declared beforehand ({outlying}): {plural(count, 'time')}; none was dropped here."
        )
    printed, kind = [], ""
    for group, name, summary in rows:
        if group != kind:
            printed.append(Row((group,), "group"))
            kind = group
        median = number(summary.median, 1) if summary.is_defined else "no times"
        spread = f"{number(summary.q1, 1)}–{number(summary.q3, 1)}" if summary.is_defined else "no times"
        printed.append(Row((name, str(summary.n), median, spread, str(summary.n_missing), str(summary.n_flagged))))
    values = [(group, name, s.n, s.n_timed, s.n_missing, s.n_flagged, s.median, s.q1, s.q3) for group, name, s in rows]
    columns = ("by", "name", "answers", "timed", "not_timed", "flagged", "seconds_median", "seconds_q1", "seconds_q3")
    return Table(
        key="times",
        title="Reading times",
        columns=("Answers", "Number", "Median, s", "Quartiles, s", "Without a time", "Doubtful"),
        rows=tuple(printed),
        data=data_of(columns, values),
        notes=notes.texts,
        widths=(2, 1, 1, 1.3, 1.1, 1),
    )


def time_rows(answers: Answers) -> Iterator[tuple[str, str, TimeSummary]]:
    """Kind of row, its name, its summary: by truth and correctness, by reader, by group."""
    given = answers.first.select(given=True)
    if not len(given):
        return
    for code, name in enumerate(answers.class_names):
        for right, words in ((1.0, "right"), (0.0, "wrong")):
            chosen = (given.truth == code) & (given.correct == right)
            yield "By truth and answer", f"{_truth(answers, name)}, {words}", _summary(given, chosen)
    for code, reader in enumerate(answers.readers):
        yield "By reader", reader, _summary(given, given.reader == code)
    for code, group in enumerate(answers.groups):
        yield f"By {answers.group_name}", group, _summary(given, given.group == code)
    yield "All", "all answers", _summary(given, np.ones(len(given), bool))


def _truth(answers: Answers, name: str) -> str:
    return f"{name.capitalize()} side asked for" if answers.is_pairs else f"{name.capitalize()} images"


def _summary(given: Answers, chosen: np.ndarray) -> TimeSummary:
    part = given.rows(chosen)
    return summarise_times([None if math.isnan(s) else float(s) for s in part.seconds], [bool(f) for f in part.flagged])
