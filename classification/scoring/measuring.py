"""From scores, truth and readers' answers to what the page of a scoring says. No database: rows in, records out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.cnn.measures.auc import measure_areas
from classification.cnn.measures.correlation import rank_correlation
from classification.cnn.measures.estimates import Estimate, exact_share
from classification.cnn.measures.predictions import Predictions
from classification.scoring.results import THRESHOLD, Area, Group, ReaderRow
from turing.models import Origin
from turing.results.figures import ReaderResult
from turing.stats.accuracy import PairAccuracy, Proportion, ReaderAccuracy, reader_accuracy
from turing.stats.roc import RocArea

REAL, SYNTHETIC = Origin.REAL.value, Origin.SYNTHETIC.value
CAUGHT = "synthetic called synthetic"
COLUMNS = (
    "Accuracy",
    f"Sensitivity ({SYNTHETIC} called {SYNTHETIC})",
    f"Specificity ({REAL} called {REAL})",
)
PAIR_COLUMNS = ("Right (the synthetic image of the pair found)",)
AUC_TITLE = f"AUC (positive: {SYNTHETIC})"


@dataclass(frozen=True, kw_only=True)
class ScoredImage:
    """One image with its score and what is known of it; of an image of a dataset the readers' part is empty."""

    score: float  # probability of the classifier's positive class
    origin: str
    label: str
    patient: str  # never blank: an image without a known patient has one of its own
    was_learnt: bool
    position: int = 0  # in the study; the two images of a pair have the same
    n_answers: int = 0
    n_synthetic: int = 0  # readers who called it synthetic
    unanimous: str = ""

    @property
    def is_synthetic(self) -> bool:
        return self.origin == SYNTHETIC

    @property
    def share_synthetic(self) -> float:
        """NaN when nobody answered."""
        return self.n_synthetic / self.n_answers if self.n_answers else np.nan


def scores_of(images: Sequence[ScoredImage]) -> NDArray[np.float64]:
    return np.array([image.score for image in images], dtype=np.float64)


def without_learnt(images: Sequence[ScoredImage]) -> list[ScoredImage]:
    return [image for image in images if not image.was_learnt]


def study_areas(images: Sequence[ScoredImage], *, classes: Sequence[str], positive: str) -> tuple[Area, ...]:
    """Synthetic against real, of all images and of each label; and the classes, where the labels are the classifier's,
    on real and on synthetic images.
    """
    labels = sorted({image.label for image in images})
    found = [_area(images, f"all images: {SYNTHETIC} against {REAL}", _made, SYNTHETIC, REAL)]
    if len(labels) > 1:
        found += [
            _area([one for one in images if one.label == label], f"{label}: {SYNTHETIC} against {REAL}", _made,
                  SYNTHETIC, REAL)
            for label in labels
        ]  # fmt: skip
    if positive in labels and len(labels) > 1 and set(labels) <= set(classes):
        found += [
            class_area([one for one in images if one.origin == origin], f"{origin} images", classes, positive)
            for origin in (REAL, SYNTHETIC)
        ]
    return tuple(found)


def class_area(images: Sequence[ScoredImage], which: str, classes: Sequence[str], positive: str) -> Area:
    others = [name for name in classes if name != positive]
    negative = others[0] if len(others) == 1 else f"not {positive}"
    title = f"{which}: {positive} against {negative}"
    return _area(images, title, lambda image: image.label == positive, positive, negative)


def score_groups(images: Sequence[ScoredImage], *, by_origin: bool) -> tuple[Group, ...]:
    """By label, and with `by_origin` real before synthetic within each; kinds without images are left out."""
    keys = sorted({(image.label, image.is_synthetic if by_origin else False) for image in images})
    found = []
    for label, made in keys:
        scores = scores_of(
            [one for one in images if one.label == label and (not by_origin or one.is_synthetic == made)]
        )
        low, median, high = (float(value) for value in np.quantile(scores, [0.25, 0.5, 0.75]))
        title = f"{label}, {SYNTHETIC if made else REAL}" if by_origin else label
        n_called = int((scores >= THRESHOLD).sum())
        found.append(Group(title=title, n=len(scores), low=low, median=median, high=high, n_called=n_called))
    return tuple(found)


def readers_rho(images: Sequence[ScoredImage]) -> tuple[Estimate, ...]:
    """Of all images that readers answered, of the real and of the synthetic ones."""
    answered = [image for image in images if image.n_answers]
    sets = {
        "All images": answered,
        "Real images": [image for image in answered if not image.is_synthetic],
        "Synthetic images": [image for image in answered if image.is_synthetic],
    }
    return tuple(
        rank_correlation(
            scores_of(chosen),
            [image.share_synthetic for image in chosen],
            patients=[image.patient for image in chosen],
            title=title,
        )
        for title, chosen in sets.items()
    )


def machine_row(images: Sequence[ScoredImage], *, name: str, is_pair: bool) -> ReaderRow:
    """The classifier as a reader: an image whose score is 0.5 or more is called synthetic; of a pair the one with the
    higher score, and equal scores count as wrong.
    """
    if is_pair:
        pairs = _pairs(images)
        right = sum(made.score > real.score for made, real in pairs)
        shares: tuple[Estimate, ...] = (_exact(PAIR_COLUMNS[0], right, len(pairs)),)
        n = len(pairs)
    else:
        found = reader_accuracy(
            [image.origin for image in images],
            [SYNTHETIC if image.score >= THRESHOLD else REAL for image in images],
            positive_class=SYNTHETIC,
        )
        shares, n = _shares(found), len(images)
    area = _area(images, "", _made, SYNTHETIC, REAL)
    return ReaderRow(
        name=name, is_machine=True, is_simulated=False, n=n, n_expected=n, shares=shares, auc=area.auc
    )  # fmt: skip


def reader_rows(results: Sequence[ReaderResult]) -> tuple[ReaderRow, ...]:
    """Rows of people, whose results have synthetic as the positive class."""
    return tuple(
        ReaderRow(
            name=one.reader,
            is_machine=False,
            is_simulated=one.is_simulated,
            n=one.n_answers - one.n_late,
            n_expected=one.n_expected,
            shares=_shares(one.accuracy),
            auc=None if one.auc is None else _of_ratings(one.auc),
        )
        for one in results
    )


def caught_by_all(images: Sequence[ScoredImage]) -> tuple[int, ...]:
    """Positions of the synthetic images that every reader called synthetic (Jang 2023, figure 3)."""
    return tuple(sorted(image.position for image in images if image.unanimous == CAUGHT))


def _pairs(images: Sequence[ScoredImage]) -> list[tuple[ScoredImage, ScoredImage]]:
    """(synthetic, real) of each position that has both."""
    made = {image.position: image for image in images if image.is_synthetic}
    real = {image.position: image for image in images if not image.is_synthetic}
    return [(made[position], real[position]) for position in sorted(set(made) & set(real))]


def _made(image: ScoredImage) -> bool:
    return image.is_synthetic


def _area(
    images: Sequence[ScoredImage],
    title: str,
    is_positive: Callable[[ScoredImage], bool],
    positive: str,
    negative: str,
) -> Area:
    predictions = Predictions(
        scores=scores_of(images),
        is_positive=np.array([is_positive(image) for image in images], dtype=bool),
        patients=tuple(image.patient for image in images),
        positive=positive,
        negative=negative,
    )
    return Area(
        title=title,
        n_positive=predictions.n_positive,
        n_negative=predictions.n_negative,
        auc=measure_areas(predictions).auc,
    )


def _shares(accuracy: ReaderAccuracy | PairAccuracy) -> tuple[Estimate, ...]:
    if isinstance(accuracy, PairAccuracy):
        return (_share(PAIR_COLUMNS[0], accuracy.accuracy),)
    parts = (accuracy.accuracy, accuracy.sensitivity, accuracy.specificity)
    return tuple(_share(title, part) for title, part in zip(COLUMNS, parts, strict=True))


def _share(title: str, found: Proportion) -> Estimate:
    return _exact(title, found.k, found.n)


def _exact(title: str, k: int, n: int) -> Estimate:
    return exact_share(title.split(" (")[0], title, k, n, confidence=0.95, reason="no such image was answered")


def _of_ratings(area: RocArea) -> Estimate:
    return Estimate(
        name="AUC", title=AUC_TITLE, value=area.auc, low=area.low, high=area.high, method="DeLong",
        confidence=area.confidence, reason=area.reason,
    )  # fmt: skip
