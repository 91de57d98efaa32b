"""The measure that a run's checkpoints are compared by, and that can be left at once when the run is to stop."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from generation.gan.data import TrainingImages
from generation.gan.measures.during_training import TrainingMeasure
from generation.gan.measures.extractors import find_weights, load_extractor
from generation.measuring.measuring_job import weights_folder
from generation.models import TrainingRun
from worker.compute.weights import WeightsError
from worker.registry import JobContext, JobError

N_IMAGES = 256  # generated ones, and as many real ones, for each value

Measure = Callable[[int, Any], dict[str, float]]


class _StoppedError(Exception):
    """Leaves a measurement half way."""


def make_measure(context: JobContext, run: TrainingRun, *, config: Any, images: TrainingImages, device: str) -> Measure:
    """For `train(measure=...)`, of a run with `best_by`. Raises JobError for weights that cannot be used.

    Features are computed in batches; between two of them a run that is to stop leaves the measurement without a value,
    so that it is saved at once.
    """
    try:
        extractor = load_extractor(find_weights(weights_folder()), device=device)
    except WeightsError as error:
        raise JobError(str(error)) from error
    compute = extractor._network

    def guarded(pixels: Any) -> Any:
        if context.should_stop():
            raise _StoppedError
        return compute(pixels)

    context.log(f"Checkpoints are measured by {run.best_by.upper()} with {extractor.title}")
    measure = TrainingMeasure(
        real=images,
        extractor=replace(extractor, _network=guarded),
        latent_dim=config.latent_dim,
        latent_std=config.latent_std,
        n_images=N_IMAGES,
        kind=run.best_by,
        seed=config.seed,
    )

    def measured(images_seen: int, network: Any) -> dict[str, float]:
        try:
            return measure.measure(images_seen, network)
        except _StoppedError:
            return {}

    return measured
