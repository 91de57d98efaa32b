"""Verbs on measurements: start one."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from config.accounts.models import User
from generation.gan.measures.config import MeasureSettings
from generation.measuring.parameters import MEASURE, MeasureParameters
from generation.models import TrainingRun
from generation.services import GenerationError
from imaging.models import Dataset
from imaging.selectors import clean_filters, describe_filters, filter_images
from worker.models import Job
from worker.services import enqueue_job

LEAST_SYNTHETIC, LEAST_REAL = 10, 20


def training_run_of(dataset: Dataset) -> TrainingRun | None:
    """The run whose generator drew `dataset`; None when its images were imported."""
    first = dataset.images.order_by("created_at", "id").first()
    run_id = first.provenance.get("run") if first is not None else None
    return TrainingRun.objects.select_related("dataset").filter(pk=run_id).first() if run_id else None


@transaction.atomic
def start_measuring(
    *,
    dataset: Dataset,
    training: Dataset,
    training_filters: Mapping[str, Any] | None = None,
    held_out: Dataset | None = None,
    held_out_filters: Mapping[str, Any] | None = None,
    settings: MeasureSettings | None = None,
    device: str = "auto",
    created_by: User | None,
) -> Job:
    """Queue the measurement of `dataset` against the real images it was trained on, and those it was not.

    Raises GenerationError when a set has the wrong origin or too few images, ValueError for filters that are not valid.
    """
    _require(dataset, Dataset.Origin.SYNTHETIC, "measured are synthetic images")
    _require(training, Dataset.Origin.REAL, "synthetic images are measured against real ones")
    _require_images(dataset, {}, LEAST_SYNTHETIC)
    _require_images(training, training_filters or {}, LEAST_REAL)
    if held_out is not None:
        _require(held_out, Dataset.Origin.REAL, "held-out images are real ones")
        _require_images(held_out, held_out_filters or {}, 1)
    return enqueue_job(
        kind=MEASURE,
        parameters=MeasureParameters(
            dataset_id=str(dataset.pk),
            training_id=str(training.pk),
            training_filters=clean_filters(training_filters or {}),
            held_out_id=str(held_out.pk) if held_out is not None else "",
            held_out_filters=clean_filters(held_out_filters or {}) if held_out is not None else {},
            settings=(settings or MeasureSettings()).to_dict(),
            device=device,
        ),
        title=f"Measure “{dataset.name}”",
        created_by=created_by,
        seed=(settings or MeasureSettings()).seed,
    )


def _require(dataset: Dataset, origin: str, why: str) -> None:
    if dataset.origin != origin:
        raise GenerationError(f"“{dataset.name}” is {dataset.origin}; {why}. Choose another dataset.")


def _require_images(dataset: Dataset, filters: Mapping[str, Any], least: int) -> None:
    count = filter_images(dataset, filters).count()
    if count < least:
        raise GenerationError(
            f"“{dataset.name}” has {count} images ({describe_filters(filters)}); at least {least} are needed."
        )
