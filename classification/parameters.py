"""What the jobs are asked to do; everything else is in the records that they name, which never change."""

from dataclasses import dataclass

EXPERIMENT = "classification.experiment"
EXPLANATION = "classification.explanation"
OVERLAYS = "overlays.zip"  # in the job's directory: all overlays of an explanation
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class ExperimentParameters:
    experiment_id: str
    device: str = "auto"  # auto: a CUDA device where there is one

    def __post_init__(self) -> None:
        _check_device(self.device)


@dataclass(frozen=True, kw_only=True)
class ExplanationParameters:
    explanation_id: str
    device: str = "auto"

    def __post_init__(self) -> None:
        _check_device(self.device)


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}; it must be one of {', '.join(DEVICES)}")
