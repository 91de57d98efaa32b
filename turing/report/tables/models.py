"""Tables 3 and 4: the mixed models of right answers and of reading times; further models with covariates."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from turing.analysis.parts import Analysis, CovariateModel, LinearPart, LogisticPart
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, estimate, number, p_value, ratio, ratio_interval
from turing.report.tables.notes import IMAGES, Notes, in_words, term_name
from turing.stats.mixed import LinearFit, LogisticFit, OddsCoefficient
from turing.stats.mixed.remarks import Remark


def logistic_table(analysis: Analysis) -> Table:
    """Wald's interval as papers print it, and beside it the one for few readers."""
    confidence = ci(analysis.options.confidence)
    parts = list(analysis.logistic.values())
    has_groups = any(part.terms for part in parts)
    notes = Notes(
        f"Mixed-effect logistic regression, {parts[0].formula if parts else 'none'}; maximum likelihood by Laplace’s "
        "approximation. Standard deviations are on the logit scale.",
        "Wald: the interval that published studies print. With few readers it is too narrow; the interval for few "
        "readers has degrees of freedom that count readers, not answers, and is the one meant to be read.",
    )
    if not has_groups:
        notes.add(
            "Readers are in one group, so that there is no odds ratio: the row gives the odds of a right answer of a "
            "typical reader about a typical image (1 is chance)."
        )
    rows = [row for part in parts for row in _logistic_rows(analysis, part, notes)]
    return Table(
        key="logistic",
        title="Right answers: mixed-effect logistic regression",
        columns=(
            "Images",
            "Comparison" if has_groups else "Coefficient",
            "Odds ratio" if has_groups else "Odds",
            f"{confidence}, Wald",
            "p, Wald",
            f"{confidence}, few readers",
            "p, few readers",
            "SD of images; readers",
        ),
        rows=tuple(rows) or (_nothing(8),),
        data=data_of(_LOGISTIC_COLUMNS, _logistic_data(analysis)),
        notes=notes.texts,
        widths=(1.1, 1.3, 0.9, 1.2, 0.8, 1.2, 0.8, 1.1),
    )


def _nothing(n_columns: int) -> Row:
    return Row(("Nothing was fitted", *["—"] * (n_columns - 1)))


def _logistic_rows(analysis: Analysis, part: LogisticPart, notes: Notes) -> Iterator[Row]:
    images = IMAGES.get(part.images, part.images)
    terms = part.terms or ("(Intercept)",)
    reason = in_words(analysis.answers, part.reason or (part.fit.reason if part.fit is not None else ""))
    if part.fit is None or not part.fit.estimable:
        cell = notes.not_estimable(reason, images)
        for term in terms:
            yield Row((images, term_name(analysis.answers, term), *[cell] * 6))
        return
    marks = "".join(notes.mark(in_words(analysis.answers, remark.text), images) for remark in part.warnings)
    for term in terms:
        effect: OddsCoefficient = part.fit[term]
        few, p_few = _few_readers(part, term, notes)
        yield Row(
            (
                images,
                term_name(analysis.answers, term),
                ratio(effect.odds_ratio) + (f" {marks}" if marks else ""),
                ratio_interval(effect.or_low, effect.or_high),
                p_value(effect.p),
                few,
                p_few,
                f"{number(part.fit.sd_image)}; {number(part.fit.sd_reader)}",
            )
        )


def _few_readers(part: LogisticPart, term: str, notes: Notes) -> tuple[str, str]:
    small: Any = part.small.get(term)
    images = IMAGES.get(part.images, part.images)
    reason = "not asked for" if small is None else small.reason
    if small is None or math.isnan(small.low):
        cell = notes.not_estimable(f"Interval for few readers: {reason}", images)
        return cell, cell
    return ratio_interval(_exp(small.low), _exp(small.high)), p_value(small.p)


def _exp(value: float) -> float:
    return math.inf if value >= 700 else math.exp(value)  # NaN stays NaN


_LOGISTIC_COLUMNS = (
    *("images", "term", "estimable", "reason", "coefficient", "se", "z", "p", "odds_ratio", "or_low", "or_high"),
    *("small_method", "small_df", "small_p", "or_low_small", "or_high_small", "sd_image", "sd_reader", "loglik"),
    "warnings",
)


def _logistic_data(analysis: Analysis) -> Iterator[tuple[Value, ...]]:
    for part in analysis.logistic.values():
        fit = part.fit
        if fit is None:
            yield (part.images, None, 0, part.reason, *[None] * (len(_LOGISTIC_COLUMNS) - 4))
            continue
        for c in fit.coefficients:
            small: Any = part.small.get(c.name)
            few: tuple[Value, ...] = (None,) * 5
            if small is not None and not math.isnan(small.low):
                few = (small.method, small.df, small.p, _exp(small.low), _exp(small.high))
            yield (
                *(part.images, c.name, int(fit.estimable), fit.reason or part.reason, c.estimate, c.se, c.z, c.p),
                *(c.odds_ratio, c.or_low, c.or_high),
                *few,
                *(fit.sd_image, fit.sd_reader, fit.loglik, "; ".join(remark.code for remark in part.warnings)),
            )


def linear_table(analysis: Analysis) -> Table:
    """log(seconds + 1) on correctness, with and without the reader effect."""
    notes = Notes(
        "Linear mixed models of log(reading time in s + 1), by REML; degrees of freedom by Satterthwaite. The "
        "coefficient is the difference of log time, right against wrong answers; the time ratio is its exponential.",
        "The model without the reader effect is there because published studies print it; its interval ignores that "
        "readers differ in their pace.",
    )
    return _linear(analysis, analysis.linear, "reading-time", "Reading time: linear mixed models", notes)


def linear_without_outliers_table(analysis: Analysis) -> Table | None:
    """Table 4 again without the answers that the declared rules mark; None when they mark none."""
    if analysis.times is None or not analysis.times.linear_without_outliers:
        return None
    title = "Reading time without outliers: linear mixed models"
    notes = Notes(analysis.times.outliers.text, "Otherwise as Table 4.")
    return _linear(analysis, analysis.times.linear_without_outliers, "reading-time-without-outliers", title, notes)


def _linear(analysis: Analysis, parts: Mapping[str, LinearPart], key: str, title: str, notes: Notes) -> Table:
    confidence = ci(analysis.options.confidence)
    rows: list[Row] = []
    for part in parts.values():
        images = IMAGES.get(part.images, part.images)
        rows.append(Row((images,), "group"))
        for name, fit in (("image and reader effects", part.crossed), ("image effect only", part.image_only)):
            rows.append(_linear_row(name, fit, images, part.reason, notes))
    return Table(
        key=key,
        title=title,
        columns=(
            "Model",
            f"Coefficient ({confidence})",
            f"Time ratio ({confidence})",
            "SE",
            "df",
            "p",
            "SD of images; readers; residual",
        ),
        rows=tuple(rows) or (_nothing(7),),
        data=data_of(_LINEAR_COLUMNS, _linear_data(parts)),
        notes=notes.texts,
        widths=(1.5, 1.5, 1.4, 0.7, 0.7, 0.8, 1.4),
    )


def _linear_row(name: str, fit: LinearFit | None, where: str, reason: str, notes: Notes) -> Row:
    if fit is None or not fit.estimable:
        cell = notes.not_estimable(fit.reason if fit is not None and fit.reason else reason, where)
        return Row((name, *[cell] * 6))
    effect = fit["correct"]
    marks = "".join(notes.mark(remark.text, where) for remark in fit.warnings)
    spread = [number(fit.sd_image), number(fit.sd_reader) if fit.has_reader_effect else "—", number(fit.sd_residual)]
    return Row(
        (
            f"{name} {marks}".strip(),
            estimate(effect.estimate, effect.low, effect.high, 3),
            estimate(_exp(effect.estimate), _exp(effect.low), _exp(effect.high)),
            number(effect.se, 3),
            number(effect.df, 1),
            p_value(effect.p),
            "; ".join(spread),
        )
    )


_LINEAR_COLUMNS = (
    *("images", "model", "term", "estimable", "reason", "coefficient", "se", "df", "t", "p", "low", "high"),
    *("sd_image", "sd_reader", "sd_residual", "reml_criterion", "warnings"),
)


def _linear_data(parts: Mapping[str, LinearPart]) -> Iterator[tuple[Value, ...]]:
    for part in parts.values():
        for name, fit in (("crossed", part.crossed), ("image_only", part.image_only)):
            if fit is None:
                yield (part.images, name, None, 0, part.reason, *[None] * (len(_LINEAR_COLUMNS) - 5))
                continue
            for c in fit.coefficients:
                yield (
                    *(part.images, name, c.name, int(fit.estimable), fit.reason or part.reason),
                    *(c.estimate, c.se, c.df, c.t, c.p, c.low, c.high),
                    *(fit.sd_image, fit.sd_reader, fit.sd_residual, fit.reml_criterion),
                    "; ".join(remark.code for remark in fit.warnings),
                )


def covariates_table(analysis: Analysis) -> Table | None:
    """Further models: position in the session, class, and what else was recorded. None without any."""
    if not analysis.covariates:
        return None
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        "Odds ratios of a right answer, or ratios of (reading time + 1 s), for the step that is named. Intervals are "
        "Wald’s (right answers) and Satterthwaite’s (times)."
    )
    rows: list[Row] = []
    values: list[tuple[Value, ...]] = []
    for model in analysis.covariates:
        marks = "".join(notes.mark(model.in_words(remark.text), model.title) for remark in _warnings(model))
        rows.append(Row((f"{model.title} {marks}".strip(),), "group"))
        notes.add(f"{model.title}: {model.formula}")
        rows += _covariate_rows(model, notes)
        values += _covariate_data(model)
    return Table(
        key="covariates",
        title="What else right answers and reading times go with",
        columns=("Coefficient", "Ratio", f"{confidence}", "p"),
        rows=tuple(rows),
        data=data_of(("model", "formula", "term", "coefficient", "se", "low", "high", "p", "reason"), values),
        notes=notes.texts,
        widths=(3.2, 1, 1.3, 1),
    )


def _terms(fit: LogisticFit | LinearFit) -> list[Any]:
    return [c for c in fit.coefficients if c.name != "(Intercept)"]


def _warnings(model: CovariateModel) -> tuple[Remark, ...]:
    return model.fit.warnings if model.fit is not None and model.fit.estimable else ()


def _covariate_rows(model: CovariateModel, notes: Notes) -> Iterator[Row]:
    fit = model.fit
    if fit is None or not fit.estimable:
        cell = notes.not_estimable(model.in_words(model.reason), model.title)
        yield Row(("all coefficients", *[cell] * 3))
        return
    for c in _terms(fit):
        cells = (ratio(_exp(c.estimate)), ratio_interval(_exp(c.low), _exp(c.high)), p_value(c.p))
        yield Row((model.terms.get(c.name, c.name), *cells))


def _covariate_data(model: CovariateModel) -> Iterator[tuple[Value, ...]]:
    if model.fit is None:
        yield (model.key, model.formula, None, None, None, None, None, None, model.reason)
        return
    for c in model.fit.coefficients:
        yield (model.key, model.formula, c.name, c.estimate, c.se, c.low, c.high, c.p, model.fit.reason)
