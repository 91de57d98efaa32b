"""What a classifier said about the images of one test set, and what they are: the input of every measure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NAMED_AT_MOST = 3  # images that an error message names


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Scores of N images of two classes. Arrays are copied and cannot be written to.

    Parameters
    ----------
    scores : probability of the positive class, in [0, 1], (N,) float64. 32-bit probabilities may be given.
    is_positive : whether the image is of the positive class, (N,) bool.
    patients : pseudonym of each image's patient, N of them; None: every image has a patient of its own.
    positive, negative : names of the classes, as they are printed ("pneumonia", "normal"; or "not pneumonia").

    Raises
    ------
    ValueError : lengths that differ, scores that are missing or out of range (which, is said), an unknown truth, a
        blank pseudonym, or class names that are blank or the same.
    """

    scores: NDArray[np.float64]
    is_positive: NDArray[np.bool_]
    patients: tuple[str, ...] | None = None
    positive: str
    negative: str

    def __post_init__(self) -> None:
        scores = np.array(self.scores, dtype=np.float64)
        truth = np.array(self.is_positive)
        if scores.ndim != 1 or truth.shape != scores.shape:
            raise ValueError(
                f"scores has shape {scores.shape} and is_positive {truth.shape}: one of each per image is needed"
            )
        if truth.size and not np.isin(truth, (0, 1)).all():
            raise ValueError("is_positive must say True or False (1 or 0) of each image")
        _check_range(scores)
        if not self.positive.strip() or not self.negative.strip() or self.positive == self.negative:
            raise ValueError(
                f"The classes are called “{self.positive}” and “{self.negative}”: two different names are needed"
            )
        if self.patients is not None:
            object.__setattr__(self, "patients", _checked_patients(self.patients, len(scores)))
        truth = truth.astype(bool)
        for array, name in ((scores, "scores"), (truth, "is_positive")):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def n_positive(self) -> int:
        return int(self.is_positive.sum())

    @property
    def n_negative(self) -> int:
        return len(self) - self.n_positive

    @property
    def cases(self) -> NDArray[np.float64]:
        """Scores of the images of the positive class."""
        return self.scores[self.is_positive]

    @property
    def controls(self) -> NDArray[np.float64]:
        """Scores of the other images."""
        return self.scores[~self.is_positive]

    @cached_property
    def patient_codes(self) -> NDArray[np.int64]:
        """Number of each image's patient, 0 to n_patients - 1, (N,)."""
        if self.patients is None:
            return np.arange(len(self))
        return np.unique(np.array(self.patients), return_inverse=True)[1].astype(np.int64)

    @cached_property
    def n_patients(self) -> int:
        return int(self.patient_codes.max()) + 1 if len(self) else 0

    @property
    def is_clustered(self) -> bool:
        """Whether a patient has several images, so that images are not independent."""
        return self.n_patients < len(self)

    def called_positive(self, threshold: float) -> NDArray[np.bool_]:
        """Images whose score is at least `threshold`, (N,)."""
        return self.scores >= threshold


def check_same_images(first: Predictions, second: Predictions) -> None:
    """That two classifiers scored the same images in the same order, as far as truth and patients can tell.

    Raises
    ------
    ValueError : what differs.
    """
    if (first.positive, first.negative) != (second.positive, second.negative):
        raise ValueError(
            f"The classes differ: {first.positive} / {first.negative} and {second.positive} / {second.negative}"
        )
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} images: both classifiers must score the same images")
    if not np.array_equal(first.is_positive, second.is_positive):
        where = int(np.flatnonzero(first.is_positive != second.is_positive)[0])
        raise ValueError(f"The truth of image {where + 1} differs: both must have the same images in the same order")
    if first.patients != second.patients:
        raise ValueError("The patients differ: both classifiers must have the same images in the same order")


def _check_range(scores: NDArray[np.float64]) -> None:
    bad = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if not len(bad):
        return
    named = ", ".join(f"image {place + 1}: {scores[place]:g}" for place in bad[:NAMED_AT_MOST])
    more = f" and {len(bad) - NAMED_AT_MOST} more" if len(bad) > NAMED_AT_MOST else ""
    raise ValueError(
        f"Scores must be probabilities from 0 to 1, none missing ({named}{more}). A training that diverged gives "
        "such scores: look at its losses"
    )


def _checked_patients(patients: Sequence[str], n: int) -> tuple[str, ...]:
    if isinstance(patients, str) or len(patients) != n:
        raise ValueError(f"{len(patients)} patients for {n} images: one pseudonym per image is needed")
    blank = sum(not patient.strip() for patient in patients)
    if blank:
        raise ValueError(f"{blank} image(s) have a blank patient: give each a pseudonym, or none at all")
    return tuple(patients)


def images_of_patients(predictions: Predictions) -> str:
    """How many images of how many patients, in words."""
    if not predictions.is_clustered:
        return f"{len(predictions)} images of as many patients"
    most = max(Counter(predictions.patient_codes.tolist()).values())
    return f"{len(predictions)} images of {predictions.n_patients} patients (up to {most} of one)"
