"""Refusals that a user can understand: what was wrong, where, and what to do."""

from typing import Any


class StudyError(ValueError):
    """A study, invitation or answer cannot be what was asked for; the text is shown to the user."""


class LeaksFound(StudyError):  # noqa: N818  what it is: a finding
    """The leak audit keeps a study from opening. `report`: as `turing.blinding.audit.LeakAudit.to_document`."""

    def __init__(self, text: str, report: dict[str, Any]) -> None:
        super().__init__(text)
        self.report = report
