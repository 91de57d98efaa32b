"""Reads for readers. What leaves this module is an allow-list: views pass these objects on, never model rows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    PositiveIntegerField,
    QuerySet,
    Sum,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from config.accounts.models import User
from config.prepared import Parameter, Prepared
from turing.models.reading import Answer, Presentation, ReadingSession
from turing.models.studies import Phase, Scale, Study, Trial
from turing.reading.course import Interlude, Section, interlude_between, place_of, trials_at, waiting_interlude
from turing.reading.words import limit_in_words, spent_in_words
from turing.scales import CONFIDENCE_LABELS


@dataclass(frozen=True)
class Current:
    """The image a reader is at."""

    token: str  # opaque address of its pixels
    section: Section
    position: int  # from 1, in the section
    total: int | None  # in the section; None when the study does not tell
    size: int  # px, the side of the square
    ahead: str | None = None  # token of the image after it: its pixels can be fetched, it cannot be answered yet


@dataclass(frozen=True)
class Rest:
    """No image is current until the reader goes on."""

    kind: Interlude
    answered: int  # images, in the section that comes next
    total: int | None


@dataclass(frozen=True)
class SessionOverview:
    """A study as its reader sees it in a list."""

    session_id: UUID
    study_name: str
    is_of_pairs: bool
    answered: int
    total: int | None  # None when the study does not tell
    is_finished: bool
    is_open: bool
    is_started: bool
    available_from: datetime | None  # not before; None: at once
    is_available: bool  # the washout is over, or there is none
    time_spent: timedelta  # with images on the screen
    started_at: datetime | None
    finished_at: datetime | None
    last_answer_at: datetime | None
    n_correct: int | None  # once the study is closed, when it shows a score
    n_scored: int | None

    @property
    def is_past(self) -> bool:
        """Nothing more to read here."""
        return self.is_finished or not self.is_open

    @property
    def time_spent_in_words(self) -> str:
        return spent_in_words(self.time_spent)


@dataclass(frozen=True)
class StudyForReader:
    """What a reader may know of the study, in the phase the reader is in."""

    session_id: UUID
    name: str
    question: str
    instructions: str  # Markdown
    real_label: str
    synthetic_label: str
    scale: str
    mark_kind: str
    asks_comment: bool
    exposure_limit_ms: int | None
    time_limit_ms: int | None
    shows_total: bool
    n_images: int = field(repr=False)  # practice and all; templates show `total`
    answered: int
    n_practice: int
    practice_feedback: bool
    break_every: int
    phase: int
    n_phases: int
    consent: str  # Markdown
    closing_text: str  # Markdown
    group_by: str
    is_open: bool
    is_started: bool
    image_size: int  # px, the side of the square
    bit_depth: int
    needs_display_check: bool  # once, before the first image
    available_from: datetime | None
    is_available: bool
    time_spent: timedelta
    n_correct: int | None
    n_scored: int | None

    confidence_labels = CONFIDENCE_LABELS

    @property
    def exposure_limit_in_words(self) -> str:
        return "" if self.exposure_limit_ms is None else limit_in_words(self.exposure_limit_ms)

    @property
    def time_limit_in_words(self) -> str:
        return "" if self.time_limit_ms is None else limit_in_words(self.time_limit_ms)

    @property
    def total(self) -> int | None:
        """Images that count, without practice; None when the study does not tell."""
        return self.n_images - self.n_practice if self.shows_total else None

    @property
    def counted(self) -> int:
        """Answers that count, without practice."""
        return max(self.answered - self.n_practice, 0)

    @property
    def is_finished(self) -> bool:
        return self.n_images > 0 and self.answered == self.n_images

    @property
    def next_position(self) -> int:
        """In the section that the reader is in."""
        place = min(self.answered + 1, self.n_images)
        return place if place <= self.n_practice else place - self.n_practice

    @property
    def is_practising(self) -> bool:
        return self.answered < self.n_practice


def sessions_of(user: User) -> list[SessionOverview]:
    """Newest first."""
    sessions = (
        _with_time_spent(ReadingSession.objects.filter(reader=user))
        .select_related("study")
        .annotate(last_answer_at=Max("answers__answered_at"))
        .order_by("-created_at")
    )
    return [
        SessionOverview(
            session_id=session.pk,
            study_name=study.name,
            is_of_pairs=study.scale == Scale.PAIR,
            answered=max(session.n_answers - study.n_practice, 0),
            total=len(session.trial_order) - study.n_practice if study.shows_total else None,
            is_finished=session.finished_at is not None,
            is_open=study.status == Study.Status.OPEN,
            is_started=session.instructions_read_at is not None,
            available_from=session.available_from,
            is_available=session.is_available,
            time_spent=timedelta(milliseconds=session.spent_ms),
            started_at=session.instructions_read_at,
            finished_at=session.finished_at,
            last_answer_at=session.last_answer_at,
            n_correct=session.n_correct,
            n_scored=session.n_scored,
        )
        for session in sessions
        for study in (session.study,)
    ]


def _with_time_spent(sessions: QuerySet[ReadingSession]) -> QuerySet[Any]:
    """With `n_answers` and `spent_ms`: the reading times, or the server's where a page sent none."""
    spent = Case(
        When(answers__reading_ms__isnull=True, then=F("answers__server_ms")),
        default=F("answers__reading_ms"),
        output_field=BigIntegerField(),
    )
    return sessions.annotate(
        n_answers=Count("answers"), spent_ms=Coalesce(Sum(spent), Value(0), output_field=BigIntegerField())
    )


def find_session(session_id: UUID, user: User) -> ReadingSession | None:
    """The user's own session; None for anybody else's, whoever asks."""
    return _own_session.first(session=session_id, reader=user.pk)


@Prepared
def _own_session() -> QuerySet[ReadingSession]:
    sessions = ReadingSession.objects.select_related("study")
    return sessions.filter(pk=Parameter("session", UUIDField()), reader=Parameter("reader", BigIntegerField()))


def study_for_reader(session: ReadingSession) -> StudyForReader:
    study = session.study
    counted = _with_time_spent(ReadingSession.objects.filter(pk=session.pk)).get()
    number, words = _phase_of(session, study, counted.n_answers)
    return StudyForReader(
        session_id=session.pk,
        name=study.name,
        question=words.question,
        instructions=words.instructions,
        real_label=words.real_label,
        synthetic_label=words.synthetic_label,
        scale=study.scale,
        mark_kind=study.mark_kind,
        asks_comment=study.asks_comment,
        exposure_limit_ms=study.exposure_limit_ms,
        time_limit_ms=study.time_limit_ms,
        shows_total=study.shows_total,
        n_images=len(session.trial_order),
        answered=counted.n_answers,
        n_practice=study.n_practice,
        practice_feedback=study.practice_feedback,
        break_every=study.break_every,
        phase=number,
        n_phases=1 + study.later_phases.count(),
        consent=study.consent,
        closing_text=study.closing_text,
        group_by=study.group_by,
        is_open=study.status == Study.Status.OPEN,
        is_started=session.instructions_read_at is not None,
        image_size=study.image_size,
        bit_depth=study.bit_depth,
        needs_display_check=not session.attendances.filter(sees_dark_patch__isnull=False).exists(),
        available_from=session.available_from,
        is_available=session.is_available,
        time_spent=timedelta(milliseconds=counted.spent_ms),
        n_correct=session.n_correct,
        n_scored=session.n_scored,
    )


def _phase_of(session: ReadingSession, study: Study, answered: int) -> tuple[int, Study | Phase]:
    """The phase of the image that comes next, and what holds its words; after the last image, that of the last."""
    place = min(answered + 1, len(session.trial_order))
    trial = trials_at(session, place).get(place)
    number = 1 if trial is None else trial.phase
    return number, study if number == 1 else study.later_phases.get(number=number)


def current_presentation(session: ReadingSession) -> Presentation | None:
    """The first one that has no answer yet; None before the start, after the last answer, and during an interlude."""
    return _unanswered.first(session=session.pk)


@Prepared
def _unanswered() -> QuerySet[Presentation]:
    answered = Answer.objects.filter(session=OuterRef("session"), trial=OuterRef("trial"))
    presentations = Presentation.objects.filter(~Exists(answered), session=Parameter("session", UUIDField()))
    return presentations.select_related("trial").order_by("position")[:1]


def current_of(session: ReadingSession) -> Current | Rest | None:
    """Where a reader who has started is; None before the start, and after the last answer."""
    presentation = current_presentation(session)
    if presentation is not None:
        return describe_presentation(session, session.study, presentation)
    answered = session.answers.count()
    if session.instructions_read_at is None or answered == len(session.trial_order):
        return None
    kind, _ = waiting_interlude(session, session.study, answered)
    return None if kind is None else describe_rest(session, session.study, kind, answered=answered)


def describe_rest(session: ReadingSession, study: Study, kind: Interlude, *, answered: int) -> Rest:
    place = place_of(session, study, answered + 1)
    return Rest(kind=kind, answered=place.position - 1, total=place.total)


def describe_presentation(session: ReadingSession, study: Study, presentation: Presentation) -> Current:
    """With the token of the one after it, where nothing lies between them. `presentation` with its trial."""
    following = _with_trial_at.first(session=session.pk, position=presentation.position + 1)
    return describe_current(session, study, presentation, presentation.trial, following)


@Prepared
def _with_trial_at() -> QuerySet[Presentation]:
    return Presentation.objects.select_related("trial").filter(
        session=Parameter("session", UUIDField()), position=Parameter("position", PositiveIntegerField())
    )


def describe_current(
    session: ReadingSession, study: Study, presentation: Presentation, trial: Trial, following: Presentation | None
) -> Current:
    """Without a query; `following` with its trial."""
    place = place_of(session, study, presentation.position)
    if following is not None and interlude_between(study, trial, following.trial, position=presentation.position):
        following = None
    return Current(
        token=presentation.token,
        section=place.section,
        position=place.position,
        total=place.total,
        size=study.image_size,
        ahead=None if following is None else following.token,
    )


def feedback_on(trial: Trial) -> str | None:
    """What a practice trial was, when the study tells; never of any other trial."""
    feedback = getattr(trial, "feedback", None) if trial.is_practice else None
    return None if feedback is None else feedback.value


__all__ = [
    "Current",
    "Rest",
    "SessionOverview",
    "StudyForReader",
    "current_of",
    "current_presentation",
    "describe_current",
    "describe_presentation",
    "describe_rest",
    "feedback_on",
    "find_session",
    "sessions_of",
    "study_for_reader",
]
