"""Items 7 and 8 of an analysis: reading times along the session, declared outliers; hard and unanimous images."""

import math

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.modelling import NO_TIME, fit_linear_part, parts_of
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import Images, ReaderTimes, Times
from turing.stats.difficulty import Difficulty, image_difficulty
from turing.stats.mixed import fit_logistic
from turing.stats.time_trend import TrendSensitivity, trend_sensitivity
from turing.stats.times import OutlierRules, Outliers, describe_times, find_outliers, times_by_answer
from turing.stats.unanimous import unanimous_images


def describe_reading(answers: Answers, options: AnalysisOptions) -> tuple[Times | None, str]:
    """`answers`: first answers. The second value says why the first is None."""
    given = answers.select(given=True)
    if not np.isfinite(given.seconds).any():
        return None, NO_TIME
    level = options.confidence
    names = np.array(given.readers)[given.reader]
    rules = OutlierRules(options.min_seconds, options.max_seconds, options.mad_factor)
    outliers = find_outliers(given.seconds, names, rules, flagged=given.flagged)
    kept = given.rows(~outliers.marked)
    trend, trend_reason = _trend(given, outliers, options)
    return Times(
        distribution=describe_times(given.seconds, confidence=level),
        by_answer=times_by_answer(
            given.seconds, np.array(given.class_names)[given.truth].tolist(), given.correct, confidence=level
        ),
        readers=tuple(
            _of_some(name, given.reader == code, given, outliers, level) for code, name in enumerate(given.readers)
        ),
        outliers=outliers,
        linear_without_outliers={part: fit_linear_part(kept, part, options) for part in parts_of(kept)}
        if outliers.n_marked
        else {},
        trend=trend,
        trend_reason=trend_reason,
        groups=tuple(
            _of_some(name, given.group == code, given, outliers, level) for code, name in enumerate(given.groups)
        ),
        without_outliers=describe_times(kept.seconds, confidence=level) if outliers.n_marked else None,
    ), ""


def _of_some(name: str, chosen: np.ndarray, given: Answers, outliers: Outliers, confidence: float) -> ReaderTimes:
    distribution = describe_times(given.seconds[chosen], confidence=confidence)
    return ReaderTimes(name, distribution, int(outliers.marked[chosen].sum()))


def _trend(given: Answers, outliers: Outliers, options: AnalysisOptions) -> tuple[TrendSensitivity | None, str]:
    if given.position is None:
        return None, "the place of the images in the readers' order is not known"
    try:
        trend = trend_sensitivity(
            given.seconds, given.correct, given.position, given.image, given.reader, outliers=outliers,
            confidence=options.confidence,
        )  # fmt: skip
    except ValueError as error:
        return None, str(error)
    return trend, ""


def describe_images(answers: Answers, options: AnalysisOptions) -> tuple[Images | None, str]:
    """`answers`: first answers. The second value says why the first is None.

    Difficulty is from correct ~ class + (1|image) + (1|reader), so a hard image is one that is hard for its class.
    """
    given = answers.select(given=True)
    if not len(given):
        return None, "there is no answer"
    difficulty, formula = _difficulty(given, options)
    unanimous = None
    if not given.is_pairs:
        shown = np.unique(answers.image)
        truth = np.zeros(len(answers.images), int)
        truth[answers.image] = answers.truth
        unanimous = unanimous_images(answers.table(), truth[shown], [answers.images[image] for image in shown])
    return Images(
        difficulty=difficulty,
        difficulty_formula=formula,
        unanimous=unanimous,
        unanimous_reason="answers about pairs are not about single images" if unanimous is None else unanimous.reason,
    ), ""


def _difficulty(given: Answers, options: AnalysisOptions) -> tuple[Difficulty, str]:
    """With the class as a covariate where that model is estimable, else without; both reasons where neither is."""
    ones = np.ones(len(given))
    designs: list[tuple[np.ndarray, tuple[str, ...], str]] = [
        (ones[:, None], ("(Intercept)",), "correct ~ 1 + (1|image) + (1|reader)")
    ]
    if not given.is_pairs and len(np.unique(given.truth)) == 2:
        with_class = np.column_stack([ones, given.truth])
        designs.insert(0, (with_class, ("(Intercept)", "truthsynthetic"), "correct ~ truth + (1|image) + (1|reader)"))
    labels, reasons = np.array(given.images)[given.image], []
    for design, names, formula in designs:
        try:
            fit = fit_logistic(given.correct, design, labels, given.reader, names=names, confidence=options.confidence)
        except ValueError as error:
            reasons.append(str(error))
            continue
        found = image_difficulty(fit)
        if found.is_defined:
            return found, formula
        reasons.append(fit.reason)
    nothing = Difficulty((), math.nan, math.nan, options.confidence, "; ".join(dict.fromkeys(reasons)))
    return nothing, formula
