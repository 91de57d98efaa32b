"""What an import found: problems, duplicates, counts. It is stored with the job and shown to the user."""

import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any

LISTED = 1000  # entries of each list that are kept; the counts are always true


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong. `fatal`: leaving the file out would not make the import right, or safe."""

    file: str
    reason: str
    fix: str
    fatal: bool = False


class IntakeError(Exception):
    """Raised where a file cannot be used."""

    def __init__(self, reason: str, fix: str, *, fatal: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.fix, self.fatal = reason, fix, fatal

    def about(self, file: str) -> Problem:
        return Problem(file=file, reason=self.reason, fix=self.fix, fatal=self.fatal)


class SourceError(IntakeError):
    """Reading on would be dangerous or pointless: the source as a whole is refused."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason, fix, fatal=True)


@dataclass(kw_only=True)
class Report:
    """Gathered while an import runs. Lists stop at LISTED entries; `counts` go on."""

    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    fatal_count: int = 0
    duplicates: list[dict[str, str]] = field(default_factory=list)  # file, duplicate_of
    duplicate_count: int = 0
    elsewhere: list[dict[str, str]] = field(default_factory=list)  # file, dataset
    elsewhere_count: int = 0
    waiting: list[dict[str, str]] = field(default_factory=list)  # file, reason: they go to quarantine
    waiting_count: int = 0
    ignored: int = 0  # files that belong to no import: .DS_Store, README, ...
    notes: list[str] = field(default_factory=list)

    def add_problem(self, problem: Problem) -> None:
        self.problem_count += 1
        self.fatal_count += problem.fatal
        if len(self.problems) < LISTED:
            self.problems.append(problem)

    def add_duplicate(self, *, file: str, duplicate_of: str) -> None:
        self.duplicate_count += 1
        if len(self.duplicates) < LISTED:
            self.duplicates.append({"file": file, "duplicate_of": duplicate_of})

    def add_elsewhere(self, *, file: str, dataset: str) -> None:
        self.elsewhere_count += 1
        if len(self.elsewhere) < LISTED:
            self.elsewhere.append({"file": file, "dataset": dataset})

    def add_waiting(self, *, file: str, reason: str) -> None:
        self.waiting_count += 1
        if len(self.waiting) < LISTED:
            self.waiting.append({"file": file, "reason": reason})

    def as_result(self, *, dataset_id: str | None, counts: dict[str, int], skipped: bool) -> dict[str, Any]:
        """JSON for `Job.result`. `imported`: the number of images, `counts`: per label; `waiting` ones are no part."""
        return {
            "dataset_id": dataset_id,
            "imported": sum(counts.values()),
            "counts": counts,
            "duplicates": self.duplicate_count,
            "duplicate_files": self.duplicates,
            "elsewhere": self.elsewhere_count,
            "elsewhere_files": self.elsewhere,
            "waiting": self.waiting_count,
            "waiting_files": self.waiting,
            "problems": [asdict(problem) for problem in self.problems],
            "problem_count": self.problem_count,
            "fatal_count": self.fatal_count,
            "ignored": self.ignored,
            "skipped_bad": skipped,
            "notes": self.notes,
        }


def printable(text: str, limit: int = 300) -> str:
    """`text` safe for a page, a terminal and a database: control characters and lone surrogates are spelled out."""
    shown = "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf", "Cs") else f"\\x{ord(character):02x}"
        for character in text[: limit + 1]
    )
    return shown if len(text) <= limit else shown[:limit] + "…"
