"""Item 7 of an analysis: reading times, doubtful ones, learning and fatigue, each with and without what is doubtful."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.options import AnalysisOptions
from turing.stats.mixed import LinearFit, fit_linear
from turing.stats.time_trend import TrendSensitivity, trend_sensitivity
from turing.stats.times import (
    OutlierRules,
    Outliers,
    TimeCell,
    TimeDistribution,
    describe_times,
    find_outliers,
    times_by_answer,
)


@dataclass(frozen=True)
class CorrectnessModel:
    """log(t + 1) ~ correct + (1 | image) + (1 | reader), with all times and without the doubtful ones."""

    with_all: LinearFit | None
    without_doubtful: LinearFit | None  # None: nothing is doubtful, so it would be the same
    reason: str = ""


@dataclass(frozen=True)
class TimesAnalysis:
    """First answers that were given; nothing is dropped except where a name says "without"."""

    overall: TimeDistribution
    without_doubtful: TimeDistribution | None  # None: nothing is doubtful
    readers: Mapping[str, TimeDistribution]
    groups: Mapping[str, TimeDistribution]
    cells: tuple[TimeCell, ...]  # truth x right or wrong
    outliers: Outliers
    outliers_text: str
    doubtful_by_reader: Mapping[str, int]
    correctness: CorrectnessModel
    trend: TrendSensitivity | None  # learning and fatigue
    trend_reason: str


def analyse_times(answers: Answers, options: AnalysisOptions) -> tuple[TimesAnalysis | None, str]:
    """The part, or None and the reason."""
    given = answers.first.select(given=True)
    if not np.isfinite(given.seconds).any():
        return None, "no answer has a reading time"
    level = options.confidence
    rules = OutlierRules(options.min_seconds, options.max_seconds, options.mad_factor)
    readers = np.array(given.readers, dtype=object)[given.reader]
    outliers = find_outliers(given.seconds, readers.astype(str), rules, flagged=given.flagged)
    kept = ~outliers.marked
    trend, reason = None, "the place of the images in the session is not known"
    if given.position is not None and np.isfinite(given.position).any():
        reason = ""
        trend = trend_sensitivity(
            given.seconds, given.correct, given.position, given.image, given.reader, outliers=outliers, confidence=level
        )
    truths = np.array(given.class_names)[given.truth]
    return TimesAnalysis(
        overall=describe_times(given.seconds, confidence=level),
        without_doubtful=None if kept.all() else describe_times(given.seconds[kept], confidence=level),
        readers={
            name: describe_times(given.seconds[given.reader == code], confidence=level)
            for code, name in enumerate(given.readers)
        },
        groups={
            name: describe_times(given.seconds[given.group == code], confidence=level)
            for code, name in enumerate(given.groups)
        },
        cells=times_by_answer(given.seconds, truths.tolist(), given.correct, confidence=level),
        outliers=outliers,
        outliers_text=outliers.text,
        doubtful_by_reader={
            name: int(outliers.marked[given.reader == code].sum()) for code, name in enumerate(given.readers)
        },
        correctness=_correctness(given, kept, level),
        trend=trend,
        trend_reason=reason,
    ), ""


def _correctness(given: Answers, kept: np.ndarray, confidence: float) -> CorrectnessModel:
    try:
        with_all = _fit(given, np.isfinite(given.seconds), confidence)
        without = None if kept.all() else _fit(given, np.isfinite(given.seconds) & kept, confidence)
    except ValueError as error:
        return CorrectnessModel(None, None, str(error))
    return CorrectnessModel(with_all, without)


def _fit(given: Answers, chosen: np.ndarray, confidence: float) -> LinearFit:
    right = given.correct[chosen]
    if not len(right) or right.min() == right.max():
        raise ValueError("all answers with a time are right, or all are wrong: there is nothing to compare")
    return fit_linear(
        np.log1p(given.seconds[chosen]),
        np.column_stack([np.ones(len(right)), right]),
        given.image[chosen],
        given.reader[chosen],
        names=("(Intercept)", "correct"),
        confidence=confidence,
    )
