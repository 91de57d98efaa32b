"""The measure of a run's checkpoints that can be left at once when the run is to stop."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from generation.gan.data import TrainingImages
from generation.gan.measures.during_training import TrainingMeasure
from generation.gan.measures.extractors import find_weights, load_extractor
from generation.gan.stopping import leave_if, stoppable_network

N_IMAGES = 256  # generated ones, and as many real ones, for each value

Measure = Callable[[int, Any], dict[str, float]]


def make_stoppable_measure(
    *,
    kind: str,
    weights: Path | None,
    images: TrainingImages,
    config: Any,
    device: str,
    abort: Callable[[], bool],
) -> tuple[str, Measure]:
    """The extractor in words, and what `train(measure=...)` takes. `weights` is a directory of files of weights.

    `abort` is asked before each layer of the extractor; when it says True the measurement is left by StoppedError, so
    that the run is saved at once. Raises WeightsError (a ValueError) for weights that cannot be used.
    """
    extractor = load_extractor(find_weights(weights), device=device)
    compute = extractor._network

    def guarded(pixels: Any) -> Any:
        leave_if(abort)
        if not isinstance(compute, nn.Module):
            return compute(pixels)
        with stoppable_network(compute, abort):  # a batch alone takes seconds on a CPU
            return compute(pixels)

    measure = TrainingMeasure(
        real=images,
        extractor=replace(extractor, _network=guarded),
        latent_dim=config.latent_dim,
        latent_std=config.latent_std,
        n_images=N_IMAGES,
        kind=kind,
        seed=config.seed,
    )
    return extractor.title, measure.measure
