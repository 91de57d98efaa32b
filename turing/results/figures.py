"""The numbers of results, computed from rows of answers. No database: rows in, frozen results out."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from turing.models import Origin, Response, Scale
from turing.results.rows import AnswerRow
from turing.scales import CONFIDENCE_LABELS, RANGES
from turing.stats.accuracy import PairAccuracy, ReaderAccuracy, pair_accuracy, reader_accuracy
from turing.stats.agreement import MISSING, FleissKappa, fleiss_kappa
from turing.stats.reading_time import TimeSummary, summarise_times
from turing.stats.retest import CohenKappa, cohen_kappa
from turing.stats.roc import RocArea, roc_area

CODES: dict[str, int] = {Response.REAL: 0, Response.SYNTHETIC: 1, Response.LEFT: 0, Response.RIGHT: 1}
PERCENT_STEPS = (*(f"{start} to {start + 9}" for start in range(0, 50, 10)),
                 *(f"{start} to {start + 9}" for start in range(51, 100, 10)))  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A session, as results name it."""

    code: str
    is_simulated: bool
    group: str


@dataclass(frozen=True)
class ReaderResult:
    """One reader, or several pooled (then `reader` is the name of the group, or empty for all)."""

    reader: str
    members: tuple[str, ...]  # codes of the readers
    is_simulated: bool
    n_answers: int  # pictures answered, or left unanswered until the time limit was over
    n_expected: int
    n_late: int  # without an answer when the time limit was over; no part of accuracy and times
    accuracy: ReaderAccuracy | PairAccuracy
    time: TimeSummary
    auc: RocArea | None  # of one reader on a graded scale
    mean_auc: float | None  # of several readers on a graded scale; NaN when none of them has one

    @property
    def is_complete(self) -> bool:
        return self.n_answers == self.n_expected


@dataclass(frozen=True)
class Agreement:
    """Fleiss' kappa over one kind of images; `images` is "all", "real", "synthetic", or "pairs"."""

    images: str
    kappa: FleissKappa


@dataclass(frozen=True)
class RatingCounts:
    """How often a reader used each step of a graded scale, for images that are real and those that are synthetic."""

    reader: str
    steps: tuple[str, ...]
    real: tuple[int, ...]
    synthetic: tuple[int, ...]

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        return list(zip(self.steps, self.real, self.synthetic, strict=True))


@dataclass(frozen=True)
class Retest:
    """Two answers of one reader about the same pictures. `ratings`: weighted kappa of a graded scale."""

    reader: str
    answers: CohenKappa
    ratings: CohenKappa | None
    median_difference: float | None  # of ratings, absolute; NaN without two ratings of any picture


def reader_result(
    rows: Sequence[AnswerRow],
    *,
    name: str,
    readers: Sequence[Reader],
    n_expected: int,
    scale: str,
    positive_class: str,
    pooled: bool,
) -> ReaderResult:
    """`rows`: those that count, of these readers."""
    given = [row for row in rows if row.is_given]
    truth, answer = [row.truth for row in given], [row.answer for row in given]
    graded = scale in RANGES
    return ReaderResult(
        reader=name,
        members=tuple(reader.code for reader in readers),
        is_simulated=any(reader.is_simulated for reader in readers),
        n_answers=len(rows),
        n_expected=n_expected * len(readers),
        n_late=len(rows) - len(given),
        accuracy=pair_accuracy(truth, answer)
        if scale == Scale.PAIR
        else reader_accuracy(truth, answer, positive_class=positive_class),
        time=summarise_times([row.seconds for row in given], [bool(row.flags) for row in given]),
        auc=rating_area(given) if graded and not pooled else None,
        mean_auc=_mean_area(given, readers) if graded and pooled else None,
    )


def rating_area(rows: Iterable[AnswerRow]) -> RocArea:
    """A rating says how synthetic an image looks, so synthetic images are the cases whatever the positive class is."""
    ratings: dict[str, list[float]] = {origin: [] for origin in Origin.values}
    for row in rows:
        if row.rating is not None:
            ratings[row.origin].append(row.rating)
    return roc_area(ratings[Origin.SYNTHETIC], ratings[Origin.REAL])


def _mean_area(rows: Sequence[AnswerRow], readers: Sequence[Reader]) -> float:
    areas = [rating_area(row for row in rows if row.reader == reader.code).auc for reader in readers]
    return statistics.fmean(defined) if (defined := [area for area in areas if not math.isnan(area)]) else math.nan


def agreement(
    rows: Iterable[AnswerRow], readers: Sequence[str], pictures: dict[int, str], *, scale: str
) -> list[Agreement]:
    """Of these readers, about `pictures` (with what each is). A pair is one nominal answer: which of its images was
    chosen, the left or the right one; all readers saw the same sides.
    """
    codes: dict[int, dict[str, int]] = {picture: {} for picture in pictures}
    for row in rows:
        if row.is_given and row.picture in codes:
            codes[row.picture][row.reader] = CODES[row.answer]

    def kappa(wanted: list[int]) -> FleissKappa:
        ratings = [[codes[picture].get(reader, MISSING) for reader in readers] for picture in wanted]
        return fleiss_kappa(np.array(ratings, dtype=int).reshape(len(wanted), len(readers)))

    if scale == Scale.PAIR:
        return [Agreement(images="pairs", kappa=kappa(list(pictures)))]
    return [
        Agreement(images="all", kappa=kappa(list(pictures))),
        *(
            Agreement(images=origin, kappa=kappa([picture for picture, what in pictures.items() if what == origin]))
            for origin in Origin.values
        ),
    ]


def rating_counts(rows: Sequence[AnswerRow], *, reader: str, scale: str) -> RatingCounts:
    steps = CONFIDENCE_LABELS if scale == Scale.CONFIDENCE else PERCENT_STEPS
    counts = {
        origin: Counter(step_of(scale, row.rating) for row in rows if row.rating is not None and row.origin == origin)
        for origin in Origin.values
    }
    real, synthetic = (
        tuple(counts[origin][index] for index in range(len(steps))) for origin in (Origin.REAL, Origin.SYNTHETIC)
    )
    return RatingCounts(reader=reader, steps=steps, real=real, synthetic=synthetic)


def step_of(scale: str, rating: int) -> int:
    """Index of the step that a rating is shown in. Of 0 to 100: ten, as many on either side of 50."""
    if scale == Scale.CONFIDENCE:
        return rating - 1
    return rating // 10 if rating < 50 else (rating - 1) // 10


def retest(pairs: Sequence[tuple[AnswerRow, AnswerRow]], *, reader: str, scale: str, by_side: bool) -> Retest:
    """`pairs`: earlier and later answer about the same picture.

    Of pairs of images, `by_side` compares the sides that were chosen, so that a habit of taking the left one does not
    pass for agreement; it needs both showings to have the same sides. Else it is compared which image was chosen.
    """
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    codes = [[_code(row, scale, by_side=by_side) for row in rows] for rows in (first, second)]
    ratings, difference = None, None
    if scale in RANGES:
        low, high = RANGES[Scale(scale)]
        both = [(a.rating, b.rating) for a, b in pairs if a.rating is not None and b.rating is not None]
        ratings = cohen_kappa(
            [a - low for a, _ in both], [b - low for _, b in both], n_categories=high - low + 1, quadratic=True
        )
        difference = statistics.median(abs(a - b) for a, b in both) if both else math.nan
    return Retest(reader=reader, answers=cohen_kappa(*codes), ratings=ratings, median_difference=difference)


def _code(row: AnswerRow, scale: str, *, by_side: bool) -> int:
    if not row.is_given:
        return MISSING
    return CODES[row.answer if by_side or scale != Scale.PAIR else row.chosen_origin]
