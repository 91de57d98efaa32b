"""What a trial drawing is asked to do; stored with its job."""

from dataclasses import dataclass

TRY_GENERATOR = "generation.try"


@dataclass(frozen=True, kw_only=True)
class TryParameters:
    foreign_id: str
    columns: int = 8  # images of each class that are shown

    def __post_init__(self) -> None:
        if not 1 <= self.columns <= 32:
            raise ValueError(f"columns is {self.columns}; it must be from 1 to 32")
