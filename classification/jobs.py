"""The kinds of job of this app. PyTorch is loaded by the process that runs one, not by the web server."""

from typing import Any

from classification.parameters import EXPERIMENT, ExperimentParameters
from classification.scoring.parameters import SCORING, ScoringParameters
from worker.registry import JobContext, register_job


@register_job(EXPERIMENT, parameters=ExperimentParameters, queue="heavy", resumable=True)
def experiment_job(context: JobContext, parameters: ExperimentParameters) -> dict[str, Any]:
    from classification.experiment_job import run_experiment

    return run_experiment(context, parameters)


@register_job(SCORING, parameters=ScoringParameters, queue="heavy", resumable=True)
def scoring_job(context: JobContext, parameters: ScoringParameters) -> dict[str, Any]:
    from classification.scoring.scoring_job import run_scoring

    return run_scoring(context, parameters)
