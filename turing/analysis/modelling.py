"""Item 3 of an analysis: the mixed models, on all, on real and on synthetic images, and those with more covariates."""

from collections.abc import Callable

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.formulas import (
    CORRECT,
    LOG_SECONDS,
    MOST_LEVELS,
    POSITION,
    DesignMatrix,
    Formula,
    build_design,
    parse_formula,
)
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import PARTS, CovariateModel, LinearPart, LogisticPart
from turing.stats.mixed import LinearFit, LogisticFit, fit_linear, fit_logistic
from turing.stats.small_sample import small_sample_interval

NO_ANSWER, NO_TIME = "there is no answer", "there is no reading time"


def parts_of(answers: Answers) -> tuple[str, ...]:
    return ("all",) if answers.is_pairs else PARTS


def fit_logistic_part(answers: Answers, part: str, options: AnalysisOptions) -> LogisticPart:
    """`answers`: first answers. Without groups of two levels the model has an intercept only."""
    chosen = _chosen(answers, part)
    formula = Formula(CORRECT, _group_term(answers))
    if not chosen.given.any():
        return LogisticPart(part, str(formula), (), None, reason=NO_ANSWER)
    try:
        design = build_design(chosen, formula)
        fit = _logistic(design, options)
    except ValueError as error:
        return LogisticPart(part, str(formula), (), None, reason=str(error))
    small = {}
    if options.small_sample:
        small = {name: small_sample_interval(fit, term=name, confidence=options.confidence) for name in design.names}
    return LogisticPart(part, str(formula), design.names[1:], fit, small)


def fit_linear_part(answers: Answers, part: str, options: AnalysisOptions) -> LinearPart:
    """`answers`: first answers; those with a reading time are used."""
    chosen = _chosen(answers, part)
    if not (chosen.given & np.isfinite(chosen.seconds)).any():
        return LinearPart(part, None, None, NO_TIME)
    try:
        design = build_design(chosen, Formula(LOG_SECONDS, ((CORRECT,),)))
        crossed = _linear(design, options, reader_effect=True)
        image_only = _linear(design, options, reader_effect=False)
    except ValueError as error:
        return LinearPart(part, None, None, str(error))
    return LinearPart(part, crossed, image_only)


def fit_covariates(
    answers: Answers, options: AnalysisOptions, *, progress: Callable[[str], None] = lambda _: None
) -> tuple[CovariateModel, ...]:
    """Models of class, position, time and every further column, and those the caller asked for."""
    group = _group_term(answers)
    wanted: list[tuple[str, str, Formula]] = []

    def add(key: str, title: str, *terms: tuple[str, ...]) -> None:
        wanted.append((key, title, Formula(CORRECT, terms)))

    if not answers.is_pairs:
        crossed = tuple((*term, "truth") for term in group)
        add("class", "Real and synthetic images", *group, ("truth",), *crossed)
    if answers.position is not None:
        add("position", "Position in the session", *group, (POSITION,))
        if group:
            add("position-group", "Position in the session, by group", *group, (POSITION,), (*group[0], POSITION))
    if np.isfinite(answers.seconds).any():
        add("time", "Reading time", *group, (LOG_SECONDS,))
    for name, values in answers.covariates.items():
        if values.dtype.kind in "fiu" or len(np.unique(values)) <= MOST_LEVELS:
            add(f"column-{name}", f"Column “{name}”", *group, (name,))
    for place, text in enumerate(options.models, 1):
        wanted.append((f"model-{place}", f"As asked for: {text}", parse_formula(text)))
    models = []
    for key, title, formula in wanted:
        progress(title)
        models.append(_covariate_model(answers, key, title, formula, options))
    return tuple(models)


def _covariate_model(
    answers: Answers, key: str, title: str, formula: Formula, options: AnalysisOptions
) -> CovariateModel:
    outcome = "correct" if formula.outcome == CORRECT else "log_seconds"
    try:
        design = build_design(answers, formula)
        if not len(design.answers):
            raise ValueError("no answer has everything that the model names")
        fit: LogisticFit | LinearFit
        fit = _logistic(design, options) if outcome == "correct" else _linear(design, options, reader_effect=True)
    except ValueError as error:
        return CovariateModel(key, title, outcome, str(formula), {}, None, str(error))
    return CovariateModel(key, title, outcome, str(formula), design.words, fit, fit.reason)


def _group_term(answers: Answers) -> tuple[tuple[str, ...], ...]:
    return ((answers.group_name,),) if len(answers.groups) > 1 else ()


def _chosen(answers: Answers, part: str) -> Answers:
    return answers if part == "all" else answers.select(truth=part)


def _logistic(design: DesignMatrix, options: AnalysisOptions) -> LogisticFit:
    return fit_logistic(
        design.outcome, design.matrix, design.answers.image, design.answers.reader, names=design.names,
        confidence=options.confidence,
    )  # fmt: skip


def _linear(design: DesignMatrix, options: AnalysisOptions, *, reader_effect: bool) -> LinearFit:
    return fit_linear(
        design.outcome, design.matrix, design.answers.image, design.answers.reader, names=design.names,
        reader_effect=reader_effect, confidence=options.confidence,
    )  # fmt: skip
