"""The numbers of an analysis as JSON, under the names of the reference values that R computes (`analyse --json`).

Strict JSON: what is not a finite number is null, and `reason` says why.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from turing.analysis.parts import (
    AccuracyRow,
    AgreementPart,
    Analysis,
    ChanceRow,
    CovariateModel,
    LinearPart,
    LogisticPart,
    MeanShare,
)
from turing.stats.accuracy import PairAccuracy, Proportion
from turing.stats.mixed import LinearFit, LogisticFit
from turing.stats.retest import CohenKappa
from turing.stats.signal_detection import SignalDetection
from turing.stats.times import Outliers

FORMAT = 1  # rises when a name changes its meaning
PER_ANSWER = frozenset({"times", "too_fast", "too_slow", "unusual"})  # arrays as long as the data: not printed


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Numbers, texts, lists and dictionaries only, ready for `json.dumps(..., allow_nan=False)`.

    Names: `readers.<reader>.{accuracy,real,synthetic}.{k,n,estimate,low,high}`; `fleiss`, `fleiss_real`,
    `fleiss_synthetic` with `{kappa,se_null,ci_null,se_gwet,ci_gwet,se_jackknife}`; `logistic.<all|real|synthetic>`;
    `linear.<all|real|synthetic>.<crossed|image_only>`; coefficients by term. `or` and its limits are of the group;
    where there are three groups or more they are dictionaries by term. All names: docs/statistics.md.
    """
    accuracy, agreement, chance = analysis.accuracy, analysis.agreement, analysis.chance
    answers = analysis.answers
    result: dict[str, Any] = {
        "format": FORMAT,
        "source": answers.source,
        "positive_class": None if answers.is_pairs else accuracy.positive_class,
        "is_pairs": answers.is_pairs,
        "size": _plain(analysis.size),
        "options": _plain(analysis.options),
        "versions": _plain(analysis.versions),
        "readers": {row.name: {answers.group_name: row.group or None} | _accuracy(row) for row in accuracy.readers},
        "groups": {row.name: _accuracy(row) for row in accuracy.groups},
        "pooled": _accuracy(accuracy.pooled),
    }
    for key, part in agreement.parts.items():
        result["fleiss" if key == "all" else f"fleiss_{key}"] = _agreement(part)
    result |= {
        "fleiss_groups": {name: _agreement(part) for name, part in agreement.groups.items()},
        "pairwise_kappa": {
            "mean": _number(agreement.pairwise.mean),
            "pairs": [
                {"readers": [answers.readers[one], answers.readers[other]]} | _cohen(kappa)
                for one, other, kappa in agreement.pairwise.pairs
            ],
        },
        "retest": {retest.reader: _cohen(retest.kappa) for retest in agreement.retest},
        "chance": {
            "margin": chance.margin,
            "margin_origin": chance.margin_origin or None,
            "alpha": chance.alpha,
            "balanced": chance.balanced,
            "readers": {row.name: _chance(row) for row in chance.readers},
            "groups": {row.name: _chance(row) for row in chance.groups},
            "overall": _chance(chance.overall),
        },
        "logistic": {key: _logistic(part) for key, part in analysis.logistic.items()},
        "linear": {key: _linear_part(part) for key, part in analysis.linear.items()},
        "covariates": {model.key: _covariate(model) for model in analysis.covariates},
        "graded": _plain(analysis.graded) if analysis.graded is not None else {"reason": analysis.graded_reason},
        "times": _plain(analysis.times) if analysis.times is not None else {"reason": analysis.times_reason},
        "images": _plain(analysis.images) if analysis.images is not None else {"reason": analysis.images_reason},
        "problems": list(analysis.problems),
        "notes": list(analysis.notes),
    }
    return result


def _number(value: float | None) -> float | int | None:
    if value is None or (isinstance(value, float | np.floating) and not math.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _numbers(values: Iterable[float]) -> list[float | int | None]:
    return [_number(value) for value in values]


def to_plain(value: Any) -> Any:
    """Any part of an analysis, or a comparison of studies, as `to_json` would write it."""
    return _plain(value)


def _plain(value: Any) -> Any:
    """Dataclasses, mappings, sequences and arrays as JSON; designs, models and arrays per answer are left out."""
    if isinstance(value, Proportion):
        return _share(value)
    if isinstance(value, LogisticFit):
        return _of_logistic_fit(value, "")
    if isinstance(value, LinearFit):
        return _of_linear_fit(value, "")
    if isinstance(value, LinearPart):
        return _linear_part(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.repr}
        plain = {name: _plain(item) for name, item in fields.items() if name not in PER_ANSWER}
        return plain | ({"n_marked": value.n_marked, "text": value.text} if isinstance(value, Outliers) else {})
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    return _number(value)


def _share(share: Proportion) -> dict[str, Any]:
    return {name: _number(getattr(share, name)) for name in ("k", "n", "estimate", "low", "high")}


def _accuracy(row: AccuracyRow) -> dict[str, Any]:
    values: dict[str, Any] = {"accuracy": _share(row.accuracy), "n_missing": row.n_missing}
    if row.real is not None and row.synthetic is not None:
        values |= {"real": _share(row.real), "synthetic": _share(row.synthetic)}
    if isinstance(row.shares, PairAccuracy):
        values["chose_left"] = _share(row.shares.chose_left)
    else:
        values |= {"sensitivity": _share(row.shares.sensitivity), "specificity": _share(row.shares.specificity)}
    for name in ("mean_accuracy", "mean_real", "mean_synthetic"):
        mean: MeanShare | None = getattr(row, name)
        if mean is not None and mean.n_readers:
            values[name] = _plain(mean)
    return values


def _agreement(part: AgreementPart) -> dict[str, Any]:
    fleiss = part.fleiss
    values: dict[str, Any] = {
        "readers": fleiss.n_readers,
        "images_used": fleiss.n_used,
        "images_total": fleiss.n_images,
        "missing_answers": "images without an answer of every reader are left out; kept in `gwet`",
        "ci_null": _numbers([fleiss.low_null, fleiss.high_null]),
        "ci_gwet": _numbers([fleiss.low, fleiss.high]),
        "reason": fleiss.reason or None,
        "gwet": _plain(part.gwet),
    }
    for name in ("kappa", "observed_agreement", "chance_agreement", "se_null", "p_null", "se_gwet", "se_jackknife"):
        values[name] = _number(getattr(fleiss, name))
    if part.bootstrap is not None:
        values["bootstrap"] = _plain(part.bootstrap)
        values["se_bootstrap"] = _number(part.bootstrap.fleiss.se)
        values["ci_bootstrap"] = _numbers([part.bootstrap.fleiss.low, part.bootstrap.fleiss.high])
    return values


def _cohen(kappa: CohenKappa) -> dict[str, Any]:
    return {
        "kappa": _number(kappa.kappa),
        "se": _number(kappa.se),
        "ci": _numbers([kappa.low, kappa.high]),
        "images_used": kappa.n_used,
        "same": _share(kappa.same),
        "reason": kappa.reason or None,
    }


def _chance(row: ChanceRow) -> dict[str, Any]:
    equivalence = row.equivalence
    return {
        "k": row.k,
        "n": row.n,
        "p_chance": _number(row.p_chance),
        "chance_test": row.chance_test,
        "p_association": _number(row.p_association),
        "equivalence": _plain(equivalence) | {"p": _number(equivalence.p), "holds": equivalence.holds},
        "marginal": _plain(row.marginal) if row.marginal is not None else None,
        "signal_detection": _signal(row.signal),
        "verdict": row.verdict,
    }


def _signal(signal: SignalDetection) -> dict[str, Any]:
    values: dict[str, Any] = _plain(signal)
    return values


def _logistic(part: LogisticPart) -> dict[str, Any]:
    values = _of_logistic_fit(part.fit, part.reason) | {"formula": part.formula}

    def of_group(by_term: dict[str, float | int | None]) -> Any:
        """A number where there is one term of the group, as in the reference values; else by term."""
        return next(iter(by_term.values())) if len(by_term) == 1 else by_term or None

    effects = {effect.name: effect for effect in part.effects}
    small = {term: part.small[term] for term in effects if term in part.small}
    values |= {
        "or": of_group({term: _number(effect.odds_ratio) for term, effect in effects.items()}),
        "or_low": of_group({term: _number(effect.or_low) for term, effect in effects.items()}),
        "or_high": of_group({term: _number(effect.or_high) for term, effect in effects.items()}),
        "or_low_small": of_group({term: _number(interval.or_low) for term, interval in small.items()}),
        "or_high_small": of_group({term: _number(interval.or_high) for term, interval in small.items()}),
        "small_sample": {term: _plain(interval) for term, interval in part.small.items()},
    }
    return values


def _of_logistic_fit(fit: LogisticFit | None, reason: str) -> dict[str, Any]:
    if fit is None:
        return {"estimable": False, "reason": reason, "warnings": []}
    values: dict[str, Any] = {
        "estimable": fit.estimable,
        "reason": fit.reason or None,
        "n": fit.n_answers,
        "warnings": [_plain(remark) for remark in fit.warnings],
    }
    for name, field in (("coef", "estimate"), ("se", "se"), ("z", "z"), ("p", "p"), ("low", "low"), ("high", "high")):
        values[name] = {one.name: _number(getattr(one, field)) for one in fit.coefficients}
    for name in ("sd_image", "sd_reader", "loglik"):
        values[name] = _number(getattr(fit, name))
    return values


def _linear_part(part: LinearPart) -> dict[str, Any]:
    return {
        "crossed": _of_linear_fit(part.crossed, part.reason),
        "image_only": _of_linear_fit(part.image_only, part.reason),
    }


def _of_linear_fit(fit: LinearFit | None, reason: str) -> dict[str, Any]:
    if fit is None:
        return {"estimable": False, "reason": reason, "warnings": []}
    values: dict[str, Any] = {
        "estimable": fit.estimable,
        "reason": fit.reason or None,
        "n": fit.n_answers,
        "warnings": [_plain(remark) for remark in fit.warnings],
    }
    fields = ("estimate", "se", "df", "t", "p", "low", "high")
    for name, field in zip(("coef", *fields[1:]), fields, strict=True):
        values[name] = {one.name: _number(getattr(one, field)) for one in fit.coefficients}
    for name in ("sd_image", "sd_reader", "sd_residual", "reml_criterion"):
        values[name] = _number(getattr(fit, name))
    return values


def _covariate(model: CovariateModel) -> dict[str, Any]:
    about = {"title": model.title, "outcome": model.outcome, "formula": model.formula, "terms": dict(model.terms)}
    if isinstance(model.fit, LinearFit):
        return about | _of_linear_fit(model.fit, model.reason)
    return about | _of_logistic_fit(model.fit, model.reason)
