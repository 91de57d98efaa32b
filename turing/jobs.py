"""The kinds of job of this app."""

from typing import Any

from turing.opening_job import KIND, OpenParameters, run_opening
from worker.registry import JobContext, register_job


@register_job(KIND, parameters=OpenParameters, queue="light")
def open_study_job(context: JobContext, parameters: OpenParameters) -> dict[str, Any]:
    return run_opening(context, parameters)
