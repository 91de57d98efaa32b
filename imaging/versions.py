"""Versions of a dataset: which dataset is a later version of which, and what changed between two, by pixels.

An image is the same in two versions when its pixels are. A version is made like any dataset (by an import, by rules)
and then said to be one.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from imaging.models import Dataset
from imaging.services import DatasetError


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Images by pixel hash. `relabelled` and `resplit`: hash -> before, after."""

    same: int
    added: list[str]
    removed: list[str]
    relabelled: dict[str, tuple[str, str]]
    resplit: dict[str, tuple[str, str]]

    def in_words(self) -> str:
        """ "12 added, 3 removed, 1 of another class, 0 in another split; 780 as they were" """
        return (
            f"{len(self.added):,} added, {len(self.removed):,} removed, {len(self.relabelled):,} of another class, "
            f"{len(self.resplit):,} in another split; {self.same:,} as they were"
        )


def compare_datasets(before: Dataset, after: Dataset) -> Comparison:
    old, new = _rows(before), _rows(after)
    both = sorted(set(old) & set(new))
    relabelled = {one: (old[one][0], new[one][0]) for one in both if old[one][0] != new[one][0]}
    resplit = {one: (old[one][1], new[one][1]) for one in both if old[one][1] != new[one][1]}
    return Comparison(
        same=len(both) - len(set(relabelled) | set(resplit)),
        added=sorted(set(new) - set(old)),
        removed=sorted(set(old) - set(new)),
        relabelled=relabelled,
        resplit=resplit,
    )


def _rows(dataset: Dataset) -> dict[str, tuple[str, str]]:
    rows = dataset.images.order_by().values_list("pixel_sha256", "label", "split")
    return {sha256: (label, split) for sha256, label, split in rows.iterator(chunk_size=5000)}


def version_chain(dataset: Dataset) -> list[Dataset]:
    """All versions that `dataset` belongs to, the first one first; [] when it is the only one. Two queries."""
    first = dataset.version_of_id or dataset.pk
    chain = [*Dataset.objects.filter(pk=first), *Dataset.objects.filter(version_of=first).order_by("version_number")]
    return chain if len(chain) > 1 else []


@transaction.atomic
def declare_version(*, dataset: Dataset, of: Dataset) -> Dataset:
    """Say that `dataset` is the next version of `of`. A version of a version is one of the first dataset.

    Raises DatasetError for a dataset that is a version already, has versions, is of another origin, or is `of`.
    """
    root = of.version_of or of
    if root.pk == dataset.pk or dataset.pk == of.pk:
        raise DatasetError("A dataset is no version of itself.")
    if dataset.version_of_id is not None:
        raise DatasetError(f"“{dataset.name}” is version {dataset.version_number} of another dataset already.")
    if dataset.versions.exists():
        raise DatasetError(f"“{dataset.name}” has later versions itself: it stays the first of them.")
    if dataset.origin != root.origin:
        raise DatasetError(f"“{root.name}” is {root.origin} and “{dataset.name}” is not: versions are of one kind.")
    Dataset.objects.select_for_update().get(pk=root.pk)  # two at once get different numbers
    last = Dataset.everything.filter(version_of=root).aggregate(last=Max("version_number"))["last"]
    dataset.version_of, dataset.version_number = root, (last or 1) + 1
    dataset.save(update_fields=["version_of", "version_number"])
    return dataset


@transaction.atomic
def undo_version(*, dataset: Dataset) -> None:
    """A dataset of its own again. The other versions keep their numbers."""
    dataset.version_of, dataset.version_number = None, 1
    dataset.save(update_fields=["version_of", "version_number"])
