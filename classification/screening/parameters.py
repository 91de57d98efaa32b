"""What a screening's job is asked to do; everything else is in the screening's own record."""

from dataclasses import dataclass

from classification.parameters import DEVICES

SCREENING = "classification.screening"


@dataclass(frozen=True, kw_only=True)
class ScreeningParameters:
    screening_id: str
    device: str = "auto"  # auto: a CUDA device where there is one

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
