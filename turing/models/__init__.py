"""The records of the app. Code that serves a reader imports `studies` and `reading` from here, never `truth`."""

from turing.models.reading import Answer, Attendance, Presentation, ReadingSession
from turing.models.studies import Invitation, Origin, Study, Trial
from turing.models.truth import TrialTruth

__all__ = [
    "Answer",
    "Attendance",
    "Invitation",
    "Origin",
    "Presentation",
    "ReadingSession",
    "Study",
    "Trial",
    "TrialTruth",
]
