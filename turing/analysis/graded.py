"""Item 6 of an analysis: graded answers. ROC curves per reader, areas averaged over random readers, calibration; of
pairs the reader-averaged share of right choices, which is the same area."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import SYNTHETIC, Answers
from turing.analysis.options import AnalysisOptions
from turing.stats.accuracy import Proportion, clopper_pearson
from turing.stats.comparison import Difference, adjust_holm, difference_between_readers
from turing.stats.graded import (
    AreaComparison,
    BinormalFit,
    Calibration,
    ObuchowskiRockette,
    PartialArea,
    ReaderAverage,
    RocCurve,
    average_area,
    average_share,
    calibration,
    compare_paired_areas,
    fit_binormal,
    obuchowski_rockette,
    partial_area,
    roc_curve,
)
from turing.stats.roc import RocArea, roc_area

MOST_READERS_COMPARED = 12  # pairwise: 66 comparisons
MOST_STEPS = 10  # of a scale in words; more different ratings are numbers
PARTIAL_DRAWS = 500


@dataclass(frozen=True)
class StepShare:
    """How often images with this rating were synthetic."""

    rating: float
    synthetic: Proportion


@dataclass(frozen=True)
class GradedReader:
    reader: str
    n_ratings: int
    curve: RocCurve
    area: RocArea
    binormal: BinormalFit
    partial: PartialArea  # where 90 % or more of the real images are called real
    calibration: Calibration | None
    steps: tuple[StepShare, ...]  # of a scale with few steps; else empty


@dataclass(frozen=True)
class GradedAverage:
    """Several readers; `name` "all" or the group."""

    name: str
    average: ReaderAverage
    anova: ObuchowskiRockette | None  # None for pairs


@dataclass(frozen=True)
class PairOfReaders:
    first: str
    second: str
    n_images: int  # rated by both
    comparison: AreaComparison
    p_holm: float  # corrected for all pairs of readers


@dataclass(frozen=True)
class GradedAnalysis:
    """Synthetic images are the cases: an area above 0.5 means that they were rated as more synthetic."""

    is_pairs: bool
    n_missing: int  # first answers without a rating; left out
    readers: tuple[GradedReader, ...]  # empty for pairs
    overall: GradedAverage
    groups: Mapping[str, GradedAverage]
    between_groups: tuple[tuple[str, str, Difference], ...]  # of the readers' areas: Welch's t over readers
    pairs_of_readers: tuple[PairOfReaders, ...]
    pairs_reason: str  # why they are not all there
    calibration: Calibration | None  # all readers pooled; answers are taken as independent
    stated: str  # how ratings were read as probabilities, or why they were not
    notes: tuple[str, ...] = ()


def analyse_graded(answers: Answers, options: AnalysisOptions) -> tuple[GradedAnalysis | None, str]:
    """The part, or None and the reason. `answers`: first answers (`Answers.first`)."""
    first = answers.first
    if first.is_pairs:
        return _of_pairs(first, options)
    if first.rating is None:
        return None, "the answers are not graded: there is no rating, so there is no ROC curve"
    rated = first.rows(np.isfinite(first.rating))
    if not len(rated):
        return None, "no answer has a rating, so there is no ROC curve"
    truths = np.unique(rated.truth)
    if len(truths) < 2:
        only = rated.class_names[int(truths[0])]
        return None, f"only {only} images have ratings; a ROC curve needs real and synthetic ones"
    scale, stated = _scale(rated)
    tables = _tables(rated)
    readers = tuple(_reader(rated, code, scale, options) for code in range(len(rated.readers)))
    groups = {name: _averaged(name, tables, rated.readers_of(name), options) for name in rated.groups}
    pairs, reason = _pairs_of_readers(rated, tables, options)
    return GradedAnalysis(
        is_pairs=False,
        n_missing=len(first) - len(rated),
        readers=readers,
        overall=_averaged("all", tables, tuple(range(len(rated.readers))), options),
        groups=groups,
        between_groups=_between_groups(rated, {part.reader: part.area.auc for part in readers}, options),
        pairs_of_readers=pairs,
        pairs_reason=reason,
        calibration=_calibrated(rated, scale, options),
        stated=stated,
        notes=_notes(len(first) - len(rated)),
    ), ""


def _of_pairs(first: Answers, options: AnalysisOptions) -> tuple[GradedAnalysis | None, str]:
    if not first.given.any():
        return None, "there is no answer"
    table = np.full((len(first.images), len(first.readers)), np.nan)
    table[first.image, first.reader] = first.correct

    def averaged(name: str, codes: tuple[int, ...]) -> GradedAverage:
        return GradedAverage(name, average_share(table[:, list(codes)], confidence=options.confidence), None)

    note = "The share of right choices between two images is the area under the ROC curve (the area theorem)."
    return GradedAnalysis(
        is_pairs=True,
        n_missing=len(first) - int(first.given.sum()),
        readers=(),
        overall=averaged("all", tuple(range(len(first.readers)))),
        groups={name: averaged(name, first.readers_of(name)) for name in first.groups},
        between_groups=(),
        pairs_of_readers=(),
        pairs_reason="pairs have no ratings",
        calibration=None,
        stated="pairs have no ratings",
        notes=(note,),
    ), ""


def _reader(rated: Answers, code: int, scale: float, options: AnalysisOptions) -> GradedReader:
    own = rated.select(readers=[code])
    assert own.rating is not None  # noqa: S101 -- `rated` has ratings
    cases, controls = own.rating[own.truth == SYNTHETIC], own.rating[own.truth != SYNTHETIC]
    level = options.confidence
    return GradedReader(
        reader=rated.readers[code],
        n_ratings=len(own),
        curve=roc_curve(cases, controls),
        area=roc_area(cases, controls, confidence=level),
        binormal=fit_binormal(cases, controls, confidence=level),
        partial=partial_area(cases, controls, n_bootstrap=PARTIAL_DRAWS, seed=options.seed, confidence=level),
        calibration=_calibrated(own, scale, options),
        steps=_steps(own, options),
    )


def _averaged(
    name: str, tables: tuple[np.ndarray, np.ndarray], codes: tuple[int, ...], options: AnalysisOptions
) -> GradedAverage:
    cases, controls = (table[:, list(codes)] for table in tables)
    return GradedAverage(
        name,
        average_area(cases, controls, confidence=options.confidence),
        obuchowski_rockette(cases, controls, confidence=options.confidence),
    )


def _tables(rated: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Ratings (images, readers) of synthetic and of real images; NaN where there is none."""
    table = np.full((len(rated.images), len(rated.readers)), np.nan)
    table[rated.image, rated.reader] = rated.rating
    truth = np.full(len(rated.images), -1)
    truth[rated.image] = rated.truth
    return table[truth == SYNTHETIC], table[truth == 1 - SYNTHETIC]


def _between_groups(
    rated: Answers, areas: Mapping[str, float], options: AnalysisOptions
) -> tuple[tuple[str, str, Difference], ...]:
    values = {name: [areas[rated.readers[code]] for code in rated.readers_of(name)] for name in rated.groups}
    return tuple(
        (
            rated.groups[0],
            name,
            difference_between_readers(
                values[rated.groups[0]], values[name], same_readers=False, confidence=options.confidence
            ),
        )
        for name in rated.groups[1:]
    )


def _pairs_of_readers(
    rated: Answers, tables: tuple[np.ndarray, np.ndarray], options: AnalysisOptions
) -> tuple[tuple[PairOfReaders, ...], str]:
    n = len(rated.readers)
    if n > MOST_READERS_COMPARED:
        return (
            (),
            f"{n} readers make {n * (n - 1) // 2} pairs: readers are compared in pairs up to {MOST_READERS_COMPARED}",
        )
    found = []
    for one in range(n):
        for other in range(one + 1, n):
            cases, controls = (
                table[np.isfinite(table[:, one]) & np.isfinite(table[:, other])][:, [one, other]] for table in tables
            )
            comparison = compare_paired_areas(
                cases[:, 0], controls[:, 0], cases[:, 1], controls[:, 1], confidence=options.confidence
            )
            found.append((one, other, len(cases) + len(controls), comparison))
    adjusted = adjust_holm([comparison.p for *_, comparison in found])
    return tuple(
        PairOfReaders(rated.readers[one], rated.readers[other], n_images, comparison, p)
        for (one, other, n_images, comparison), p in zip(found, adjusted, strict=True)
    ), ""


def _scale(rated: Answers) -> tuple[float, str]:
    """What to divide a rating by for a probability (NaN: it is none; negative: steps), and how that was decided."""
    rating = rated.rating
    assert rating is not None  # noqa: S101 -- `rated` has ratings
    least, largest = float(rating.min()), float(rating.max())
    if least >= 0 and largest <= 1:
        return 1.0, "Ratings lie between 0 and 1 and were read as probabilities of being synthetic."
    steps = float(np.floor(largest))
    if least >= 1 and largest <= MOST_STEPS and np.array_equal(rating, np.floor(rating)):
        return -steps, (
            f"Ratings are steps from 1 to {steps:g}. To be calibrated they were read as probabilities spread evenly, "
            f"(step - 1/2) / {steps:g}: a convention, since steps name no probability. The table by step needs none."
        )
    if least >= 0 and largest <= 100:
        return 100.0, "Ratings lie between 0 and 100 and were read as per cent: the probability of being synthetic."
    return np.nan, f"Ratings from {least:g} to {largest:g} state no probability, so there is no calibration."


def _calibrated(rated: Answers, scale: float, options: AnalysisOptions) -> Calibration | None:
    rating = rated.rating
    if rating is None or np.isnan(scale):
        return None
    stated = rating / scale if scale > 0 else (rating - 0.5) / -scale
    return calibration(stated, (rated.truth == SYNTHETIC).astype(float), confidence=options.confidence)


def _steps(own: Answers, options: AnalysisOptions) -> tuple[StepShare, ...]:
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


def _notes(n_missing: int) -> tuple[str, ...]:
    return (f"{n_missing} answers without a rating are no part of the ROC analysis.",) if n_missing else ()
