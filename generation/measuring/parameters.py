"""What a measuring job is asked to do; stored with the job, checked before it is queued."""

from dataclasses import dataclass, field
from typing import Any

from generation.gan.measures.config import MeasureSettings
from generation.parameters import DEVICES
from imaging.selectors import clean_filters

MEASURE = "generation.measure"  # the job's kind, and that of its report
MAX_SIDE = 1024  # px; larger pictures are reduced


@dataclass(frozen=True, kw_only=True)
class MeasureParameters:
    dataset_id: str  # synthetic
    training_id: str  # real: what the generator learned from, as far as is known
    training_filters: dict[str, Any] = field(default_factory=dict)
    held_out_id: str = ""  # real: not trained on; "": there are none
    held_out_filters: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"

    def __post_init__(self) -> None:
        MeasureSettings.from_dict(self.settings)
        clean_filters(self.training_filters)
        clean_filters(self.held_out_filters)
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
