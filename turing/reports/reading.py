"""How an uploaded table is read: which column is what, what its words mean. Stored with the table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from turing.analysis.answers import Answers
from turing.analysis.reading import read_csv


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """Arguments of `turing.analysis.reading.read_csv`, as JSON can hold them. `columns`: "" leaves a role out."""

    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    positive_class: str = "real"
    reference_group: str = ""
    rating_cut: float | None = None
    rating_high: str = "synthetic"
    repeats: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TableReading":
        return cls(**values)

    def read(self, content: bytes, *, name: str) -> Answers:
        """Raises AnswersError with everything that is wrong, ValueError for a setting out of range."""
        return read_csv(
            content,
            columns=self.columns,
            labels=self.labels,
            positive_class=self.positive_class,
            reference_group=self.reference_group or None,
            rating_cut=self.rating_cut,
            rating_high=self.rating_high,
            repeats=self.repeats,
            name=name,
        )
