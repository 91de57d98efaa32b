"""The kinds of job of this app. PyTorch is loaded by the process that runs one, not by the web server."""

from typing import Any

from generation.disk_estimate import sampling_bytes, training_bytes
from generation.importing.parameters import TRY_GENERATOR, TryParameters
from generation.measuring.parameters import MEASURE, MeasureParameters
from generation.parameters import SAMPLE, TRAIN, SampleParameters, TrainParameters
from generation.tool_parameters import TOOL, ToolParameters
from worker.registry import JobContext, register_job


def _gpus(parameters: TrainParameters) -> int:
    return 0 if parameters.device == "cpu" else parameters.processes


@register_job(TRAIN, parameters=TrainParameters, queue="gpu", resumable=True, gpus=_gpus, needs_bytes=training_bytes)
def train_job(context: JobContext, parameters: TrainParameters) -> dict[str, Any]:
    from generation.train_job import run_training

    return run_training(context, parameters)


@register_job(SAMPLE, parameters=SampleParameters, queue="light", resumable=True, needs_bytes=sampling_bytes)
def sample_job(context: JobContext, parameters: SampleParameters) -> dict[str, Any]:
    from generation.sample_job import run_sampling

    return run_sampling(context, parameters)


@register_job(MEASURE, parameters=MeasureParameters, queue="gpu", resumable=True)
def measure_job(context: JobContext, parameters: MeasureParameters) -> dict[str, Any]:
    from generation.measuring.measuring_job import run_measuring

    return run_measuring(context, parameters)


@register_job(TRY_GENERATOR, parameters=TryParameters, queue="light")
def try_job(context: JobContext, parameters: TryParameters) -> dict[str, Any]:
    from generation.importing.try_job import run_trial

    return run_trial(context, parameters)


@register_job(TOOL, parameters=ToolParameters, queue="light")
def tool_job(context: JobContext, parameters: ToolParameters) -> dict[str, Any]:
    from generation.tool_job import run_tool

    return run_tool(context, parameters)
