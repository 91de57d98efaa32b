"""Reading times in plain numbers, by what was seen and whether the answer was right; and along the order of reading."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.parts import Analysis
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, estimate, number, p_value, ratio, ratio_interval
from turing.report.tables.notes import Notes
from turing.stats.mixed import LinearFit, LogisticFit
from turing.stats.time_trend import Trend
from turing.stats.times import TimeDistribution, describe_times


@dataclass(frozen=True)
class TimeRow:
    """Some of the answers that were given: how they are chosen, which, and their times."""

    kind: str
    name: str
    n_flagged: int  # times that the measurement doubts
    q1: float
    q3: float
    times: TimeDistribution


def times_table(analysis: Analysis) -> Table | None:
    """Of given first answers; None when no time was measured at all."""
    confidence = analysis.options.confidence
    rows = list(time_rows(analysis.answers, confidence=confidence))
    if not any(row.times.n_timed for row in rows):
        return None
    notes = Notes(
        "Median with its exact interval (order statistics); quartiles of type 7 (the default of R). Times that the "
        "measurement doubts are part of the numbers."
    )
    if analysis.times is not None:
        notes.add(analysis.times.outliers.text)
        if analysis.times.outliers.n_marked:
            notes.add("Outliers are part of the numbers here.")
    printed, kind = [], ""
    for row in rows:
        if row.kind != kind:
            printed.append(Row((row.kind,), "group"))
            kind = row.kind
        printed.append(_row(row, notes))
    values = [
        (r.kind, r.name, t.n, t.n_timed, r.n_flagged, t.median, t.median_low, t.median_high, r.q1, r.q3, t.mean, t.sd)
        for r in rows
        for t in (r.times,)
    ]
    columns = (
        *("by", "name", "answers", "timed", "flagged", "median", "median_low", "median_high"),
        *("q1", "q3", "mean", "sd"),
    )
    return Table(
        key="times",
        title="Reading times",
        columns=("Answers", "Number", f"Median, s ({ci(confidence)})", "Quartiles, s", "Without a time", "Doubtful"),
        rows=tuple(printed),
        data=data_of(columns, values),
        notes=notes.texts,
        widths=(2, 0.9, 1.6, 1.3, 1.1, 1),
    )


def _row(row: TimeRow, notes: Notes) -> Row:
    times = row.times
    median = spread = "no times"
    if times.n_timed:
        spread = f"{number(row.q1, 1)}–{number(row.q3, 1)}"
        median = estimate(times.median, times.median_low, times.median_high, 1)
        if math.isnan(times.median_low):
            median = f"{number(times.median, 1)} {notes.mark('Too few times for an interval.')}"
    return Row((row.name, str(times.n), median, spread, str(times.n - times.n_timed), str(row.n_flagged)))


def time_rows(answers: Answers, *, confidence: float) -> Iterator[TimeRow]:
    """By truth and correctness, by reader, by group, all."""
    given = answers.first.select(given=True)

    def row(kind: str, name: str, chosen: np.ndarray) -> TimeRow:
        part = given.rows(chosen)
        timed = part.seconds[np.isfinite(part.seconds)]
        q1, q3 = np.quantile(timed, [0.25, 0.75]) if timed.size else (math.nan, math.nan)
        times = describe_times(part.seconds, confidence=confidence)
        return TimeRow(kind, name, int(part.flagged.sum()), float(q1), float(q3), times)

    for code, name in enumerate(answers.class_names):
        for right, words in ((1.0, "right"), (0.0, "wrong")):
            chosen = (given.truth == code) & (given.correct == right)
            yield row("By truth and answer", f"{_truth(answers, name)}, {words}", chosen)
    for code, reader in enumerate(answers.readers):
        yield row("By reader", reader, given.reader == code)
    for code, group in enumerate(answers.groups):
        yield row(f"By {answers.group_name}", group, given.group == code)
    yield row("All", "all answers", np.ones(len(given), bool))


def _truth(answers: Answers, name: str) -> str:
    return f"{name.capitalize()} side asked for" if answers.is_pairs else f"{name.capitalize()} images"


def trend_table(analysis: Analysis) -> Table | None:
    """Learning and fatigue; None when the order of reading is not known."""
    trend = analysis.times.trend if analysis.times is not None else None
    if trend is None:
        return None
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        "Mixed models on the position in the reader’s order, with random intercepts of images and readers. Odds ratio "
        "of a right answer, and ratio of (reading time + 1 s), for 100 images further on; below 1: fewer right "
        "answers, shorter times.",
        *trend.with_all.notes,
    )
    sets: list[tuple[str, Trend]] = [("All answers", trend.with_all)]
    if trend.without_outliers is not None:
        sets.append(("Without outlying times", trend.without_outliers))
    rows: list[Row] = []
    values: list[tuple[Value, ...]] = []
    for name, one in sets:
        rows.append(Row((name,), "group"))
        for outcome, fit, reason in (
            ("Right answers (odds ratio)", one.correct, one.correct_reason),
            ("Reading time (ratio)", one.time, one.time_reason),
        ):
            rows.append(_trend_row(outcome, fit, reason, notes))
            values.append((name, outcome, *_trend_values(fit, reason)))
    return Table(
        key="trend",
        title="Learning and fatigue",
        columns=("Outcome", "Ratio for 100 images", confidence, "p"),
        rows=tuple(rows),
        data=data_of(("answers", "outcome", "coefficient", "se", "low", "high", "p", "reason"), values),
        notes=notes.texts,
    )


def _trend_row(name: str, fit: LinearFit | LogisticFit | None, reason: str, notes: Notes) -> Row:
    if fit is None or not fit.estimable:
        return Row((name, *[notes.not_estimable(f"{name}: {reason or (fit.reason if fit is not None else '')}")] * 3))
    effect = fit["position"]
    limits = ratio_interval(math.exp(effect.low), math.exp(effect.high))
    return Row((name, ratio(math.exp(effect.estimate)), limits, p_value(effect.p)))


def _trend_values(fit: LinearFit | LogisticFit | None, reason: str) -> tuple[Value, ...]:
    if fit is None:
        return (None, None, None, None, None, reason)
    effect = fit["position"]
    return (effect.estimate, effect.se, effect.low, effect.high, effect.p, fit.reason)
