"""What an experiment's job is asked to do; everything else is in the experiment's own record, which never changes."""

from dataclasses import dataclass

EXPERIMENT = "classification.experiment"
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class ExperimentParameters:
    experiment_id: str
    device: str = "auto"  # auto: a CUDA device where there is one

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
