"""Item 1 of an analysis: accuracy, sensitivity and specificity per reader, per group and of all readers."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from turing.analysis.answers import Answers
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import Accuracy, AccuracyRow, MeanShare
from turing.stats.accuracy import Proportion, clopper_pearson, pair_accuracy, reader_accuracy

ALL = "all"


def count_accuracy(answers: Answers, options: AnalysisOptions) -> Accuracy:
    """`answers`: first answers. Readers without any answer given are in the result, with n = 0."""
    readers = tuple(
        _row(answers, (code,), name, "reader", answers.reader_group[code], options)
        for code, name in enumerate(answers.readers)
    )
    groups = tuple(_several(answers, answers.readers_of(name), name, "group", options) for name in answers.groups)
    pooled = _several(answers, tuple(range(len(answers.readers))), ALL, "all", options)
    return Accuracy(answers.positive_class, readers, groups, pooled)


def _row(
    answers: Answers, readers: Sequence[int], name: str, kind: str, group: str, options: AnalysisOptions
) -> AccuracyRow:
    part = answers.select(readers=readers)
    given = part.select(given=True)
    names = np.array(given.class_names)
    truth, answer = names[given.truth].tolist(), names[given.answer].tolist()
    level = options.confidence
    shares = (
        pair_accuracy(truth, answer, confidence=level)
        if answers.is_pairs
        else reader_accuracy(truth, answer, positive_class=answers.positive_class, confidence=level)
    )

    def share(code: int) -> Proportion | None:
        if answers.is_pairs:
            return None
        about = given.truth == code
        return clopper_pearson(int(given.correct[about].sum()), int(about.sum()), confidence=level)

    return AccuracyRow(
        name=name,
        kind=kind,
        group=group,
        n_readers=len(readers),
        n_missing=len(part) - len(given),
        shares=shares,
        real=share(0),
        synthetic=share(1),
    )


def _several(answers: Answers, readers: Sequence[int], name: str, kind: str, options: AnalysisOptions) -> AccuracyRow:
    row = _row(answers, readers, name, kind, name if kind == "group" else "", options)
    each = [_row(answers, (code,), "", "reader", "", options) for code in readers]
    means = {
        f"mean_{what}": mean_share([share for one in each if (share := getattr(one, what))], options.confidence)
        for what in ("accuracy", "real", "synthetic")
    }
    values = {field: getattr(row, field) for field in row.__dataclass_fields__}
    return AccuracyRow(**(values | means))


def mean_share(shares: Sequence[Proportion], confidence: float) -> MeanShare:
    """Mean of the defined shares with Student's interval over readers, cut at 0 and 1; none for fewer than two."""
    values = np.array([share.estimate for share in shares if share.is_defined])
    n = len(values)
    if n < 2:
        return MeanShare(float(values.mean()) if n else math.nan, math.nan, math.nan, math.nan, n)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * sd / math.sqrt(n)
    return MeanShare(mean, sd, max(mean - half, 0.0), min(mean + half, 1.0), n)
