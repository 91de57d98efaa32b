"""Verbs on cards: change what is said about a dataset, with a record of who said what before."""

from collections.abc import Mapping

from django.db import transaction

from config.accounts.models import User
from imaging.cards.export_parameters import EXPORT, ExportParameters
from imaging.models import CardChange, Dataset
from imaging.services import DatasetError
from worker.models import Job
from worker.services import enqueue_job

FIELDS = ("description", "licence", "citation", "known_limits")


@transaction.atomic
def change_card(*, dataset: Dataset, values: Mapping[str, str], by: User | None) -> list[CardChange]:
    """Set some of FIELDS. Texts may change after the dataset is frozen: images do not. Returns what changed.

    Raises ValueError for another field, and a licence above 200 characters.
    """
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise ValueError(f"The card has no field {', '.join(unknown)}; it has {', '.join(FIELDS)}")
    if len(values.get("licence", "")) > 200:
        raise ValueError(f"The licence may have 200 characters, not {len(values['licence'])}")
    locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
    changes = []
    for field, text in values.items():
        before, after = getattr(locked, field), text.replace("\r\n", "\n").strip()
        if before != after:
            changes.append(CardChange(dataset=locked, field=field, before=before, after=after, changed_by=by))
            setattr(locked, field, after)
    if changes:
        locked.save(update_fields=[one.field for one in changes])
        CardChange.objects.bulk_create(changes)
        dataset.refresh_from_db(fields=FIELDS)
    return changes


@transaction.atomic
def start_export(*, dataset: Dataset, created_by: User | None) -> Job:
    """Queue the archive of a dataset. Raises DatasetError when it has no images."""
    if not dataset.images.exists():
        raise DatasetError(f"“{dataset.name}” has no images to export.")
    return enqueue_job(
        kind=EXPORT,
        parameters=ExportParameters(dataset_id=str(dataset.pk)),
        title=f"Export “{dataset.name}”",
        created_by=created_by,
    )
