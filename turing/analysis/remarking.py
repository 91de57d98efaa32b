"""What must be said beside the numbers: what could not be computed, and what the data cannot show."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.chance import NO_MARGIN
from turing.analysis.checking import counted
from turing.analysis.parts import Agreement, Chance, CovariateModel, LinearPart, LogisticPart
from turing.stats.mixed import LinearFit

FEW_READERS = 5


def collect_problems(
    agreement: Agreement,
    chance: Chance,
    logistic: Mapping[str, LogisticPart],
    linear: Mapping[str, LinearPart],
    covariates: Sequence[CovariateModel],
) -> tuple[str, ...]:
    """What could not be computed and why, one sentence each, every one once."""
    found = [*_of_agreement(agreement), *_of_chance(chance), *_of_logistic(logistic), *_of_linear(linear)]
    found += [
        f"{model.title} ({model.formula}): not estimable: {model.in_words(model.reason)}."
        for model in covariates
        if model.reason
    ]
    return tuple(dict.fromkeys(found))


def collect_notes(answers: Answers, chance: Chance) -> tuple[str, ...]:
    """What a reader of the numbers must know: what reading the file found, then what the data cannot show."""
    return (*answers.notes, *_of_answers(answers, chance))


def _of_agreement(agreement: Agreement) -> Iterator[str]:
    for key, part in agreement.parts.items():
        what = f"Agreement, {key} images"
        if part.fleiss.reason:
            yield f"{what}: Fleiss' kappa: {part.fleiss.reason}."
        for name, coefficient in (("Gwet's kappa", part.gwet.kappa), ("AC1", part.gwet.ac1)):
            if coefficient.reason:
                yield f"{what}: {name}: {coefficient.reason}."
    for retest in agreement.retest:
        if retest.kappa.reason:
            yield f"Repeats of reader {retest.reader}: {retest.kappa.reason}."


def _of_chance(chance: Chance) -> Iterator[str]:
    if chance.margin is None:
        yield f"Equivalence with chance is not tested: {NO_MARGIN}."
    for row in (*chance.readers, *chance.groups, chance.overall):
        if row.equivalence.reason and row.equivalence.reason != NO_MARGIN:
            who = {"reader": f"reader {row.name}", "group": f"group {row.name}"}.get(row.kind, "all readers")
            yield f"Chance and equivalence, {who}: {row.equivalence.reason}."


def _of_logistic(parts: Mapping[str, LogisticPart]) -> Iterator[str]:
    for key, part in parts.items():
        reason = part.reason or (part.fit.reason if part.fit is not None else "")
        if reason:
            yield f"Mixed logistic regression, {key} images: not estimable: {reason}."
        for interval in part.small.values():
            if interval.reason and not reason:
                yield f"Small-sample interval of {interval.term}, {key} images: {interval.reason}."


def _of_linear(parts: Mapping[str, LinearPart]) -> Iterator[str]:
    for key, part in parts.items():
        fits: list[tuple[str, LinearFit | None]] = [("", part.crossed), (" without the reader effect", part.image_only)]
        for name, fit in fits:
            reason = part.reason or (fit.reason if fit is not None else "")
            if reason:
                yield f"Reading time, {key} images{name}: not estimable: {reason}."


def _of_answers(answers: Answers, chance: Chance) -> Iterator[str]:
    first = answers.first
    n_readers = len(answers.readers)
    if missing := int((~first.given).sum()):
        yield f"{counted(missing, 'answer was', 'answers were')} not given in time: no part of accuracy and models."
    absent = n_readers * len(np.unique(first.image)) - len(first)
    if absent:
        yield f"{counted(absent, 'pair', 'pairs')} of reader and image have no row: not every reader saw every image."
    if answers.is_repeat.any():
        n = counted(int(answers.is_repeat.sum()), "repeat was", "repeats were")
        yield f"{n} used for the agreement of readers with themselves only."
    if flagged := int((first.flagged & np.isfinite(first.seconds)).sum()):
        yield f"{counted(flagged, 'reading time is', 'reading times are')} flagged as doubtful, and used."
    if n_readers < FEW_READERS:
        yield f"With {counted(n_readers, 'reader', 'readers')} little can be said about readers in general."
    if chance.balanced:
        yield (
            "There are not equally many real and synthetic images: who always gave the same answer would not be right "
            "in 50 %. Chance and equivalence are therefore tested on the balanced accuracy, the mean of both classes."
        )
    sizes = {name: len(answers.readers_of(name)) for name in answers.groups}
    if without := answers.reader_group.count("") if answers.groups else 0:
        yield f"{counted(without, 'reader belongs', 'readers belong')} to no group and is in no comparison of groups."
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        yield f"The groups are of different size ({listed})."
