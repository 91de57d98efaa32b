"""The kinds of job of this app. PyTorch is loaded by the process that runs one, not by the web server."""

from typing import Any

from classification.parameters import EXPERIMENT, EXPLANATION, ExperimentParameters, ExplanationParameters
from classification.scoring.parameters import SCORING, ScoringParameters
from classification.screening.parameters import SCREENING, ScreeningParameters
from worker.registry import JobContext, JobDescription, register_job


def _describe_experiment(job_id: str, parameters: ExperimentParameters) -> JobDescription:
    from classification.selectors import experiment_in_words  # models are not loaded yet

    facts, address = experiment_in_words(parameters.experiment_id)
    return JobDescription(facts=facts, page_title="The experiment", page_address=address)


@register_job(EXPERIMENT, parameters=ExperimentParameters, queue="gpu", resumable=True, describe=_describe_experiment)
def experiment_job(context: JobContext, parameters: ExperimentParameters) -> dict[str, Any]:
    from classification.experiment_job import run_experiment

    return run_experiment(context, parameters)


def _describe_scoring(job_id: str, parameters: ScoringParameters) -> JobDescription:
    from classification.scoring.selectors import scoring_in_words  # models are not loaded yet

    facts, address = scoring_in_words(parameters.scoring_id)
    return JobDescription(facts=facts, page_title="The scores", page_address=address)


@register_job(SCORING, parameters=ScoringParameters, queue="gpu", resumable=True, describe=_describe_scoring)
def scoring_job(context: JobContext, parameters: ScoringParameters) -> dict[str, Any]:
    from classification.scoring.scoring_job import run_scoring

    return run_scoring(context, parameters)


def _describe_screening(job_id: str, parameters: ScreeningParameters) -> JobDescription:
    from classification.screening.selectors import screening_in_words  # models are not loaded yet

    facts, address = screening_in_words(parameters.screening_id)
    return JobDescription(facts=facts, page_title="The screening", page_address=address)


@register_job(SCREENING, parameters=ScreeningParameters, queue="gpu", resumable=True, describe=_describe_screening)
def screening_job(context: JobContext, parameters: ScreeningParameters) -> dict[str, Any]:
    from classification.screening.screening_job import run_screening

    return run_screening(context, parameters)


def _describe_explanation(job_id: str, parameters: ExplanationParameters) -> JobDescription:
    from classification.explanation_selectors import explanation_in_words  # models are not loaded yet

    facts, address = explanation_in_words(parameters.explanation_id)
    return JobDescription(facts=facts, page_title="The maps", page_address=address)


@register_job(
    EXPLANATION, parameters=ExplanationParameters, queue="gpu", resumable=True, describe=_describe_explanation
)
def explanation_job(context: JobContext, parameters: ExplanationParameters) -> dict[str, Any]:
    from classification.explanation_job import run_explanation

    return run_explanation(context, parameters)
