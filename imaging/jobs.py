"""The kinds of job of this app."""

from typing import Any

from imaging.intake.importing import run_import
from imaging.intake.parameters import KIND, ImportParameters
from worker.registry import JobContext, register_job


@register_job(KIND, parameters=ImportParameters, queue="light")
def import_job(context: JobContext, parameters: ImportParameters) -> dict[str, Any]:
    return run_import(context, parameters)
