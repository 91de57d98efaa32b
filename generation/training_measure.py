"""The measure that a run's checkpoints are compared by."""

from typing import Any

from generation.gan.data import TrainingImages
from generation.gan.measures.stoppable import Measure, make_stoppable_measure
from generation.models import TrainingRun
from worker.compute.weights import WeightsError
from worker.registry import JobContext, JobError
from worker.weight_files import weights_folder


def make_measure(context: JobContext, run: TrainingRun, *, config: Any, images: TrainingImages, device: str) -> Measure:
    """For `train(measure=...)`, of a run with `best_by`. Raises JobError for weights that cannot be used."""
    try:
        title, measure = make_stoppable_measure(
            kind=run.best_by,
            weights=weights_folder(),
            images=images,
            config=config,
            device=device,
            abort=context.should_stop,
        )
    except WeightsError as error:
        raise JobError(str(error)) from error
    context.log(f"Checkpoints are measured by {run.best_by.upper()} with {title}")
    return measure
