"""The kinds of job of this app."""

from typing import Any

from imaging.cards.export_parameters import EXPORT, ExportParameters
from imaging.duplicates.parameters import FINGERPRINT, SEARCH, FingerprintParameters, SearchParameters
from imaging.intake.importing import run_import
from imaging.intake.parameters import KIND, ImportParameters, import_bytes
from imaging.intake.retrieving import RETRIEVE, RetrieveParameters, run_retrieval
from imaging.making import REMOVE, RemoveParameters, remove_discarded
from imaging.regions.cropping import describe_crops, run_cropping
from imaging.regions.parameters import KIND as CROP
from imaging.regions.parameters import CropParameters
from worker.registry import JobContext, register_job


@register_job(KIND, parameters=ImportParameters, queue="cpu", needs_bytes=import_bytes)
def import_job(context: JobContext, parameters: ImportParameters) -> dict[str, Any]:
    from imaging.duplicates.services import start_fingerprints

    result = run_import(context, parameters)
    with context.fenced():  # once, whichever attempt comes so far
        start_fingerprints(dataset_id=result["dataset_id"], created_by_id=parameters.created_by_id)
    return result


@register_job(RETRIEVE, parameters=RetrieveParameters, queue="cpu", resumable=True)
def retrieve_job(context: JobContext, parameters: RetrieveParameters) -> dict[str, Any]:
    return run_retrieval(context, parameters)


@register_job(REMOVE, parameters=RemoveParameters, queue="light", resumable=True, frees_disk=True)
def remove_job(context: JobContext, parameters: RemoveParameters) -> dict[str, Any]:
    return {"removed": remove_discarded()}


@register_job(FINGERPRINT, parameters=FingerprintParameters, queue="cpu", resumable=True)
def fingerprint_job(context: JobContext, parameters: FingerprintParameters) -> dict[str, Any]:
    from imaging.duplicates.searching import run_fingerprints

    return run_fingerprints(context, parameters)


@register_job(SEARCH, parameters=SearchParameters, queue="cpu", resumable=True)
def search_job(context: JobContext, parameters: SearchParameters) -> dict[str, Any]:
    from imaging.duplicates.searching import run_search

    return run_search(context, parameters)


@register_job(EXPORT, parameters=ExportParameters, queue="cpu")
def export_job(context: JobContext, parameters: ExportParameters) -> dict[str, Any]:
    from imaging.cards.exporting import run_export

    return run_export(context, parameters)


@register_job(CROP, parameters=CropParameters, queue="light", describe=describe_crops)
def crop_job(context: JobContext, parameters: CropParameters) -> dict[str, Any]:
    return run_cropping(context, parameters)
