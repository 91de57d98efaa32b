"""Reads on datasets and images: counts, and the filters that studies and training runs share."""

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from imaging.models import Dataset, Image

LIST_FILTERS = {
    "labels": "label",
    "view_positions": "view_position",
    "sex": "sex",
    "splits": "split",
    "manufacturers": "manufacturer",
    "modalities": "modality",
    "body_parts": "body_part",
}
NUMBER_FILTERS = {"age_min": "age_years__gte", "age_max": "age_years__lte"}
FILTER_KEYS = (*LIST_FILTERS, *NUMBER_FILTERS)


def dataset_counts(dataset: Dataset) -> dict[str, int]:
    """Number of images per label, in the alphabetical order of labels."""
    rows = dataset.images.order_by("label").values_list("label").annotate(n=Count("*"))
    return dict(rows)


def datasets_with_counts(datasets: Iterable[Dataset] | None = None) -> list[Dataset]:
    """Datasets, all of them newest first or those given, each with `counts` (label -> images) and `total`, in one query
    for the counts.
    """
    datasets = list(Dataset.objects.all() if datasets is None else datasets)
    counts: dict[Any, dict[str, int]] = {dataset.pk: {} for dataset in datasets}
    rows = Image.objects.filter(dataset__in=list(counts)).order_by("dataset", "label")
    for pk, label, n in rows.values_list("dataset", "label").annotate(n=Count("*")):
        counts[pk][label] = n
    for dataset in datasets:
        dataset.counts = counts[dataset.pk]  # type: ignore[attr-defined]
        dataset.total = sum(counts[dataset.pk].values())  # type: ignore[attr-defined]
    return datasets


def filter_images(dataset: Dataset, filters: Mapping[str, Any]) -> QuerySet[Image]:
    """Images of `dataset` that pass every filter.

    Keys: `labels`, `view_positions`, `sex`, `splits`, `manufacturers`, `modalities`, `body_parts` (lists of accepted
    values), `age_min`, `age_max` (years,
    inclusive; ages above 89 are stored as 90). An empty list or None does not filter. An image whose value is not
    known never passes a filter on it: with `age_min` 19, images without an age are left out. The split is always
    known; "" in `splits` stands for images outside every split.

    Raises ValueError for an unknown key, a value that is not a list, or an age that is not a number or out of order.
    """
    cleaned = clean_filters(filters)
    condition = Q()
    for key, column in LIST_FILTERS.items():
        if key in cleaned:
            values = [value for value in cleaned[key] if value or key == "splits"]
            condition &= Q(**{f"{column}__in": values})
    for key, lookup in NUMBER_FILTERS.items():
        if key in cleaned:
            condition &= Q(**{lookup: cleaned[key]})  # NULL compares as unknown: not selected
    return Image.objects.filter(condition, dataset=dataset)


def clean_filters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """`filters` checked, without the entries that do not filter. Raises ValueError as `filter_images`."""
    unknown = sorted(set(filters) - set(FILTER_KEYS))
    if unknown:
        raise ValueError(f"Unknown filter {', '.join(unknown)}; known: {', '.join(FILTER_KEYS)}")
    cleaned: dict[str, Any] = {}
    for key, value in filters.items():
        if value is None:
            continue
        cleaner: Callable[[str, Any], Any] = _clean_list if key in LIST_FILTERS else _clean_age
        value = cleaner(key, value)
        if value != []:
            cleaned[key] = value
    if "age_min" in cleaned and "age_max" in cleaned and cleaned["age_min"] > cleaned["age_max"]:
        raise ValueError(f"age_min {cleaned['age_min']:g} is above age_max {cleaned['age_max']:g}")
    return cleaned


def _clean_list(key: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"Filter {key} must be a list of words, not {value!r}")
    return list(value)


def _clean_age(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Filter {key} must be an age in years of at least 0, not {value!r}")
    return value


def describe_filters(filters: Mapping[str, Any]) -> str:
    """The filters in words, for protocols and pages: "label normal; view PA; age 19 to 65 years", or "all images".

    Raises ValueError as `filter_images`.
    """
    cleaned = clean_filters(filters)
    words = []
    names = {"labels": "label", "view_positions": "view", "sex": "sex", "splits": "split"}
    names |= {"manufacturers": "manufacturer", "modalities": "modality", "body_parts": "body part"}
    for key, name in names.items():
        if key in cleaned:
            words.append(f"{name} {' or '.join(value or 'none' for value in cleaned[key])}")
    low, high = cleaned.get("age_min"), cleaned.get("age_max")
    if low is not None and high is not None:
        words.append(f"age {low:g} to {high:g} years")
    elif low is not None:
        words.append(f"age {low:g} years or more")
    elif high is not None:
        words.append(f"age {high:g} years or less")
    return "; ".join(words) or "all images"


def made_with(images: Iterable[Image]) -> str:
    """What the first of some images of a synthetic dataset from elsewhere was made with; "" for all others."""
    first = next(iter(images), None)
    return "" if first is None else str(first.provenance.get("made_with", ""))


@dataclass(frozen=True, kw_only=True)
class Facets:
    """What there is in a dataset, counted in one pass over an index: all that its page offers to filter by."""

    counts: dict[str, int]  # label -> images, alphabetical
    options: dict[str, list[str]]  # list filter -> values that occur; "" only for the split
    tables: dict[str, dict[str, int]]  # column -> value -> images, "" where it is not known

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def dataset_facets(dataset: Dataset) -> Facets:
    columns = tuple(LIST_FILTERS.values())
    tables: dict[str, Counter[str]] = {column: Counter() for column in columns}
    rows = dataset.images.order_by().values_list(*columns).annotate(n=Count("*"))
    for *values, n in rows:
        for column, value in zip(columns, values, strict=True):
            tables[column][value] += n
    return Facets(
        counts=dict(sorted(tables["label"].items())),
        options={
            key: sorted(value for value in tables[column] if value or key == "splits")
            for key, column in LIST_FILTERS.items()
        },
        tables={column: dict(sorted(counts.items())) for column, counts in tables.items()},
    )


def filter_options(dataset: Dataset) -> dict[str, list[str]]:
    """Values that occur in `dataset`, per list filter; "" only for the split."""
    return dataset_facets(dataset).options


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """An image among those that pass the filters of a page, in the order of the page."""

    previous: Image | None
    next: Image | None
    place: int  # from 1
    total: int


def neighbours(image: Image, filters: Mapping[str, Any]) -> Neighbours | None:
    """None when `image` itself does not pass. Raises ValueError as `filter_images`."""
    images = filter_images(image.dataset, filters)
    if not images.filter(pk=image.pk).exists():
        return None
    same_time = Q(created_at=image.created_at)
    earlier = images.filter(Q(created_at__lt=image.created_at) | same_time & Q(pk__lt=image.pk))
    later = images.filter(Q(created_at__gt=image.created_at) | same_time & Q(pk__gt=image.pk))
    return Neighbours(
        previous=earlier.order_by("-created_at", "-pk").first(),
        next=later.order_by("created_at", "pk").first(),
        place=earlier.count() + 1,
        total=images.count(),
    )


def patients_in_several_splits(dataset: Dataset) -> int:
    """Number of patients with images in more than one split: their images leak from training into testing."""
    patients = dataset.images.exclude(patient_pseudonym="").exclude(split="").order_by().values("patient_pseudonym")
    return patients.annotate(n=Count("split", distinct=True)).filter(n__gt=1).count()


@dataclass(frozen=True, kw_only=True)
class SplitCount:
    """Images of one class in one split, and the patients that they are of (0 where no image has a patient)."""

    label: str
    images: int
    patients: int


def split_counts(dataset: Dataset) -> dict[str, list[SplitCount]]:
    """Split -> its classes in alphabetical order; "" for images in no split. Splits without images are left out."""
    rows = dataset.images.order_by("label").values_list("split", "label").annotate(n=Count("*"))
    patients = _patients_by_split(dataset)
    found: dict[str, list[SplitCount]] = {}
    for split, label, n in rows:
        one = SplitCount(label=label, images=n, patients=patients.get((split, label), 0))
        found.setdefault(split, []).append(one)
    return {split: found[split] for split in ("train", "tune", "test", "") if split in found}


def _patients_by_split(dataset: Dataset) -> dict[tuple[str, str], int]:
    """(split, label) -> patients. COUNT(DISTINCT) of each group would read every row and sort; this reads one index."""
    known = dataset.images.exclude(patient_pseudonym="").order_by()
    sql, parameters = known.values("patient_pseudonym", "split", "label").distinct().query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT split, label, COUNT(*) FROM ({sql}) AS known GROUP BY split, label", parameters)  # noqa: S608
        return {(split, label): n for split, label, n in cursor.fetchall()}


def passes_filters(image: Image, filters: Mapping[str, Any]) -> bool:
    """Whether one image passes, as `filter_images` says, without a query. Raises ValueError as it does."""
    cleaned = clean_filters(filters)
    for key, column in LIST_FILTERS.items():
        values = [value for value in cleaned.get(key, []) if value or key == "splits"]
        if key in cleaned and getattr(image, column) not in values:
            return False
    for key, is_within in (("age_min", operator.ge), ("age_max", operator.le)):
        if key in cleaned and (image.age_years is None or not is_within(image.age_years, cleaned[key])):
            return False
    return True
