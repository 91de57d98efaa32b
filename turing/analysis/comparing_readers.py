"""What beside the curves themselves is said of graded answers: readers and groups compared, and the table by step."""

from collections.abc import Sequence

import numpy as np

from turing.analysis.answers import SYNTHETIC, Answers
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import GroupDifference, PairOfReaders, StepShare
from turing.stats.accuracy import clopper_pearson
from turing.stats.comparison import adjust_holm, difference_between_readers
from turing.stats.graded import compare_paired_areas

MOST_READERS = 12  # compared in pairs: 66 comparisons
MOST_STEPS = 10  # of a scale in words; more different ratings are numbers


def compare_pairs(rated: Answers, options: AnalysisOptions) -> tuple[tuple[PairOfReaders, ...], str]:
    """Areas of every two readers by DeLong on the images both rated, p values corrected by Holm; or why not."""
    n = len(rated.readers)
    if n > MOST_READERS:
        return (), f"{n} readers make {n * (n - 1) // 2} pairs: readers are compared in pairs up to {MOST_READERS}"
    table = np.full((len(rated.images), n), np.nan)
    table[rated.image, rated.reader] = rated.rating
    truth = np.full(len(rated.images), -1)
    truth[rated.image] = rated.truth
    found = []
    for one in range(n):
        for other in range(one + 1, n):
            both = np.isfinite(table[:, one]) & np.isfinite(table[:, other])
            cases, controls = (table[both & (truth == kind)] for kind in (SYNTHETIC, 1 - SYNTHETIC))
            comparison = compare_paired_areas(
                cases[:, one], controls[:, one], cases[:, other], controls[:, other], confidence=options.confidence
            )
            found.append((one, other, int(both.sum()), comparison))
    adjusted = adjust_holm([comparison.p for *_, comparison in found])
    return tuple(
        PairOfReaders(rated.readers[one], rated.readers[other], n_images, comparison, p)
        for (one, other, n_images, comparison), p in zip(found, adjusted, strict=True)
    ), ""


def compare_groups(answers: Answers, areas: Sequence[float], options: AnalysisOptions) -> tuple[GroupDifference, ...]:
    """Each further group's mean area less that of the reference group, by Welch's t over readers (`areas`)."""
    values = {name: [areas[code] for code in answers.readers_of(name)] for name in answers.groups}
    return tuple(
        GroupDifference(
            answers.groups[0],
            name,
            difference_between_readers(
                values[answers.groups[0]], values[name], same_readers=False, confidence=options.confidence
            ),
        )
        for name in answers.groups[1:]
    )


def shares_by_step(own: Answers, options: AnalysisOptions) -> tuple[StepShare, ...]:
    """How often images were synthetic at each rating; empty where there are more than ten different ratings."""
    rating = np.asarray(own.rating, dtype=float)
    levels = np.unique(rating)
    if len(levels) > MOST_STEPS:
        return ()
    return tuple(
        StepShare(
            float(level),
            clopper_pearson(
                int((own.truth[rating == level] == SYNTHETIC).sum()),
                int((rating == level).sum()),
                confidence=options.confidence,
            ),
        )
        for level in levels
    )
