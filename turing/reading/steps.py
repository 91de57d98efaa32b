"""What the verbs of a reader share: the lock, the checks, and the step to the next image. Inside their transactions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import (
    BigIntegerField,
    CharField,
    Exists,
    F,
    OuterRef,
    PositiveIntegerField,
    QuerySet,
    Subquery,
    UUIDField,
)
from django.utils import timezone

from config.prepared import Parameter, Prepared, insert_row, update_row
from turing.models.reading import Answer, Attendance, Presentation, ReadingSession
from turing.models.studies import Study, Trial
from turing.reading.course import interlude_between, trials_at
from turing.reading.errors import NotStarted, ReadsElsewhere, StudyClosed, UnknownImage
from turing.reading.selectors import Current, describe_current

# of a study, what no step from one image to the next needs: texts and documents
LONG_FIELDS = ("protocol", "question", "instructions", "consent", "closing_text", "real_filters", "synthetic_filters")


def lock_session(session: ReadingSession) -> ReadingSession:
    """The session as it is now. Its study is read by a query of its own, after the lock was given: joined to the
    locking query it would be as old as the moment the waiting began.

    Raises UnknownImage when the session is not that of its reader: a view may pass on what a browser claims.
    """
    locked = _own_locked_session.first(session=session.pk, reader=session.reader_id)
    if locked is None:
        raise UnknownImage
    (locked.study,) = _study(pk=locked.study_id)
    return locked


@Prepared
def _own_locked_session() -> QuerySet[ReadingSession]:
    return ReadingSession.objects.select_for_update().filter(
        pk=Parameter("session", UUIDField()), reader=Parameter("reader", BigIntegerField())
    )


@Prepared
def _study() -> QuerySet[Study]:
    return Study.anywhere.defer(*LONG_FIELDS).filter(pk=Parameter("pk", UUIDField()))


def find_presentation(session: ReadingSession, token: str) -> Presentation | None:
    """With its trial, session and study, as they were when nothing was locked: what can change has to be read again
    under the lock. None: no image of this session has this token.

    Raises UnknownImage when the session is not that of its reader, as `lock_session`.
    """
    found = _by_token.first(token=token, session=session.pk, reader=session.reader_id)
    if found is None and not ReadingSession.objects.filter(pk=session.pk, reader=session.reader_id).exists():
        raise UnknownImage
    return found


@Prepared
def _by_token() -> QuerySet[Presentation]:
    return (
        Presentation.objects.select_related("trial", "session__study")
        .defer(*(f"session__study__{name}" for name in LONG_FIELDS))
        .filter(
            token=Parameter("token", CharField()),
            session=Parameter("session", UUIDField()),
            session__reader=Parameter("reader", BigIntegerField()),
        )
    )


@Prepared
def _locked_session() -> QuerySet[ReadingSession, tuple[Any, ...]]:
    sessions = ReadingSession.objects.select_for_update().filter(pk=Parameter("session", UUIDField()))
    return sessions.order_by().values_list("pk")


@Prepared
def _with_what_can_change() -> QuerySet[Any]:
    newest = Attendance.objects.filter(session=OuterRef("session")).order_by("-pk").values("token")[:1]
    answered = Answer.objects.filter(session=OuterRef("session"), trial=OuterRef("trial"))
    return Presentation.objects.annotate(
        newest=Subquery(newest), is_answered=Exists(answered), study_status=F("session__study__status")
    ).filter(pk=Parameter("pk", BigIntegerField()))


@Prepared
def presentation_at() -> QuerySet[Presentation]:
    return Presentation.objects.filter(
        session=Parameter("session", UUIDField()), position=Parameter("position", PositiveIntegerField())
    )


@dataclass(frozen=True)
class Locked:
    """A presentation under the lock of its session, and what decides about requests for it."""

    presentation: Presentation
    newest_page: str | None  # token of its attendance; None: no page attends
    is_answered: bool


def lock_presentation(found: Presentation) -> Locked | None:
    """Locks the session of what `find_presentation` found, and reads again, in one query, all that can have changed,
    the status of its study included. None when its token is not the same any more.
    """
    if connection.features.has_select_for_update:  # on SQLite the transaction is the lock
        _locked_session(session=found.session_id)
    (fresh,) = _with_what_can_change(pk=found.pk)
    found.session.study.status = fresh.study_status
    fresh.session, fresh.trial = found.session, found.trial
    if fresh.token != found.token:
        return None
    return Locked(fresh, newest_page=fresh.newest, is_answered=fresh.is_answered)


def require_open(study: Study) -> None:
    if study.status != Study.Status.OPEN:
        raise StudyClosed(
            "The study is closed: no more answers are taken. What you have answered is stored. Thank you."
        )


def require_started(session: ReadingSession) -> None:
    if session.instructions_read_at is None:
        raise NotStarted("Please read the instructions first.")


def require_readable(*, session: ReadingSession) -> None:
    """Raises StudyClosed or NotStarted."""
    require_open(session.study)
    require_started(session)


def require_newest(session: ReadingSession, attendance: str) -> None:
    newest = session.attendances.order_by("-pk").values_list("token", flat=True).first()
    require_same_page(newest, attendance)


def require_same_page(newest: str | None, attendance: str) -> None:
    if newest is not None and attendance != newest:
        raise ReadsElsewhere("You have opened this study in another tab or on another device: reading goes on there.")


def make_current(session: ReadingSession, study: Study, *, position: int) -> None:
    """Make the image at `position` current, and the one after it ready to be fetched ahead. Nothing at the end."""
    trials = trials_at(session, position, and_next=True)
    if position in trials:
        existing = presentation_at.first(session=session.pk, position=position)
        show(session, study, trials, position=position, existing=existing)


def show(
    session: ReadingSession,
    study: Study,
    trials: dict[int, Trial],
    *,
    position: int,
    existing: Presentation | None,
) -> Current:
    """Make the trial at `position` current. The one after it gets an address too, where nothing lies between them."""
    presentation = existing or Presentation(session=session, trial=trials[position], position=position)
    presentation.became_current_at = timezone.now()
    if presentation.sent_ahead_at is not None and not presentation.after_break:
        note_showing(presentation, at=presentation.became_current_at)
    if existing is None:
        insert_row(presentation)
    else:
        update_row(presentation, ("became_current_at", *SHOWING))
    after = trials.get(position + 1)
    following = None
    if after is not None and interlude_between(study, trials[position], after, position=position) is None:
        following = insert_row(Presentation(session=session, trial=after, position=position + 1))
    return describe_current(session, study, presentation, trials[position], following)


SHOWING = ("first_served_at", "last_served_at", "times_served")  # what `note_showing` changes


def note_showing(presentation: Presentation, *, at: datetime) -> None:
    presentation.first_served_at = presentation.first_served_at or at
    presentation.last_served_at = at
    presentation.times_served += 1
