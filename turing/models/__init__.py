"""The records of the app. Code that serves a reader imports `studies` and `reading` from here, never `truth`."""

from turing.models.audit import AuditEvent
from turing.models.reading import Answer, Attendance, Presentation, ReadingSession
from turing.models.studies import Invitation, Origin, Study, Trial
from turing.models.truth import LeakReport, TrialTruth

__all__ = [
    "Answer",
    "Attendance",
    "AuditEvent",
    "Invitation",
    "LeakReport",
    "Origin",
    "Presentation",
    "ReadingSession",
    "Study",
    "Trial",
    "TrialTruth",
]
