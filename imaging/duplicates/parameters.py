"""What the jobs of duplicates are asked to do; stored with the job, checked before it is queued."""

import uuid
from dataclasses import dataclass

FINGERPRINT = "imaging.fingerprint"
SEARCH = "imaging.duplicates"  # the job's kind, and that of its report
NEAR = 48  # bits of 256: at most so many differ between two copies of one picture; see `imaging.duplicates.hashing`
WIDEST = 64  # beyond this, different patients are found by the thousand


@dataclass(frozen=True, kw_only=True)
class FingerprintParameters:
    dataset_id: str  # "": every dataset

    def __post_init__(self) -> None:
        if self.dataset_id:
            uuid.UUID(self.dataset_id)


@dataclass(frozen=True, kw_only=True)
class SearchParameters:
    dataset_id: str
    others: list[str]  # ids of the datasets that it is compared with, besides itself
    limit: int = NEAR  # bits of 256 that may differ; 0: hashes that are equal

    def __post_init__(self) -> None:
        for one in (self.dataset_id, *self.others):
            uuid.UUID(one)
        if self.dataset_id in self.others or len(set(self.others)) != len(self.others):
            raise ValueError("A dataset is compared with itself anyway, and with each other dataset once")
        if not 0 <= self.limit <= WIDEST:
            raise ValueError(f"limit is {self.limit}; it must be from 0 to {WIDEST} bits")
