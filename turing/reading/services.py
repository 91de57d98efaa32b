"""The locked order. A reader has exactly one current image; an answer is stored, once, before the next one exists.

Every verb locks the row of the session: two tabs and a replayed request follow one another. Closing a study locks all
its sessions, so no answer is stored after a closing was confirmed. (SQLite: transactions are IMMEDIATE and follow one
another anyway.)
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from turing import stimuli
from turing.audit.records import describe_row
from turing.audit.services import record_event
from turing.models.reading import Answer, Presentation, ReadingSession
from turing.models.studies import Origin, Study
from turing.protocol import document_sha256
from turing.reading.errors import (
    AnsweredAlready,
    InvalidAnswer,
    NotShown,
    NotStarted,
    StudyClosed,
    UnknownImage,
)
from turing.reading.selectors import Current, describe_presentation
from turing.timing import LONGEST_MS, timing_flags


@dataclass(frozen=True)
class Stored:
    """A stored answer and what comes next. The same for the first request and for every repetition of it."""

    position: int
    next: Current | None  # None: that was the last image


@transaction.atomic
def start_reading(*, session: ReadingSession) -> ReadingSession:
    """The reader has read the instructions: makes the first image current. Starting again changes nothing.

    Raises StudyClosed.
    """
    session = _lock(session)
    if session.instructions_read_at is not None:
        return session
    _require_open(session)
    session.instructions_read_at = timezone.now()
    session.save(update_fields=["instructions_read_at"])
    _present(session, position=1)
    record_event(action="session.started", about=session, by=session.reader_id, written=[session])
    return session


def require_readable(*, session: ReadingSession) -> None:
    """Raises StudyClosed or NotStarted."""
    _require_open(session)
    _require_started(session)


@transaction.atomic
def serve_stimulus(*, session: ReadingSession, token: str) -> bytes:
    """The pixels of the current image, noting on the server's clock that they were sent.

    Raises StudyClosed, NotStarted, UnknownImage (any token but that of the current image), OSError (damaged file).
    """
    session = _lock(session)
    require_readable(session=session)
    presentation = session.presentations.select_related("trial").filter(token=token).first()
    if presentation is None or session.answers.filter(trial=presentation.trial).exists():
        raise UnknownImage("This image is not there, or not any more.")
    # the file first: an image that could not be read was not shown
    pixels = stimuli.load_stimulus(presentation.trial.stimulus_file, image_size=session.study.image_size)
    now = timezone.now()
    presentation.first_served_at = presentation.first_served_at or now
    presentation.last_served_at = now
    presentation.times_served += 1
    presentation.save(update_fields=["first_served_at", "last_served_at", "times_served"])
    return pixels


@transaction.atomic
def record_answer(
    *,
    session: ReadingSession,
    token: str,
    value: str,
    idempotency_key: UUID,
    reading_ms: int | None,
    hidden_ms: int = 0,
    received_at: datetime | None = None,
) -> Stored:
    """Store the final answer about the current image, then make the next one current.

    A request with a known `idempotency_key` and the same content gets the stored result again, also after the study
    was closed. `received_at`: when the request came in, before any waiting for the lock.

    Raises AnsweredAlready, UnknownImage, NotShown (its pixels were never fetched), StudyClosed, NotStarted,
    InvalidAnswer.
    """
    received_at = received_at or timezone.now()
    if value not in Origin.values:
        raise InvalidAnswer(f"“{value}” is not an answer; possible: {', '.join(Origin.values)}.")
    session = _lock(session)
    presentation = session.presentations.select_related("trial").filter(token=token).first()
    earlier = session.answers.filter(idempotency_key=idempotency_key).first()
    if earlier is not None:
        if presentation is None or earlier.trial_id != presentation.trial_id or earlier.value != value:
            raise AnsweredAlready("This request was used for another answer already. Answers are final.")
        return _stored(session, presentation)
    require_readable(session=session)
    if presentation is None:
        raise UnknownImage("This image is not there, or not any more.")
    if session.answers.filter(trial=presentation.trial).exists():
        raise AnsweredAlready("This image was answered already, perhaps in another tab. Answers are final.")
    if presentation.first_served_at is None:
        raise NotShown("This image was not shown yet, so it cannot be answered.")

    server_ms = _milliseconds(received_at, since=presentation.first_served_at)
    reading_ms = reading_ms if reading_ms is not None and 0 <= reading_ms <= LONGEST_MS else None
    hidden_ms = min(max(hidden_ms, 0), LONGEST_MS)
    answer = Answer.objects.create(
        session=session,
        trial=presentation.trial,
        value=value,
        idempotency_key=idempotency_key,
        reading_ms=reading_ms,
        hidden_ms=hidden_ms,
        server_ms=server_ms,
        flags=timing_flags(
            reading_ms=reading_ms,
            hidden_ms=hidden_ms,
            server_ms=server_ms,
            times_served=presentation.times_served,
        ),
        answered_at=received_at,
    )
    is_last = not _present(session, position=presentation.trial.position + 1)
    if is_last:
        session.finished_at = received_at
        session.save(update_fields=["finished_at"])
    # last: what is recorded waits for others who record (see turing.audit.services)
    record_event(
        action="answer.stored",
        about=answer,
        by=session.reader_id,
        written=[answer, presentation],  # nothing touches the presentation any more
        details={"answer_sha256": document_sha256(describe_row(answer).columns)},
    )
    if is_last:
        record_event(action="session.finished", about=session, by=session.reader_id, written=[session])
    return _stored(session, presentation)


def _lock(session: ReadingSession) -> ReadingSession:
    """The session as it is now. Its study is read by a query of its own, after the lock was given: joined to the
    locking query it would be as old as the moment the waiting began.
    """
    return ReadingSession.objects.select_for_update().get(pk=session.pk)


def _require_open(session: ReadingSession) -> None:
    if session.study.status != Study.Status.OPEN:
        raise StudyClosed(
            "The study is closed: no more answers are taken. What you have answered is stored. Thank you."
        )


def _require_started(session: ReadingSession) -> None:
    if session.instructions_read_at is None:
        raise NotStarted("Please read the instructions first.")


def _present(session: ReadingSession, *, position: int) -> bool:
    """Make the trial at `position` current. False when there is none: the end."""
    trial = session.study.trials.filter(position=position).first()
    if trial is None:
        return False
    Presentation.objects.create(session=session, trial=trial)
    return True


def _stored(session: ReadingSession, answered: Presentation) -> Stored:
    position = answered.trial.position
    following = session.presentations.select_related("trial").filter(trial__position=position + 1).first()
    return Stored(position=position, next=None if following is None else describe_presentation(session, following))


def _milliseconds(until: datetime, *, since: datetime) -> int:
    """Never negative: the wall clock may have been set back in between."""
    return min(max(round((until - since).total_seconds() * 1000), 0), LONGEST_MS)
