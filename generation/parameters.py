"""What a training or a sampling job is asked to do; stored with the job, checked before it is queued."""

from dataclasses import dataclass, field
from typing import Any

from generation.gan.registry import get_generator
from generation.gan.sampling_options import EXACT, SamplingOptions
from imaging.selectors import clean_filters
from worker.compute.settings import MAX_SEED

TRAIN = "generation.train"
SAMPLE = "generation.sample"
MEASURES = ("kid", "fid")  # of a checkpoint, while a run trains
DEVICES = ("auto", "cpu", "cuda")
MAX_PROCESSES = 16  # that train one run: GPUs of one machine
MAX_IMAGES = 200_000  # of one sampling job: four times what Jang et al. 2023 drew from each model


@dataclass(frozen=True, kw_only=True)
class TrainParameters:
    run_id: str
    generator: str
    config: dict[str, Any]
    filters: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"  # auto: a CUDA device where there is one
    limits: dict[str, int] = field(default_factory=dict)  # label -> most images of it
    processes: int = 1  # each on a GPU of its own; with device "cpu", sharing the CPU

    def __post_init__(self) -> None:
        get_generator(self.generator).config.from_dict(self.config)
        clean_filters(self.filters)
        check_limits(self.limits)
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
        check_processes(self.processes)


def check_processes(processes: int) -> None:
    """Raises ValueError for a number of GPUs that makes no sense."""
    if isinstance(processes, bool) or not isinstance(processes, int) or not 1 <= processes <= MAX_PROCESSES:
        raise ValueError(f"The number of GPUs is {processes!r}; it must be a whole number from 1 to {MAX_PROCESSES}")


def check_limits(limits: dict[str, int]) -> None:
    """Raises ValueError for a number of images that makes no sense."""
    for label, most in limits.items():
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise ValueError(f"The limit for class {label} is {most!r}; it must be a whole number from 1")


@dataclass(frozen=True, kw_only=True)
class SampleParameters:
    sample_run_id: str
    per_class: dict[str, int]
    seed: int
    dataset_name: str
    precision: str = EXACT
    device: str = "auto"
    truncation: float = 1.0

    @property
    def options(self) -> SamplingOptions:
        return SamplingOptions(precision=self.precision, device=self.device, truncation=self.truncation)

    def __post_init__(self) -> None:
        self.options  # noqa: B018  checks itself
        for name, count in self.per_class.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ValueError(f"The number of images of class {name} is {count!r}; it must be a whole number from 0")
        total = sum(self.per_class.values())
        if not 1 <= total <= MAX_IMAGES:
            raise ValueError(f"{total:,} images in all; ask for 1 to {MAX_IMAGES:,}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed is {self.seed!r}; it must be a whole number from 0 to {MAX_SEED}")
