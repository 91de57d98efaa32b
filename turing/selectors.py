"""Reads for investigators that need no truth: lists, progress, invitations. Results stand in `turing.results`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from turing.errors import StudyError
from turing.models import Invitation, ReadingSession, Study


@dataclass(frozen=True)
class ReaderProgress:
    reader_code: str
    username: str  # for the investigator who chases readers; results never name it
    is_simulated: bool
    answered: int
    total: int
    last_answer_at: datetime | None
    finished_at: datetime | None


def studies_with_progress() -> QuerySet[Study]:
    """All studies, newest first, with `n_sessions` and `n_finished`."""
    return Study.objects.annotate(n_sessions=Count("sessions"), n_finished=Count("sessions__finished_at")).order_by(
        "-created_at", "pk"
    )


def reader_progress(study: Study) -> list[ReaderProgress]:
    total = study.trials.count()
    sessions = (
        ReadingSession.objects.filter(study=study)
        .select_related("reader")
        .annotate(n_answers=Count("answers"), last_answer_at=Max("answers__answered_at"))
        .order_by("created_at", "reader_code")
    )
    return [
        ReaderProgress(
            reader_code=session.reader_code,
            username=session.reader.username if session.reader else "",
            is_simulated=session.is_simulated,
            answered=session.n_answers,
            total=total,
            last_answer_at=session.last_answer_at,
            finished_at=session.finished_at,
        )
        for session in sessions
    ]


def invitations_of(study: Study) -> QuerySet[Invitation]:
    return study.invitations.select_related("accepted_by")


def find_study(name_or_id: str) -> Study:
    """By id or exact name, for the command line. Raises StudyError, listing the newest, when there is none."""
    try:
        study = Study.objects.filter(pk=UUID(name_or_id)).first()
    except ValueError:
        study = Study.objects.filter(name=name_or_id).first()
    if study is None:
        names = ", ".join(f"“{name}”" for name in Study.objects.values_list("name", flat=True)[:5])
        raise StudyError(
            f"There is no study “{name_or_id}”. " + (f"The newest are: {names}." if names else "There is none yet.")
        )
    return study
