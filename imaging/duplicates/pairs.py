"""Two images that look alike: what that means for a study, as a row of the report, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAIRS = "pairs.csv"
COLUMNS = (
    "distance", "exact", "first", "first_label", "first_split", "second", "second_label", "second_split", "dataset",
    "patient", "test_train", "label_conflict",
)  # fmt: skip
SAME, OTHER, UNKNOWN = "same", "different", "not known"
FILTERS = {
    "": "All pairs",
    "test_train": "A test image with a training or tuning image",
    "other_patient": "Not of the same patient",
    "label_conflict": "Of different classes",
    "exact": "The same pixel for pixel",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """`first` is an image of the dataset, `second` of the same or another one; both by their pixel hashes."""

    distance: int  # bits of 256 that differ
    first: str
    first_label: str
    first_split: str
    second: str
    second_label: str
    second_split: str
    dataset: str  # id of the dataset of `second`
    patient: str  # SAME, OTHER or UNKNOWN

    @property
    def is_exact(self) -> bool:
        return self.first == self.second

    @property
    def is_test_train(self) -> bool:
        splits = {self.first_split, self.second_split}
        return "test" in splits and bool(splits & {"train", "tune"})

    @property
    def is_label_conflict(self) -> bool:
        return self.first_label != self.second_label

    @property
    def findings(self) -> list[str]:
        """Names of FILTERS that have this pair."""
        has = {
            "exact": self.is_exact,
            "test_train": self.is_test_train,
            "label_conflict": self.is_label_conflict,
            "other_patient": self.patient != SAME,
        }
        return [name for name, here in has.items() if here]

    def as_row(self) -> dict[str, Any]:
        return {
            "distance": self.distance,
            "exact": int(self.is_exact),
            "first": f"I{self.first}",
            "first_label": self.first_label,
            "first_split": self.first_split,
            "second": f"I{self.second}",
            "second_label": self.second_label,
            "second_split": self.second_split,
            "dataset": self.dataset,
            "patient": self.patient,
            "test_train": int(self.is_test_train),
            "label_conflict": int(self.is_label_conflict),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Pair":
        return cls(
            distance=int(row["distance"]),
            first=row["first"][1:],
            first_label=row["first_label"],
            first_split=row["first_split"],
            second=row["second"][1:],
            second_label=row["second_label"],
            second_split=row["second_split"],
            dataset=row["dataset"],
            patient=row["patient"],
        )


Side = tuple[str, str, str, str]  # pixel hash, label, split, pseudonym of the patient


def describe_pair(*, distance: int, first: Side, second: Side, dataset_id: str) -> Pair:
    known = first[3] and second[3]
    return Pair(
        distance=distance,
        first=first[0],
        first_label=first[1],
        first_split=first[2],
        second=second[0],
        second_label=second[1],
        second_split=second[2],
        dataset=dataset_id,
        patient=(SAME if first[3] == second[3] else OTHER) if known else UNKNOWN,
    )


def summary_of(values: Mapping[str, Any]) -> list[str]:
    """What was found, in sentences."""
    counts, (own, *others) = values["counts"], values["datasets"]
    where = f"within “{own['name']}” ({own['compared']:,} images)"
    if others:
        where += " and between it and " + ", ".join(f"“{one['name']}” ({one['compared']:,})" for one in others)
    pairs = counts.get("pairs", 0)
    if not pairs:
        words = [f"No duplicates {where}, at {values['limit']} of 256 bits."]
    else:
        words = [
            f"{pairs:,} pair{'s' if pairs > 1 else ''} of images that are the same or look alike {where}, at "
            f"{values['limit']} of 256 bits: {counts.get('exact', 0):,} the same pixel for pixel, "
            f"{counts.get('other_patient', 0):,} of different patients or of patients not known, "
            f"{counts.get('label_conflict', 0):,} of different classes."
        ]
    test = counts.get("test_train", 0)
    if test:
        words.append(
            f"{test:,} of them {'have' if test > 1 else 'has'} a test image on one side and a training or tuning image "
            "on the other: what is measured on these test images will look better than it is."
        )
    left_out = sum(one["images"] - one["compared"] for one in values["datasets"])
    if left_out:
        words.append(f"{left_out:,} images could not be read and were not compared.")
    return words
