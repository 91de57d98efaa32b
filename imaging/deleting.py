"""Deleting a dataset puts it away first: nobody sees it, and it can be restored until its time is over.

What results rest on stays: a study, a generator, an experiment or a scoring that uses the dataset or one of its images.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from config.accounts.models import User
from config.projects.scope import all_projects_in_sight
from imaging.making import start_removal
from imaging.models import Dataset, Image
from imaging.services import DatasetError, checked_dataset_name, delete_dataset

KEPT_DELETED = timedelta(days=30)  # then `manage.py sweep_images` removes it for good
AT_ONCE = 1000  # images: more are removed by a job, some hundreds at a time
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Dependent:
    """Something that uses a dataset. `holds`: the dataset cannot be deleted before it."""

    what: str  # "study", "training run", ...
    name: str
    address: str  # "" where it has no page
    holds: bool


def dependents(dataset: Dataset) -> list[Dependent]:
    """What uses a dataset or its images: first what holds it, then what was derived from it, some of each kind."""
    found = [*_holders(Dataset, {"pk": dataset.pk}), *_holders(Image, {"dataset": dataset.pk})]
    derived = Dataset.objects.filter(
        models.Q(inclusion_record__source_id=str(dataset.pk)) | models.Q(version_of=dataset)
    ).exclude(pk=dataset.pk)
    found += [
        Dependent(what="dataset made of it", name=one.name, address=one.get_absolute_url(), holds=False)
        for one in derived.distinct()[:NAMED]
    ]
    return found


def _holders(model: type[models.Model], wanted: dict[str, Any]) -> list[Dependent]:
    """Records of any app that protect `model` (on_delete=PROTECT), or name it in a many-to-many field."""
    found: dict[tuple[str, Any], Dependent] = {}
    for relation in model._meta.related_objects:
        if not relation.many_to_many and relation.on_delete is not models.PROTECT:
            continue
        source: Any = relation.related_model
        conditions = {f"{relation.field.name}__{key}": value for key, value in wanted.items()}
        for record in source._base_manager.filter(**conditions)[:NAMED]:
            record = _with_a_name(record)
            key = (record._meta.label, record.pk)
            found[key] = Dependent(
                what=str(record._meta.verbose_name),
                name=str(record),
                address=record.get_absolute_url() if hasattr(record, "get_absolute_url") else "",
                holds=True,
            )
    return list(found.values())


def _with_a_name(record: models.Model) -> models.Model:
    """The record itself, or the nearest one it belongs to whose name tells anybody anything."""
    for _ in range(3):
        if type(record).__str__ is not models.Model.__str__:
            return record
        owners = [field for field in record._meta.concrete_fields if field.many_to_one or field.one_to_one]
        owner = next((getattr(record, one.name) for one in owners if one.related_model not in (Dataset, Image)), None)
        if owner is None:
            return record
        record = owner
    return record


@transaction.atomic
def put_away_dataset(*, dataset: Dataset, by: User | None) -> None:
    """Hide a dataset from every list and every choice. Raises DatasetError, naming them, when results rest on it."""
    locked = Dataset.objects.select_for_update().filter(pk=dataset.pk).first()
    if locked is None:
        raise DatasetError(f"“{dataset.name}” is deleted already.")
    holding = [one for one in dependents(locked) if one.holds]
    if holding:
        named = sorted(f"{one.what} “{one.name}”" for one in holding)
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        raise DatasetError(
            f"The dataset “{dataset.name}” cannot be deleted: it is used by {', '.join(named[:NAMED])}{more}. Delete "
            "those first; a dataset stays as long as results rest on it."
        )
    locked.state, locked.deleted_at, locked.deleted_by = Dataset.State.DELETED, timezone.now(), by
    locked.save(update_fields=["state", "deleted_at", "deleted_by"])
    dataset.refresh_from_db()


def deleted_datasets() -> models.QuerySet[Dataset]:
    """Those that can be restored, last deleted first."""
    found = Dataset.everything.filter(state=Dataset.State.DELETED).select_related("deleted_by")
    return found.annotate(n_images=models.Count("images")).order_by("-deleted_at", "pk")


@transaction.atomic
def restore_dataset(*, dataset: Dataset, name: str = "") -> Dataset:
    """Bring a deleted dataset back, under its own name or another. Raises DatasetError when that is taken, or the
    dataset is not there any more.
    """
    locked = Dataset.everything.select_for_update().filter(pk=dataset.pk, state=Dataset.State.DELETED).first()
    if locked is None:
        raise DatasetError(f"“{dataset.name}” is not among the deleted datasets any more.")
    wanted = (name or locked.name).strip()
    if wanted != locked.name:
        locked.name = checked_dataset_name(wanted)
    locked.state, locked.deleted_at, locked.deleted_by = Dataset.State.READY, None, None
    locked.save(update_fields=["name", "state", "deleted_at", "deleted_by"])
    return locked


@transaction.atomic
def remove_for_good(*, dataset: Dataset, by: User | None) -> None:
    """Remove a deleted dataset with its images and files: at once, or by a job where there are many.

    Raises DatasetError when it is not deleted.
    """
    locked = Dataset.everything.select_for_update().filter(pk=dataset.pk, state=Dataset.State.DELETED).first()
    if locked is None:
        raise DatasetError(f"“{dataset.name}” is not among the deleted datasets any more.")
    if Image.everything.filter(dataset=locked).count() <= AT_ONCE:
        delete_dataset(dataset=locked)
        return
    let_go(locked)
    start_removal(created_by=by)


def let_go(dataset: Dataset) -> None:
    """Nobody can restore it from now on; `imaging.making.remove_discarded` takes it off the disk."""
    Dataset.everything.filter(pk=dataset.pk, state=Dataset.State.DELETED).update(
        state=Dataset.State.REMOVING, name=f"discarded {dataset.pk}"
    )


@all_projects_in_sight()
def let_go_of_old() -> int:
    """Let go of what was deleted more than KEPT_DELETED ago; returns how many datasets."""
    old = list(Dataset.anywhere.filter(state=Dataset.State.DELETED, deleted_at__lt=timezone.now() - KEPT_DELETED))
    for dataset in old:
        let_go(dataset)
    return len(old)
