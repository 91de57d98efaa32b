"""Item 6 of an analysis: graded answers, and pairs, whose share of right choices is the area under the ROC curve."""

import math
from collections.abc import Sequence

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.comparing_readers import compare_groups, compare_pairs, shares_by_step
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import Graded, GradedReader, ReaderAverages
from turing.stats.graded import (
    Calibration,
    average_area,
    average_share,
    calibration,
    fit_binormal,
    obuchowski_rockette,
    partial_area,
    roc_curve,
)
from turing.stats.roc import roc_area

NOT_GRADED = "answers are not graded: real or synthetic was all that was asked"
PERCENT, PROBABILITY, STEPS = "0 to 100 per cent", "probability from 0 to 1", "steps, higher = more synthetic"
PAIRS = "pairs: the share of right choices is the area under the ROC curve"
HIGH_SPECIFICITY = 0.9


def grade(answers: Answers, options: AnalysisOptions) -> tuple[Graded | None, str]:
    """`answers`: first answers. The second value says why the first is None."""
    if answers.is_pairs:
        return Graded((), _of_everyone_and_groups(answers, options), PAIRS), ""
    if answers.rating is None:
        return None, NOT_GRADED
    rated = answers.rows(np.isfinite(answers.rating))
    if not len(rated):
        return None, "no answer has a rating"
    if len(kinds := np.unique(rated.truth)) < 2:
        return None, f"only {rated.class_names[int(kinds[0])]} images have ratings: a ROC curve needs both kinds"
    scale = _scale(rated.rating)
    readers = tuple(
        _reader(rated.select(readers=(code,)), name, scale, options) for code, name in enumerate(answers.readers)
    )
    pairs, pairs_reason = compare_pairs(rated, options)
    return Graded(
        readers=readers,
        averages=_of_everyone_and_groups(rated, options),
        scale=scale,
        calibration=_calibrated(rated, scale, options),
        between_groups=compare_groups(rated, [reader.area.auc for reader in readers], options),
        pairs_of_readers=pairs,
        pairs_reason=pairs_reason,
        n_unrated=len(answers) - len(rated),
    ), ""


def _calibrated(answers: Answers, scale: str, options: AnalysisOptions) -> Calibration | None:
    unit = {PERCENT: 100.0, PROBABILITY: 1.0}.get(scale)
    if unit is None or answers.rating is None:
        return None
    return calibration(answers.rating / unit, answers.truth == 1, confidence=options.confidence)


def _scale(rating: np.ndarray | None) -> str:
    """Ratings are probabilities only where nothing else is possible: from 0 to 100 with more than ten different values,
    or inside of 0 and 1."""
    values = np.unique(rating) if rating is not None else np.zeros(0)
    if values[0] < 0 or values[-1] > 100:
        return STEPS
    if values[-1] <= 1 and len(values) > 2:
        return PROBABILITY
    return PERCENT if len(values) > 10 and values[-1] > 10 else STEPS


def _reader(answers: Answers, name: str, scale: str, options: AnalysisOptions) -> GradedReader:
    rating = answers.rating if answers.rating is not None else np.zeros(0)
    # sorted, so that what is drawn at random does not depend on the order of the rows
    cases, controls = np.sort(rating[answers.truth == 1]), np.sort(rating[answers.truth == 0])
    level = options.confidence
    return GradedReader(
        name=name,
        area=roc_area(cases, controls, confidence=level),
        curve=roc_curve(cases, controls),
        binormal=fit_binormal(cases, controls, confidence=level),
        partial=partial_area(
            cases, controls, low_end=HIGH_SPECIFICITY, n_bootstrap=options.n_bootstrap, seed=options.seed,
            confidence=level,
        ),
        calibration=_calibrated(answers, scale, options),
        steps=shares_by_step(answers, options),
    )  # fmt: skip


def _of_everyone_and_groups(answers: Answers, options: AnalysisOptions) -> tuple[ReaderAverages, ...]:
    sets = [("all", tuple(range(len(answers.readers)))), *((name, answers.readers_of(name)) for name in answers.groups)]
    return tuple(_averages(answers, codes, name, options) for name, codes in sets)


def _averages(answers: Answers, readers: Sequence[int], name: str, options: AnalysisOptions) -> ReaderAverages:
    values = answers.correct if answers.is_pairs else answers.rating
    table = np.full((len(answers.images), len(answers.readers)), math.nan)
    table[answers.image, answers.reader] = values
    table = table[:, list(readers)]
    if answers.is_pairs:
        return ReaderAverages(name, average_share(table, confidence=options.confidence), None)
    truth = np.full(len(answers.images), -1)
    truth[answers.image] = answers.truth
    cases, controls = table[truth == 1], table[truth == 0]
    return ReaderAverages(
        name,
        average_area(cases, controls, confidence=options.confidence),
        obuchowski_rockette(cases, controls, confidence=options.confidence),
    )
