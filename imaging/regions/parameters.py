"""What a job that makes crops is asked to do; stored with its job."""

import uuid
from dataclasses import dataclass

KIND = "imaging.crop"


@dataclass(frozen=True, kw_only=True)
class CropParameters:
    crops_id: str  # of a RegionCrops record, which says all the rest

    def __post_init__(self) -> None:
        uuid.UUID(self.crops_id)
