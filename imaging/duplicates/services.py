"""Verbs on duplicates: compute what is missing, search."""

import uuid
from collections.abc import Sequence

from django.db import transaction

from config.accounts.models import User
from imaging.duplicates.fingerprints import missing_fingerprints
from imaging.duplicates.parameters import FINGERPRINT, NEAR, SEARCH, FingerprintParameters, SearchParameters
from imaging.models import Dataset
from imaging.services import DatasetError
from worker.models import Job
from worker.services import enqueue_job


@transaction.atomic
def start_fingerprints(*, dataset_id: str, created_by_id: int | None) -> Job | None:
    """Queue the perceptual hashes of a dataset's images; None when nothing is missing, or a job is at it already."""
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None or not missing_fingerprints([dataset.pk]):
        return None
    if Job.objects.filter(kind=FINGERPRINT, state__in=Job.ACTIVE, parameters__dataset_id=str(dataset.pk)).exists():
        return None
    return enqueue_job(
        kind=FINGERPRINT,
        parameters=FingerprintParameters(dataset_id=str(dataset.pk)),
        title=f"Prepare “{dataset.name}” for the search for duplicates",
        created_by=User.objects.filter(pk=created_by_id or 0).first(),
    )


@transaction.atomic
def start_search(
    *, dataset: Dataset, others: Sequence[Dataset] = (), limit: int = NEAR, created_by: User | None
) -> Job:
    """Queue the search for duplicates within `dataset`, and between it and each of `others`.

    Raises DatasetError for a dataset without images, ValueError for a limit out of range or a dataset named twice.
    """
    for one in (dataset, *others):
        if not one.images.exists():
            raise DatasetError(f"“{one.name}” has no images to compare.")
    return enqueue_job(
        kind=SEARCH,
        parameters=SearchParameters(dataset_id=str(dataset.pk), others=[str(one.pk) for one in others], limit=limit),
        title=f"Duplicates of “{dataset.name}”",
        created_by=created_by,
    )


def dataset_ids(parameters: SearchParameters) -> list[uuid.UUID]:
    """The dataset and the others, in that order."""
    return [uuid.UUID(one) for one in (parameters.dataset_id, *parameters.others)]
