"""Reads for readers. What leaves this module is an allow-list: views pass these objects on, never model rows."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from config.accounts.models import User
from turing.models.reading import Answer, Presentation, ReadingSession
from turing.models.studies import Study


@dataclass(frozen=True)
class Current:
    """The image a reader is at."""

    token: str  # opaque address of its pixels
    position: int  # from 1
    total: int
    size: int  # px, the side of the square
    ahead: str | None = None  # token of the image after it: its pixels can be fetched, it cannot be answered yet


@dataclass(frozen=True)
class SessionOverview:
    """A study as its reader sees it in a list."""

    session_id: UUID
    study_name: str
    answered: int
    total: int
    is_open: bool
    is_started: bool

    @property
    def is_finished(self) -> bool:
        return self.total > 0 and self.answered == self.total


@dataclass(frozen=True)
class StudyForReader:
    """What a reader may know of the study."""

    session_id: UUID
    name: str
    question: str
    instructions: str  # Markdown
    total: int
    answered: int
    is_open: bool
    is_started: bool
    image_size: int  # px, the side of the square
    needs_display_check: bool  # once, before the first image

    @property
    def is_finished(self) -> bool:
        return self.total > 0 and self.answered == self.total

    @property
    def next_position(self) -> int:
        return min(self.answered + 1, self.total)


def sessions_of(user: User) -> list[SessionOverview]:
    """Newest first."""
    sessions = (
        ReadingSession.objects.filter(reader=user)
        .select_related("study")
        .annotate(n_trials=Count("study__trials", distinct=True), n_answers=Count("answers", distinct=True))
        .order_by("-created_at")
    )
    return [
        SessionOverview(
            session_id=session.pk,
            study_name=session.study.name,
            answered=session.n_answers,
            total=session.n_trials,
            is_open=session.study.status == Study.Status.OPEN,
            is_started=session.instructions_read_at is not None,
        )
        for session in sessions
    ]


def find_session(session_id: UUID, user: User) -> ReadingSession | None:
    """The user's own session; None for anybody else's, whoever asks."""
    return ReadingSession.objects.select_related("study").filter(pk=session_id, reader=user).first()


def study_for_reader(session: ReadingSession) -> StudyForReader:
    return StudyForReader(
        session_id=session.pk,
        name=session.study.name,
        question=session.study.question,
        instructions=session.study.instructions,
        total=session.study.trials.count(),
        answered=session.answers.count(),
        is_open=session.study.status == Study.Status.OPEN,
        is_started=session.instructions_read_at is not None,
        image_size=session.study.image_size,
        needs_display_check=not session.attendances.filter(sees_dark_patch__isnull=False).exists(),
    )


def is_waiting(session: ReadingSession) -> bool:
    """The reader stopped: the next image becomes current when reading is resumed."""
    presentation = current_presentation(session)
    return presentation is not None and presentation.became_current_at is None


def current_presentation(session: ReadingSession) -> Presentation | None:
    """The first one that has no answer yet; None before the start and after the last answer."""
    answered = Answer.objects.filter(session=session).values("trial")
    return (
        Presentation.objects.filter(session=session)
        .exclude(trial__in=answered)
        .select_related("trial")
        .order_by("trial__position")
        .first()
    )


def current_of(session: ReadingSession) -> Current | None:
    presentation = current_presentation(session)
    return None if presentation is None else describe_presentation(session, presentation)


def describe_presentation(session: ReadingSession, presentation: Presentation) -> Current:
    position = presentation.trial.position
    return Current(
        token=presentation.token,
        position=position,
        total=session.study.trials.count(),
        size=session.study.image_size,
        ahead=session.presentations.filter(trial__position=position + 1).values_list("token", flat=True).first(),
    )
