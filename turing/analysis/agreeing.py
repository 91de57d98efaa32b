"""Item 2 of an analysis: do readers agree with each other, and with themselves?"""

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import PARTS, Agreement, AgreementPart, Retest
from turing.stats.agreement import MISSING, fleiss_kappa
from turing.stats.agreement_bootstrap import bootstrap_agreement
from turing.stats.cohen import pairwise_kappa
from turing.stats.gwet import gwet_agreement
from turing.stats.retest import cohen_kappa


def measure_agreement(answers: Answers, options: AnalysisOptions) -> Agreement:
    """`answers`: with repeats, which only the readers' agreement with themselves uses."""
    first = answers.first
    everyone = tuple(range(len(answers.readers)))
    parts = ("all",) if answers.is_pairs else PARTS
    selected = {part: first if part == "all" else first.select(truth=part) for part in parts}
    return Agreement(
        parts={part: _part(selected[part], everyone, part, "all", options, draws=True) for part in parts},
        groups={
            name: _part(first, members, "all", name, options, draws=False)
            for name in answers.groups
            if len(members := answers.readers_of(name)) > 1
        },
        pairwise=pairwise_kappa(first.table(), confidence=options.confidence),
        retest=_retest(answers, options),
    )


def _part(
    answers: Answers, readers: tuple[int, ...], images: str, name: str, options: AnalysisOptions, *, draws: bool
) -> AgreementPart:
    table = answers.table(readers)
    return AgreementPart(
        images="pairs" if answers.is_pairs else images,
        readers=name,
        fleiss=fleiss_kappa(table, confidence=options.confidence),
        gwet=gwet_agreement(table, confidence=options.confidence),
        bootstrap=bootstrap_agreement(
            table, n_draws=options.n_bootstrap_kappa, seed=options.seed, confidence=options.confidence
        )
        if draws
        else None,
    )


def _retest(answers: Answers, options: AnalysisOptions) -> tuple[Retest, ...]:
    """First answer against the earliest repeat, for every reader with a repeat."""
    found = []
    for code, name in enumerate(answers.readers):
        own = answers.select(readers=(code,))
        if not own.is_repeat.any():
            continue
        first = np.full(len(answers.images), MISSING)
        second = first.copy()
        early = own.first
        first[early.image] = early.answer
        later = own.rows(own.is_repeat)
        order = np.arange(len(later)) if later.position is None else np.argsort(later.position, kind="stable")
        second[later.image[order[::-1]]] = later.answer[order[::-1]]  # of several, the earliest is written last
        shown = np.unique(later.image)
        found.append(Retest(name, cohen_kappa(first[shown], second[shown], confidence=options.confidence)))
    return tuple(found)
