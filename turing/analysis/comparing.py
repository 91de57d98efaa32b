"""Item 10: two studies side by side (two generators, or two dates): shares, agreement, odds ratio, areas; McNemar where
readers and images are the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.modelling import parts_of
from turing.analysis.options import AnalysisOptions
from turing.stats.comparison import (
    Difference,
    PairedShares,
    adjust_holm,
    difference_between_readers,
    difference_of_kappas,
    difference_of_shares,
    paired_shares,
)
from turing.stats.graded import AreaComparison, compare_areas, compare_paired_areas
from turing.stats.study_effect import StudyEffect, study_effect


@dataclass(frozen=True)
class ShareComparison:
    """Share of right answers of one kind of images in the two studies; second - first."""

    images: str  # "all", "real", "synthetic"
    first: tuple[int, int]  # right answers, answers
    second: tuple[int, int]
    pooled: Difference  # answers taken as independent: too narrow
    readers: Difference  # by t over readers (paired for the same readers): what other readers would do
    readers_log_odds: Difference  # the same of log((right + 1/2) / (wrong + 1/2)): a log odds ratio over readers


@dataclass(frozen=True)
class ReaderComparison:
    """One reader who took part in both studies, all images. `paired`: of the same images, by McNemar; else None."""

    reader: str
    difference: Difference
    paired: PairedShares | None
    p_holm: float  # corrected for the readers
    area: AreaComparison | None  # of graded answers: DeLong, paired where the images are the same


@dataclass(frozen=True)
class StudyComparison:
    """`first` and `second` are sources. Every difference is second - first, every odds ratio second over first."""

    first: str
    second: str
    same_readers: bool
    same_images: bool
    shares: tuple[ShareComparison, ...]
    readers: tuple[ReaderComparison, ...]  # empty for other readers
    kappa: Mapping[str, Difference]  # Fleiss, by kind of images
    odds: Mapping[str, StudyEffect]
    area: Difference | None  # mean of the readers' areas, by t over readers; None unless both studies are graded
    notes: tuple[str, ...]


def shared_names(first: Answers, second: Answers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of readers, and of images, that are in both studies. Whether they are the same must be said."""
    readers, images = set(second.readers), set(second.images)
    return (
        tuple(name for name in first.readers if name in readers),
        tuple(name for name in first.images if name in images),
    )


def compare_studies(
    first: Answers,
    second: Answers,
    *,
    same_readers: bool,
    same_images: bool,
    options: AnalysisOptions | None = None,
) -> StudyComparison:
    """Everything in which two studies can be compared; what cannot be has a reason.

    Parameters
    ----------
    first, second : first answers are used, repeats are not.
    same_readers, same_images : whether equal names are the same reader (the same image).

    Raises
    ------
    ValueError : one study is of pairs and the other is not, or readers (images) are said to be the same and no name is
        in both, or an image said to be the same is real in one study and synthetic in the other.
    """
    options = options or AnalysisOptions()
    first, second = first.first, second.first
    readers, images = shared_names(first, second)
    _check(first, second, readers if same_readers else None, images if same_images else None)
    parts = parts_of(first)
    shares = tuple(_shares(first, second, part, readers if same_readers else None, options) for part in parts)
    return StudyComparison(
        first=first.source,
        second=second.source,
        same_readers=same_readers,
        same_images=same_images,
        shares=shares,
        readers=_readers(first, second, readers, images if same_images else None, options) if same_readers else (),
        kappa={part: _kappas(first, second, part, images if same_images else None, options) for part in parts},
        odds={
            part: study_effect(
                *(_columns(_part(study, part)) for study in (first, second)),
                same_readers=same_readers,
                same_images=same_images,
                confidence=options.confidence,
            )
            for part in parts
        },
        area=_area(first, second, readers if same_readers else None, options),
        notes=_notes(first, second, readers, images, same_readers, same_images),
    )


def _check(first: Answers, second: Answers, readers: Sequence[str] | None, images: Sequence[str] | None) -> None:
    if first.is_pairs != second.is_pairs:
        raise ValueError("One study is of pairs of images and the other of single images: they cannot be compared")
    for names, what in ((readers, "readers"), (images, "images")):
        if names is not None and not names:
            raise ValueError(f"The {what} are said to be the same, but no name is in both files")
    if not images:
        return
    truths = [dict(zip(study.image.tolist(), study.truth.tolist(), strict=True)) for study in (first, second)]
    for name in images:
        one, other = (truth.get(study.images.index(name)) for truth, study in zip(truths, (first, second), strict=True))
        if one is not None and other is not None and one != other:
            raise ValueError(
                f"Image “{name}” has another truth in the second file: the images are not the same (--other-images)"
            )


def _part(study: Answers, part: str) -> Answers:
    return study if part == "all" else study.select(truth=part)


def _columns(study: Answers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return study.correct, np.array(study.images)[study.image], np.array(study.readers)[study.reader]


def _shares(
    first: Answers, second: Answers, part: str, readers: Sequence[str] | None, options: AnalysisOptions
) -> ShareComparison:
    one, other = (_part(study, part).select(given=True) for study in (first, second))
    counts = [(int(np.nansum(study.correct)), len(study)) for study in (one, other)]
    names = [study.readers if readers is None else readers for study in (one, other)]
    tallies = [[_tally(study, name) for name in chosen] for study, chosen in zip((one, other), names, strict=True)]
    values = [[k / n if n else math.nan for k, n in part] for part in tallies]
    logits = [[math.log((k + 0.5) / (n - k + 0.5)) if n else math.nan for k, n in part] for part in tallies]
    return ShareComparison(
        images=part,
        first=counts[0],
        second=counts[1],
        pooled=difference_of_shares(*counts[0], *counts[1], confidence=options.confidence),
        readers=difference_between_readers(*values, same_readers=readers is not None, confidence=options.confidence),
        readers_log_odds=difference_between_readers(
            *logits, same_readers=readers is not None, confidence=options.confidence
        ),
    )


def _of_reader(study: Answers, name: str) -> Answers:
    return study.select(readers=[study.readers.index(name)])


def _tally(study: Answers, name: str) -> tuple[int, int]:
    own = _of_reader(study, name)
    return int(np.nansum(own.correct)), int(own.given.sum())


def _readers(
    first: Answers, second: Answers, names: Sequence[str], images: Sequence[str] | None, options: AnalysisOptions
) -> tuple[ReaderComparison, ...]:
    found = []
    for name in names:
        one, other = _of_reader(first, name), _of_reader(second, name)
        paired = None
        if images is not None:
            paired = paired_shares(
                *(_by_image(study, study.correct, images) for study in (one, other)), confidence=options.confidence
            )
            difference = paired.difference
        else:
            counts = [(int(np.nansum(study.correct)), int(study.given.sum())) for study in (one, other)]
            difference = difference_of_shares(*counts[0], *counts[1], confidence=options.confidence)
        found.append((name, difference, paired, _areas_of(one, other, images, options)))
    adjusted = adjust_holm([difference.p for _, difference, _, _ in found])
    return tuple(
        ReaderComparison(name, difference, paired, p, area)
        for (name, difference, paired, area), p in zip(found, adjusted, strict=True)
    )


def _areas_of(
    one: Answers, other: Answers, images: Sequence[str] | None, options: AnalysisOptions
) -> AreaComparison | None:
    if one.is_pairs or one.rating is None or other.rating is None:
        return None
    if images is None:
        sets = [
            [study.rating[np.isfinite(study.rating) & (study.truth == kind)] for kind in (1, 0)]
            for study in (one, other)
            if study.rating is not None
        ]
        return compare_areas(*sets[0], *sets[1], confidence=options.confidence)
    ratings = [_by_image(study, study.rating, images) for study in (one, other)]
    truth = _by_image(one, one.truth.astype(float), images)
    both = np.isfinite(ratings[0]) & np.isfinite(ratings[1])
    sets = [[values[both & (truth == kind)] for kind in (1, 0)] for values in ratings]
    return compare_paired_areas(*sets[0], *sets[1], confidence=options.confidence)


def _by_image(study: Answers, values: np.ndarray | None, images: Sequence[str]) -> np.ndarray:
    """Values in the order of these names; NaN where the study has none."""
    found = dict(zip(np.array(study.images)[study.image].tolist(), np.asarray(values, dtype=float), strict=True))
    return np.array([found.get(name, np.nan) for name in images], dtype=float)


def _kappas(
    first: Answers, second: Answers, part: str, images: Sequence[str] | None, options: AnalysisOptions
) -> Difference:
    tables = []
    for study in (_part(first, part), _part(second, part)):
        table, seen = study.table(), [study.images[code] for code in np.unique(study.image)]
        if images is not None:
            rows = dict(zip(seen, table, strict=True))
            missing = np.full(len(study.readers), -1)
            wanted = [name for name in images if name in rows or _in_part(first, name, part)]
            table = np.array([rows.get(name, missing) for name in wanted], dtype=int).reshape(-1, len(study.readers))
        tables.append(table)
    return difference_of_kappas(*tables, same_images=images is not None, confidence=options.confidence)


def _in_part(first: Answers, name: str, part: str) -> bool:
    """Whether an image that is in both studies belongs to this kind (truths are the same, which was checked)."""
    if part == "all":
        return True
    of_image = first.truth[first.image == first.images.index(name)]
    return bool(len(of_image)) and first.class_names[int(of_image[0])] == part


def _area(
    first: Answers, second: Answers, readers: Sequence[str] | None, options: AnalysisOptions
) -> Difference | None:
    if first.is_pairs or first.rating is None or second.rating is None:
        return None
    values = []
    for study in (first, second):
        areas = []
        for name in study.readers if readers is None else readers:
            own = _of_reader(study, name)
            rating = np.asarray(own.rating, dtype=float)
            kept = np.isfinite(rating)
            sets = [rating[kept & (own.truth == kind)] for kind in (1, 0)]
            areas.append(compare_areas(*sets, *sets).first.auc)
        values.append(areas)
    return difference_between_readers(*values, same_readers=readers is not None, confidence=options.confidence)


def _notes(
    first: Answers,
    second: Answers,
    readers: Sequence[str],
    images: Sequence[str],
    same_readers: bool,
    same_images: bool,
) -> tuple[str, ...]:
    notes = []
    if same_readers and len(readers) < max(len(first.readers), len(second.readers)):
        notes.append(f"{len(readers)} readers took part in both studies; the comparison of readers is about them.")
    if not same_readers and readers:
        notes.append(f"{len(readers)} names of readers are in both files and were taken as different people.")
    if same_images and len(images) < max(len(first.images), len(second.images)):
        notes.append(f"{len(images)} images are in both studies; paired comparisons are about them.")
    if not same_images and images:
        notes.append(f"{len(images)} names of images are in both files and were taken as different images.")
    return tuple(notes)
