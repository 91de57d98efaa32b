"""Do two sets of images share a picture? Asked before anything is trained on one and tested on the other.

Reads what is known already and computes no hash: fast enough for a page, and it says for how many images it cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from imaging.duplicates.fingerprints import load_fingerprints
from imaging.duplicates.matching import near_pairs, pack_hashes
from imaging.duplicates.parameters import NEAR
from imaging.models import Dataset, Image

MOST_AT_ONCE = 200_000_000  # comparisons while somebody waits: about a second
NAMED = 3  # images in a sentence
DIGITS = 12  # of a pixel hash: how messages name an image


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What a set that is learnt from and one that is tested on share. Images by their pixel hashes."""

    exact: tuple[str, ...] = ()
    near: tuple[tuple[str, str], ...] = ()  # (learnt from, tested on), not the same pixels, of different patients
    unknown: int = 0  # images whose perceptual hash is not computed yet
    too_many: bool = False  # to be compared while somebody waits: only exact copies were looked for

    def __bool__(self) -> bool:
        return bool(self.exact or self.near)

    def in_words(self, learnt: str, tested: str) -> list[str]:
        """A sentence for each kind of copy, with the names of some."""
        words = []
        if self.exact:
            words.append(
                f"{tested} shares {_counted(len(self.exact), 'image')} with {learnt}, the same pixel for pixel: "
                f"{_listed([name[:DIGITS] for name in self.exact])}."
            )
        if self.near:
            pairs = [f"{tested_on[:DIGITS]} like {learnt_from[:DIGITS]}" for learnt_from, tested_on in self.near]
            count = len({tested_on for _, tested_on in self.near})
            words.append(
                f"{tested} has {_counted(count, 'image')} that {'look' if count > 1 else 'looks'} like a copy of one "
                f"in {learnt}, though {'they are' if count > 1 else 'it is'} not said to be of the same patient: "
                f"{_listed(pairs)}."
            )
        return words


def find_overlap(learnt: Mapping[str, str], tested: Mapping[str, str], *, limit: int = NEAR) -> Overlap:
    """`learnt`, `tested`: pixel hash -> pseudonym of the patient, "" where it is not known.

    Two images of one patient that look alike are no finding: splits by patient are checked for themselves.
    """
    exact = tuple(sorted(set(learnt) & set(tested)))
    if len(learnt) * len(tested) > MOST_AT_ONCE:
        return Overlap(exact=exact, too_many=True)
    known = load_fingerprints([*learnt, *tested])
    first = sorted(name for name in learnt if name in known)
    second = sorted(name for name in tested if name in known)
    near = []
    if first and second:
        packed = pack_hashes([known[name] for name in first]), pack_hashes([known[name] for name in second])
        for _, found in near_pairs(*packed, limit=limit):
            for i, j in zip(found.first, found.second, strict=True):
                one, other = first[i], second[j]
                if one != other and not (learnt[one] and learnt[one] == tested[other]):
                    near.append((one, other))
    unknown = len(set(learnt) | set(tested)) - len(known)
    return Overlap(exact=exact, near=tuple(near), unknown=unknown)


def split_overlap(dataset: Dataset) -> Overlap:
    """Between the training or tuning images of a dataset and its test images."""
    learnt = dataset.images.filter(split__in=[Image.Split.TRAIN, Image.Split.TUNE])
    tested = dataset.images.filter(split=Image.Split.TEST)
    if learnt.count() * tested.count() > MOST_AT_ONCE:
        return Overlap(too_many=True)  # a dataset has each picture once: there is no exact copy to look for either
    return find_overlap(patients_of(learnt), patients_of(tested))


def overlap_of(learnt: QuerySet[Image], tested: QuerySet[Image]) -> Overlap:
    """As `find_overlap`; where there are too many images to compare them now, they are not even read."""
    if learnt.count() * tested.count() > MOST_AT_ONCE:
        shared = tested.filter(pixel_sha256__in=learnt.order_by().values("pixel_sha256")).order_by("pixel_sha256")
        return Overlap(exact=tuple(shared.values_list("pixel_sha256", flat=True)), too_many=True)
    return find_overlap(patients_of(learnt), patients_of(tested))


def patients_of(images: QuerySet[Image]) -> dict[str, str]:
    """Pixel hash -> pseudonym of the patient, as `find_overlap` takes it."""
    return dict(images.order_by().values_list("pixel_sha256", "patient_pseudonym"))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
