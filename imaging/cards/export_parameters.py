"""What the job of an export is asked to do; stored with the job."""

import uuid
from dataclasses import dataclass

EXPORT = "imaging.export"


@dataclass(frozen=True, kw_only=True)
class ExportParameters:
    dataset_id: str

    def __post_init__(self) -> None:
        uuid.UUID(self.dataset_id)
