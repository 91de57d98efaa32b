"""Counts of a dataset for its page and its card, each from an index alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from imaging.models import Dataset, Image
from imaging.selectors import SplitCount, dataset_facets, patients_in_several_splits, split_counts

YEARS = 10  # of a class of ages
OLDEST = 90  # ages above 89 are stored as 90
UNKNOWN = "not known"
COLUMNS = {
    "sex": "Sex",
    "view_position": "View",
    "manufacturer": "Manufacturer",
    "modality": "Modality",
    "body_part": "Body part",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A value with the number of its images, and its share of the most frequent one's, in percent, for a bar."""

    name: str
    images: int
    percent: int


@dataclass(frozen=True, kw_only=True)
class CardNumbers:
    total: int
    classes: list[Row]
    ages: list[Row]  # classes of 10 years, from the first to the last that has images; [] when no age is known
    tables: dict[str, list[Row]]  # title -> values; only of what is known of some image
    splits: dict[str, list[SplitCount]]
    patients: int
    without_patient: int
    mixed_patients: int  # with images in more than one split


def age_rows(dataset: Dataset) -> list[Row]:
    """Images by age; the last row is of those whose age is not known."""
    counts: Counter[int | None] = Counter()
    for age, n in dataset.images.order_by().values_list("age_years").annotate(n=Count("*")):
        counts[None if age is None else min(int(age) // YEARS * YEARS, OLDEST)] += n
    known = sorted(begin for begin in counts if begin is not None)
    if not known:
        return []
    found = {
        f"{begin} and older" if begin == OLDEST else f"{begin} to {begin + YEARS - 1}": counts[begin]
        for begin in range(known[0], known[-1] + 1, YEARS)
    }
    if counts[None]:
        found[UNKNOWN] = counts[None]
    return as_rows(found)


def as_rows(counts: Mapping[str, int]) -> list[Row]:
    most = max(counts.values(), default=1) or 1
    return [Row(name=name or UNKNOWN, images=n, percent=round(100 * n / most)) for name, n in counts.items()]


def card_numbers(dataset: Dataset) -> CardNumbers:
    facets = dataset_facets(dataset)
    known = dataset.images.exclude(patient_pseudonym="").order_by()
    tables = {title: dict(facets.tables[column]) for column, title in COLUMNS.items()}
    if "Sex" in tables:
        words = dict(Image.Sex.choices)
        tables["Sex"] = {words.get(value, value): n for value, n in tables["Sex"].items()}
    return CardNumbers(
        total=facets.total,
        classes=as_rows(facets.counts),
        ages=age_rows(dataset),
        tables={title: as_rows(counts) for title, counts in tables.items() if set(counts) - {""}},
        splits=split_counts(dataset),
        patients=known.values("patient_pseudonym").distinct().count(),
        without_patient=facets.total - known.count(),
        mixed_patients=patients_in_several_splits(dataset),
    )
