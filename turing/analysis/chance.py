"""Item 5 of an analysis: are readers at chance? Test against 50 %, test of equivalence with it, d' and criterion."""

import math
from dataclasses import replace

import numpy as np
from scipy import stats

from turing.analysis.answers import Answers
from turing.analysis.options import CHOSEN_AFTERWARDS, AnalysisOptions
from turing.analysis.parts import Chance, ChanceRow
from turing.stats.equivalence import (
    Equivalence,
    balanced_equivalence,
    exact_p,
    logit_equivalence,
    no_equivalence,
    proportion_equivalence,
)
from turing.stats.mixed import fit_logistic
from turing.stats.signal_detection import SignalDetection, mean_signal_detection, signal_detection
from turing.stats.small_sample import MarginalAccuracy, marginal_accuracy

UNEQUAL = 0.55  # share of the larger class above which accuracy is no longer 50 % by chance
NO_MARGIN = "no equivalence margin was declared"
ANY_MARGIN = 0.25  # where none was declared: estimate and interval do not depend on it
BOTH = "answers about both classes are needed"
MODEL = "mixed model of readers and images, t on the spread between readers, two one-sided tests"
EXACT_TEST, FISHER_TEST, MODEL_TEST = "exact binomial test", "Fisher's exact test", "mixed model, t test"


def judge_chance(answers: Answers, options: AnalysisOptions) -> Chance:
    """`answers`: first answers. Alpha of each of the two one-sided tests is 1 - confidence."""
    given = answers.select(given=True)
    larger = max(float((given.truth == code).mean()) for code in (0, 1)) if len(given) else math.nan
    balanced = not answers.is_pairs and UNEQUAL < larger < 1
    readers = tuple(
        _reader_row(given.select(readers=(code,)), name, options, balanced=balanced)
        for code, name in enumerate(answers.readers)
    )

    def several(part: Answers, codes: tuple[int, ...], name: str, kind: str) -> ChanceRow:
        if kind == "group" and len(codes) == 1:
            own = readers[codes[0]]
            return ChanceRow(**(vars(own) | {"name": name, "kind": kind}))
        return _several_row(part, [readers[code].signal for code in codes], name, kind, options)

    everyone = tuple(range(len(answers.readers)))
    return Chance(
        margin=options.margin,
        margin_origin=options.margin_origin,
        alpha=_alpha(options),
        balanced=balanced,
        readers=readers,
        groups=tuple(
            several(given.select(group=name), answers.readers_of(name), name, "group") for name in answers.groups
        ),
        overall=several(given, everyone, "all", "all"),
    )


def _alpha(options: AnalysisOptions) -> float:
    return round(1 - options.confidence, 12)  # 0.05, not 0.050000000000000044


def _reader_row(answers: Answers, name: str, options: AnalysisOptions, *, balanced: bool) -> ChanceRow:
    table = np.zeros((2, 2), int)
    np.add.at(table, (answers.truth, answers.answer), 1)
    right, total = (int(table[0, 0]), int(table[1, 1])), table.sum(axis=1)
    k, n = sum(right), int(table.sum())
    alpha, margin = _alpha(options), _margin(options)
    association = float(stats.fisher_exact(table).pvalue) if total.all() else math.nan
    if answers.is_pairs or (total.all() and not balanced):
        p, test = exact_p(k, n), EXACT_TEST
        equivalence = proportion_equivalence(k, n, margin=margin, alpha=alpha)
    elif total.all():
        p, test = association, FISHER_TEST
        equivalence = balanced_equivalence(right[0], int(total[0]), right[1], int(total[1]), margin=margin, alpha=alpha)
    else:
        p, test = math.nan, FISHER_TEST if balanced else EXACT_TEST
        equivalence = no_equivalence(BOTH, margin=margin, alpha=alpha, measure="accuracy", method=test)
    equivalence = _only_declared(equivalence, options)
    return ChanceRow(
        name=name,
        kind="reader",
        k=k,
        n=n,
        p_chance=p,
        chance_test=test,
        p_association=association,
        equivalence=equivalence,
        marginal=None,
        signal=_signal(table, answers, options),
        verdict=_verdict(p, equivalence, options),
    )


def _signal(table: np.ndarray, answers: Answers, options: AnalysisOptions) -> SignalDetection:
    signal, noise = (0, 1) if answers.is_pairs else (1, 0)
    return signal_detection(
        int(table[signal, signal]),
        int(table[signal].sum()),
        int(table[noise, signal]),
        int(table[noise].sum()),
        pairs=answers.is_pairs,
        confidence=options.confidence,
    )


def _several_row(
    answers: Answers, signals: list[SignalDetection], name: str, kind: str, options: AnalysisOptions
) -> ChanceRow:
    alpha, margin = _alpha(options), _margin(options)
    measure = "proportion correct" if answers.is_pairs else "balanced accuracy"
    measure = f"{measure} of new readers with new images"
    if kind == "all" and len(answers.groups) > 1:
        measure += ", groups as in this study"
    marginal = _marginal(answers, options, grouped=kind == "all")
    if math.isnan(marginal.se_logit):
        p = math.nan
        equivalence = no_equivalence(marginal.reason, margin=margin, alpha=alpha, measure=measure, method=MODEL)
    else:
        p = marginal.compute_p(0.5)
        equivalence = logit_equivalence(
            marginal.estimate, marginal.se_logit, df=marginal.df, margin=margin, alpha=alpha, measure=measure,
            method=MODEL,
        )  # fmt: skip
    equivalence = _only_declared(equivalence, options)
    return ChanceRow(
        name=name,
        kind=kind,
        k=int((answers.answer == answers.truth).sum()),
        n=len(answers),
        p_chance=p,
        chance_test=MODEL_TEST,
        p_association=math.nan,
        equivalence=equivalence,
        marginal=marginal,
        signal=mean_signal_detection(signals, confidence=options.confidence),
        verdict=_verdict(p, equivalence, options),
    )


def _marginal(answers: Answers, options: AnalysisOptions, *, grouped: bool) -> MarginalAccuracy:
    """correct ~ group + class + (1|image) + (1|reader), averaged over both classes and over the readers of this study.

    `grouped`: readers differ by group as well, so what they vary by is measured within groups. Where such a model has
    no interval (a group that is always right, one reader per group) the groups are left out of it.
    """
    nan = math.nan
    if not answers.is_pairs and len(np.unique(answers.truth)) < 2:
        reason = BOTH if len(answers) else "there is no answer"
        return MarginalAccuracy("", options.confidence, nan, nan, nan, nan, nan, reason)
    if grouped and len(answers.groups) > 1 and "" not in answers.reader_group:
        found = _fit_marginal(answers, options, np.unique(answers.group)[1:])
        if not math.isnan(found.se_logit):
            return found
    return _fit_marginal(answers, options, np.zeros(0, int))


def _fit_marginal(answers: Answers, options: AnalysisOptions, groups: np.ndarray) -> MarginalAccuracy:
    """`groups`: codes that get a column, none for a model without groups."""
    in_group = (answers.group[:, None] == groups).astype(float)
    halves = np.zeros((len(answers), 0)) if answers.is_pairs else answers.truth[:, None] - 0.5
    design = np.column_stack([np.ones(len(answers)), in_group, halves])
    names = ("(Intercept)", *(f"group {code}" for code in groups), *(("class",) if halves.shape[1] else ()))
    of_reader = design[np.unique(answers.reader, return_index=True)[1]]
    at = of_reader if answers.is_pairs else np.vstack([_with_last(of_reader, half) for half in (-0.5, 0.5)])
    try:
        fit = fit_logistic(
            answers.correct, design, answers.image, answers.reader, names=names, confidence=options.confidence
        )
        return marginal_accuracy(fit, at=at, confidence=options.confidence)
    except ValueError as error:
        nan = math.nan
        return MarginalAccuracy("", options.confidence, nan, nan, nan, nan, nan, str(error))


def _with_last(rows: np.ndarray, value: float) -> np.ndarray:
    changed = rows.copy()
    changed[:, -1] = value
    return changed


def _margin(options: AnalysisOptions) -> float:
    return ANY_MARGIN if options.margin is None else options.margin


def _only_declared(equivalence: Equivalence, options: AnalysisOptions) -> Equivalence:
    """Without a margin an estimate and its interval, and no test."""
    if options.margin is not None:
        return equivalence
    nan = math.nan
    return replace(equivalence, margin=nan, p_lower=nan, p_upper=nan, reason=equivalence.reason or NO_MARGIN)


def _verdict(p: float, equivalence: Equivalence, options: AnalysisOptions) -> str:
    """The word "indistinguishable" stands here only where equivalence holds."""
    if math.isnan(p) or not (equivalence.is_defined or options.margin is None):
        return f"Not tested: {equivalence.reason}."
    alpha = equivalence.alpha
    if equivalence.holds:
        low, high = 50 - 100 * equivalence.margin, 50 + 100 * equivalence.margin
        text = f"Indistinguishable within the margin of {low:g} % to {high:g} %"
        if options.margin_origin == CHOSEN_AFTERWARDS:
            text = f"{text} ({CHOSEN_AFTERWARDS})"
        return f"{text}, though not exactly at chance." if p < alpha else f"{text}."
    if p < alpha:
        return "Better than chance." if equivalence.estimate > 0.5 else "Below chance: answers tend to be reversed."
    if options.margin is None:
        return f"No difference from chance was found; that they are at chance cannot be claimed: {NO_MARGIN}."
    return "Undecided: neither different from chance nor shown to be near it; more answers would tell."
