"""The kinds of job of this app. PyTorch is loaded by the process that runs one, not by the web server."""

from typing import Any

from classification.parameters import EXPERIMENT, ExperimentParameters
from worker.registry import JobContext, register_job


@register_job(EXPERIMENT, parameters=ExperimentParameters, queue="heavy", resumable=True)
def experiment_job(context: JobContext, parameters: ExperimentParameters) -> dict[str, Any]:
    from classification.experiment_job import run_experiment

    return run_experiment(context, parameters)
