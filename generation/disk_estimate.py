"""How much disk a training or a sampling may need: upper bounds that are quick to compute, without PyTorch."""

from generation.gan.registry import get_generator
from generation.models import SampleRun, TrainingRun
from generation.parameters import SampleParameters, TrainParameters

FIRST_CHECKPOINTS_BYTES = 2 * 2**30  # of a run that has none yet: some of PGGAN at 1024 x 1024 with its optimisers
CHECKPOINTS_AT_ONCE = 3  # the last one, the best one, the one being written
UNKNOWN_SIDE = 1024  # pixels, of a generator from elsewhere


def training_bytes(parameters: TrainParameters) -> int:
    """Room for the checkpoints that are kept at once, each as large as the largest that the run has."""
    run = TrainingRun.anywhere.filter(pk=parameters.run_id).first()
    sizes = []
    for checkpoint in run.checkpoints.order_by("-iteration")[:CHECKPOINTS_AT_ONCE] if run is not None else ():
        if checkpoint.path.exists():
            sizes.append(checkpoint.path.stat().st_size)
    return CHECKPOINTS_AT_ONCE * max(sizes) if sizes else FIRST_CHECKPOINTS_BYTES


def sampling_bytes(parameters: SampleParameters) -> int:
    """One byte for each pixel: what PNG makes of noise, and an image is smaller."""
    run = SampleRun.anywhere.filter(pk=parameters.sample_run_id).select_related("checkpoint__run").first()
    trained = run.checkpoint.run if run is not None else None
    side = UNKNOWN_SIDE
    if trained is not None:
        side = get_generator(trained.generator).config.from_dict(trained.config).image_size
    return sum(parameters.per_class.values()) * side**2
