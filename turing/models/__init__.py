"""The records of the app. Code that serves a reader imports `studies` and `reading` from here, never `truth`."""

from turing.models.audit import AuditEvent
from turing.models.reading import Answer, Attendance, Presentation, ReadingSession
from turing.models.reports import AnswerTable, Report
from turing.models.studies import (
    Grade,
    GroupBy,
    Invitation,
    MarkKind,
    Origin,
    Phase,
    PracticeFeedback,
    Response,
    Scale,
    Study,
    Trial,
    TrialOrder,
)
from turing.models.truth import LeakReport, TrialTruth

__all__ = [
    "Answer",
    "AnswerTable",
    "Attendance",
    "AuditEvent",
    "Grade",
    "GroupBy",
    "Invitation",
    "LeakReport",
    "MarkKind",
    "Origin",
    "Phase",
    "PracticeFeedback",
    "Presentation",
    "ReadingSession",
    "Report",
    "Response",
    "Scale",
    "Study",
    "Trial",
    "TrialOrder",
    "TrialTruth",
]
