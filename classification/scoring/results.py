"""What a scoring found, as its job keeps it and its page reads it. Every header names its positive class."""

from dataclasses import dataclass, replace
from typing import Any, Self

from classification.cnn.measures.estimates import Estimate
from classification.cnn.measures.plain import from_plain, to_plain

THRESHOLD = 0.5  # an image whose score is at least this is called positive


@dataclass(frozen=True, kw_only=True)
class Area:
    """How well the score tells two sets of images apart."""

    title: str  # "all images: synthetic against real"
    n_positive: int
    n_negative: int
    auc: Estimate


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scores of images of one kind: quartiles, and how many reach the threshold."""

    title: str  # "normal, synthetic"
    n: int
    low: float
    median: float
    high: float
    n_called: int


@dataclass(frozen=True, kw_only=True)
class ReaderRow:
    """A reader, or the machine, against what the images are; positive is synthetic."""

    name: str
    is_machine: bool
    is_simulated: bool
    n: int  # images, or pairs, that were answered
    n_expected: int
    shares: tuple[Estimate, ...]
    auc: Estimate | None  # None: the reader gave no ratings


@dataclass(frozen=True, kw_only=True)
class FigureFiles:
    """A figure of the job: `name` is that of its files without their kind."""

    name: str
    title: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class LearntImages:
    """Images that the classifier learnt from, or whose patient it knows from others."""

    n_same: int  # pixel for pixel among its training images
    n_patients: int  # other images of patients of its training images

    @property
    def n(self) -> int:
        return self.n_same + self.n_patients


@dataclass(frozen=True, kw_only=True)
class ScoringResults:
    """Of a study (`rho`, `readers`, `caught` may be filled) or of a dataset (they are empty)."""

    positive: str  # of the classifier: what a high score stands for
    negative: str
    n: int
    learnt: LearntImages
    areas: tuple[Area, ...]
    areas_apart: tuple[Area, ...]  # without images learnt from; empty when there are none, or nothing else
    no_areas: str  # why there is no area at all; ""
    groups: tuple[Group, ...]
    rho: tuple[Estimate, ...]  # of score and share of readers who said synthetic
    columns: tuple[str, ...]  # headers of `shares`
    readers: tuple[ReaderRow, ...]  # empty unless the classifier tells real from synthetic
    caught: tuple[int, ...]  # positions of synthetic images that every reader called synthetic
    n_readers: int
    figures: tuple[FigureFiles, ...]

    def with_figures(self, figures: tuple[FigureFiles, ...]) -> Self:
        return replace(self, figures=figures)

    def to_dict(self) -> dict[str, Any]:
        """`json.dumps(..., allow_nan=False)` takes it."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raises ValueError when another version wrote it."""
        return from_plain(cls, dict(values))
