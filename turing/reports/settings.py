"""What a report is told beside the answers: settings of the analysis, and which answers are in it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from turing.analysis import AnalysisOptions

_OF_COMPARISONS = ("Confidence", "Readers", "Images", "Simulated readers")


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Stored with every report; `from_dict(to_dict())` is the same.

    include_simulated : of a study: answers drawn by a program, too; they are labelled
    phase : of a study with several: one of them; 0: all together
    """

    analysis: AnalysisOptions = field(default_factory=AnalysisOptions)
    include_simulated: bool = False
    phase: int = 0
    same_readers: bool = False  # of a comparison: equal codes are the same person
    same_images: bool = False  # likewise: equal names are the same image

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        values = asdict(self)
        return values | {"analysis": values["analysis"] | {"models": list(self.analysis.models)}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReportSettings":
        """Raises ValueError for a value out of range, TypeError for one that is not known."""
        analysis = dict(values.get("analysis", {}))
        options = AnalysisOptions(**{**analysis, "models": tuple(analysis.get("models", ()))})
        return cls(**{**values, "analysis": options})

    def in_words(self, *, of_comparison: bool = False) -> list[tuple[str, str]]:
        """For a list of reports: what each setting was, of a comparison those that bear on it."""
        options = self.analysis
        rules = [
            text
            for text, limit in (
                ("below {:g} s", options.min_seconds),
                ("above {:g} s", options.max_seconds),
                ("{:g} MADs from the median", options.mad_factor),
            )
            if limit is not None
            for text in [text.format(limit)]
        ]
        facts = [
            ("Confidence", f"{100 * options.confidence:g} %"),
            ("Equivalence margin", _margin(options)),
            ("Seed", str(options.seed)),
            ("Simulated studies for an interval", f"{options.n_bootstrap:,}"),
            ("Bootstrap draws for kappa", f"{options.n_bootstrap_kappa:,}"),
            ("Outlying times", " and ".join(rules) or "no rule"),
        ]
        if options.models:
            facts.append(("Further models", "; ".join(options.models)))
        if self.include_simulated:
            facts.append(("Simulated readers", "included"))
        if self.phase:
            facts.append(("Phase", f"{self.phase} only"))
        if self.same_readers:
            facts.append(("Readers", "the same in both"))
        if self.same_images:
            facts.append(("Images", "those with the same name are the same"))
        return [fact for fact in facts if fact[0] in _OF_COMPARISONS] if of_comparison else facts


def _margin(options: AnalysisOptions) -> str:
    if options.margin is None:
        return "none: no claim of equivalence"
    origin = f", {options.margin_origin}" if options.margin_origin else ""
    return f"50 % ± {100 * options.margin:g} points{origin}"
