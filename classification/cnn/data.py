"""Labelled images, and the rules that keep a test honest: no patient on two sides, no generator that saw the test."""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

HASH_PREFIX = b"turing-pixels-v1"  # as `imaging` hashes pictures, so that both speak of an image by the same digits
NAMED_AT_MOST = 10  # patients or images that a message lists


class HygieneError(ValueError):
    """Images that may not be used together; `problems` says which and why, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImages:
    """Images with what is known of each, N of them.

    Parameters
    ----------
    pixels : uint8 (N, side, side), grey; may be a memory map, and is then never read as a whole.
    labels : index into `classes`, (N,) int64.
    patients : pseudonym of each image's patient; None: every image has a patient of its own.
    names : how an image is named in messages (first digits of its hash).
    synthetic : whether the image was generated, (N,) bool.
    trained_on : for each image what its generator was trained on, as pixel hashes or names of images, and pseudonyms
        of patients; an empty set for a real image. Images of one generator share one set. None: not known of any
        (`check_hygiene` says so).

    Raises ValueError when shapes, types or lengths do not agree, or a label has no class.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    patients: tuple[str, ...] | None = None
    names: tuple[str, ...]
    synthetic: NDArray[np.bool_]
    trained_on: tuple[frozenset[str], ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 3 or shape[1] != shape[2] or shape[1] < 1:
            raise ValueError(f"pixels are {self.pixels.dtype} {shape}; they must be uint8 (N, side, side)")
        count = shape[0]
        if self.labels.dtype != np.int64 or self.labels.shape != (count,):
            raise ValueError(f"labels are {self.labels.dtype} {self.labels.shape}; they must be int64 ({count},)")
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"classes are {self.classes}; a classifier needs two or more different names")
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels go from {self.labels.min()} to {self.labels.max()} for {len(self.classes)} classes"
            )
        if self.synthetic.dtype != np.bool_ or self.synthetic.shape != (count,):
            raise ValueError(f"synthetic is {self.synthetic.dtype} {self.synthetic.shape}; it must be bool ({count},)")
        for what, values in (("patients", self.patients), ("names", self.names), ("trained_on", self.trained_on)):
            if values is not None and len(values) != count:
                raise ValueError(f"{what} has {len(values)} entries for {count} images")
        if self.patients is not None and not all(patient.strip() for patient in self.patients):
            raise ValueError("patients has a blank pseudonym; give each image one, or none at all")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of each image's pixels, 64 digits, as `imaging` has them."""
        return tuple(pixel_sha256(pixels) for pixels in self.pixels)

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images `indices` (B,): (B, side, side) uint8, in memory."""
        found: NDArray[np.uint8] = np.asarray(self.pixels[indices])
        return found

    def choose(self, indices: NDArray[np.int64]) -> "LabelledImages":
        """These images alone, in this order, with the same classes; their pixels are copied into memory."""
        rows = [int(index) for index in indices]
        return LabelledImages(
            pixels=self.read(np.asarray(rows, dtype=np.int64)),
            labels=self.labels[rows],
            classes=self.classes,
            patients=None if self.patients is None else tuple(self.patients[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
            synthetic=self.synthetic[rows],
            trained_on=None if self.trained_on is None else tuple(self.trained_on[row] for row in rows),
        )

    def class_index(self, name: str) -> int:
        """Raises ValueError, listing what there is, for an unknown class."""
        if name not in self.classes:
            raise ValueError(f"There is no class {name!r}; there are: {', '.join(self.classes)}")
        return self.classes.index(name)

    def counts(self) -> dict[str, int]:
        """Images of each class by name, in the order of `classes`."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        return {name: int(number) for name, number in zip(self.classes, numbers, strict=True)}


def pixel_sha256(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of an image (H, W) uint8 as `imaging.storage.pixel_sha256` gives it."""
    height, width = pixels.shape
    digest = hashlib.sha256(HASH_PREFIX + struct.pack("<III", width, height, 8))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def check_hygiene(
    *,
    train: LabelledImages,
    tune: LabelledImages | None = None,
    tests: Mapping[str, LabelledImages],
    synthetic: LabelledImages | None = None,
    synthetic_tests: bool = False,
    seen_before: frozenset[str] = frozenset(),
) -> list[str]:
    """That an experiment on these images can be believed. Returns warnings, a sentence each.

    Refused is: a patient, or the same picture, in two of training, tuning and a test set (two test sets may share);
    synthetic images, of `train` or of the pool `synthetic`, whose generator was trained on a tuning or test image;
    synthetic images among tuning or test images, unless `synthetic_tests` (telling real from synthetic is the task);
    tuning or test images, or their patients, that are in `seen_before`: what a classifier was trained on that the
    backbone begins with or that chooses synthetic images;
    classes that differ from set to set. A warning is given where that cannot be known.

    Raises HygieneError with every problem found, with the names of the patients and images.
    """
    chosen_on = {**({"tuning": tune} if tune is not None else {}), **tests}
    sets = {"training": train, **chosen_on}
    problems = _class_problems({**sets, **({"synthetic": synthetic} if synthetic is not None else {})})
    for first, second in _pairs(sets, tests):
        problems += _overlap(first, sets[first], second, sets[second])
    for name, images in chosen_on.items():
        if not synthetic_tests and images.synthetic.any():
            found = [images.names[row] for row in np.flatnonzero(images.synthetic)]
            problems.append(
                f"The {_called(name)} has {_listed('synthetic image', found)}; it must have real ones alone."
            )
        seen = _known_to(seen_before, images)
        if seen:
            problems.append(
                f"The classifier that this begins with, or that chooses images, was trained on "
                f"{_listed('image', seen)} of the {_called(name)}, or on other images of the same patients. "
                "Choose another."
            )
    warnings = []
    made = {"training set": train, **({"synthetic images": synthetic} if synthetic is not None else {})}
    for where, images in made.items():
        if not images.synthetic.any():
            continue
        if images.trained_on is None:
            warnings.append(
                f"What the generator of the {where} was trained on is not known: it may have seen the images that the "
                "classifier is tested on, which makes the synthetic images look more useful than they are."
            )
            continue
        for name, others in chosen_on.items():
            problems += _seen(where, images, name, others)
    unknown = [name for name, images in sets.items() if images.patients is None]
    if unknown:
        warnings.append(
            f"The patients are not known in: {', '.join(unknown)}. Every image there counts as a patient of its own."
        )
    if problems:
        raise HygieneError(problems)
    return warnings


def _pairs(sets: Mapping[str, LabelledImages], tests: Mapping[str, LabelledImages]) -> Iterator[tuple[str, str]]:
    names = list(sets)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            if not (first in tests and second in tests):
                yield first, second


def _class_problems(sets: Mapping[str, LabelledImages]) -> list[str]:
    classes = sets["training"].classes
    return [
        f"The {_called(name)} has the classes {', '.join(images.classes)}, the training set {', '.join(classes)}; they "
        "must be the same, in the same order."
        for name, images in sets.items()
        if images.classes != classes
    ]


def _overlap(first: str, one: LabelledImages, second: str, other: LabelledImages) -> list[str]:
    problems = []
    shared = _real_patients(one) & _real_patients(other)
    if shared:
        problems.append(
            f"The {_called(first)} and the {_called(second)} share {_listed('patient', sorted(shared))}. Split by "
            "patient: leave these out of one of them."
        )
    names = dict(zip(other.hashes, other.names, strict=True))
    same = [names[digest] for digest in dict.fromkeys(one.hashes) if digest in names]
    if same:
        problems.append(
            f"The {_called(first)} and the {_called(second)} share {_listed('image', same)}, the same pixel for "
            "pixel. Leave these out of one of them."
        )
    return problems


def _real_patients(images: LabelledImages) -> set[str]:
    if images.patients is None:
        return set()
    real = np.flatnonzero(~images.synthetic)
    return {images.patients[row] for row in real}


def _seen(where: str, images: LabelledImages, name: str, others: LabelledImages) -> list[str]:
    """Which of `others` a generator of `images` was trained on, itself or another image of the same patient."""
    assert images.trained_on is not None  # noqa: S101
    used = {id(images.trained_on[row]): images.trained_on[row] for row in np.flatnonzero(images.synthetic)}
    seen = _known_to(frozenset().union(*used.values()), others)
    if not seen:
        return []
    return [
        f"The generator of the {where} was trained on {_listed('image', seen)} of the {_called(name)}, or on "
        "other images of the same patients. Use images of a "
        "generator that was trained on the training split alone, or another set."
    ]


def _known_to(known: frozenset[str], images: LabelledImages) -> list[str]:
    """Names of the real images of which `known` has the name, the digest or the patient."""
    patients: tuple[str | None, ...] = images.patients or (None,) * len(images)
    if not known:
        return []
    return [
        own
        for own, digest, patient, made in zip(images.names, images.hashes, patients, images.synthetic, strict=True)
        if not made and (own in known or digest in known or patient in known)
    ]


def _called(name: str) -> str:
    """A set in a sentence: "tuning set", "test set", "external: Elsewhere"."""
    return name if name.endswith(" set") or ":" in name else f"{name} set"


def _listed(what: str, names: Iterable[str]) -> str:
    """ "1 patient (P7)", "12 images (a, b, ... and 2 more)"."""
    all_names = list(names)
    more = f" and {len(all_names) - NAMED_AT_MOST} more" if len(all_names) > NAMED_AT_MOST else ""
    plural = "" if len(all_names) == 1 else "s"
    return f"{len(all_names)} {what}{plural} ({', '.join(all_names[:NAMED_AT_MOST])}{more})"
