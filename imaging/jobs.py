"""The kinds of job of this app."""

from typing import Any

from imaging.intake.importing import run_import
from imaging.intake.parameters import KIND, ImportParameters
from imaging.intake.retrieving import RETRIEVE, RetrieveParameters, run_retrieval
from imaging.making import REMOVE, RemoveParameters, remove_discarded
from imaging.regions.cropping import describe_crops, run_cropping
from imaging.regions.parameters import KIND as CROP
from imaging.regions.parameters import CropParameters
from worker.registry import JobContext, register_job


@register_job(KIND, parameters=ImportParameters, queue="light")
def import_job(context: JobContext, parameters: ImportParameters) -> dict[str, Any]:
    return run_import(context, parameters)


@register_job(RETRIEVE, parameters=RetrieveParameters, queue="light", resumable=True)
def retrieve_job(context: JobContext, parameters: RetrieveParameters) -> dict[str, Any]:
    return run_retrieval(context, parameters)


@register_job(REMOVE, parameters=RemoveParameters, queue="light", resumable=True)
def remove_job(context: JobContext, parameters: RemoveParameters) -> dict[str, Any]:
    return {"removed": remove_discarded()}


@register_job(CROP, parameters=CropParameters, queue="light", describe=describe_crops)
def crop_job(context: JobContext, parameters: CropParameters) -> dict[str, Any]:
    return run_cropping(context, parameters)
