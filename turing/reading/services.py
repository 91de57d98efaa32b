"""The locked order. A reader has exactly one current image; an answer is stored, once, before the next one is current.

The pixels of the image after it, and of no other, can be fetched ahead under a token of their own, so that the next
image is on the screen as soon as an answer is stored. It can be neither answered nor timed before that moment; the
image after it does not exist yet.

A page that loads attends the session. Only the page that did so last is served and may answer.

Every verb locks the row of the session: two tabs and a replayed request follow one another. Closing a study locks all
its sessions, so no answer is stored after a closing was confirmed. (SQLite: transactions are IMMEDIATE and follow one
another anyway.)
"""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from turing import stimuli
from turing.audit.records import describe_row
from turing.audit.services import record_event
from turing.models.reading import Answer, Attendance, Presentation, ReadingSession, new_presentation_token
from turing.models.studies import Origin, Study, Trial
from turing.protocol import document_sha256
from turing.reading.errors import (
    AnsweredAlready,
    ImageDamaged,
    InvalidAnswer,
    NotCurrent,
    NotShown,
    NotStarted,
    ReadsElsewhere,
    StudyClosed,
    UnknownImage,
)
from turing.reading.selectors import Current, current_presentation, describe_presentation
from turing.timing import LONGEST_MS, timing_flags

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screen:
    """What a page says about where it is shown: fields of Attendance, None where it does not know."""

    browser: str = ""
    screen_width: int | None = None
    screen_height: int | None = None
    pixel_ratio: float | None = None
    zoom_percent: int | None = None
    stage_side: int | None = None
    sees_dark_patch: bool | None = None
    sees_light_patch: bool | None = None


@dataclass(frozen=True)
class Stored:
    """A stored answer and what comes next. The same for the first request and for every repetition of it."""

    position: int
    next: Current | None  # None: that was the last image, or the reader stopped
    is_stopped: bool = False


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
    _make_current(session, position=1)
    record_event(action="session.started", about=session, by=session.reader_id, written=[session])
    return session


@transaction.atomic
def attend(*, session: ReadingSession, screen: Screen | None = None) -> Attendance:
    """A page goes on with the reading, and every page before it is refused from now on.

    Raises StudyClosed, NotStarted.
    """
    resume_reading(session=session)
    return Attendance.objects.create(session=session, **asdict(screen or Screen()))


@transaction.atomic
def resume_reading(*, session: ReadingSession) -> None:
    """Make the image current that waits for a reader who stopped. Nothing to do for one who did not.

    Raises StudyClosed, NotStarted.
    """
    session = _lock(session)
    require_readable(session=session)
    waiting = current_presentation(session)
    if waiting is not None and waiting.became_current_at is None:
        _make_current(session, position=waiting.trial.position)


def require_readable(*, session: ReadingSession) -> None:
    """Raises StudyClosed or NotStarted."""
    _require_open(session)
    _require_started(session)


@transaction.atomic
def serve_stimulus(*, session: ReadingSession, token: str, attendance: str = "") -> bytes:
    """The pixels of the current image or of the one after it, noting on the server's clock that they were sent.

    `attendance`: token of the page that asks, as `attend` gave it; a session that no page attends needs none.

    Raises StudyClosed, NotStarted, UnknownImage (any other token), ReadsElsewhere, ImageDamaged.
    """
    session = _lock(session)
    require_readable(session=session)
    presentation = session.presentations.select_related("trial").filter(token=token).first()
    if presentation is None or session.answers.filter(trial=presentation.trial).exists():
        raise UnknownImage("This image is not there, or not any more.")
    _require_newest(session, attendance)
    # the file first: an image that could not be read was not shown
    pixels = _load_pixels(presentation.trial, image_size=session.study.image_size)
    now = timezone.now()
    if presentation.became_current_at is None:
        presentation.sent_ahead_at = presentation.sent_ahead_at or now
    else:
        _note_showing(presentation, at=now)
    presentation.save()
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
    paused_ms: int = 0,
    stop: bool = False,
    attendance: str = "",
    received_at: datetime | None = None,
) -> Stored:
    """Store the final answer about the current image, then make the next one current; its clock starts here when its
    pixels were sent ahead, and when they are sent else.

    A request with a known `idempotency_key` and the same content gets the stored result again, also after the study
    was closed. `stop`: the reader stops here; the next image becomes current when reading is resumed, so that its clock
    does not run during the break. `received_at`: when the request came in, before any waiting for the lock.

    Raises AnsweredAlready, UnknownImage, NotCurrent (the one that may be fetched ahead), NotShown (its pixels were
    never fetched), ReadsElsewhere (a newer page attends), StudyClosed, NotStarted, InvalidAnswer.
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
    _require_newest(session, attendance)
    if session.answers.filter(trial=presentation.trial).exists():
        raise AnsweredAlready("This image was answered already, perhaps in another tab. Answers are final.")
    if presentation.became_current_at is None:
        raise NotCurrent("This image is not current yet: the one before it has to be answered first.")
    if presentation.first_served_at is None:
        raise NotShown("This image was not shown yet, so it cannot be answered.")

    server_ms = _milliseconds(received_at, since=presentation.first_served_at)
    reading_ms = reading_ms if reading_ms is not None and 0 <= reading_ms <= LONGEST_MS else None
    hidden_ms, paused_ms = (min(max(time, 0), LONGEST_MS) for time in (hidden_ms, paused_ms))
    answer = Answer.objects.create(
        session=session,
        trial=presentation.trial,
        value=value,
        idempotency_key=idempotency_key,
        reading_ms=reading_ms,
        hidden_ms=hidden_ms,
        paused_ms=paused_ms,
        server_ms=server_ms,
        flags=timing_flags(
            reading_ms=reading_ms,
            hidden_ms=hidden_ms,
            server_ms=server_ms,
            times_served=presentation.times_served,
            paused_ms=paused_ms,
            after_break=presentation.after_break,
        ),
        answered_at=received_at,
    )
    following = session.presentations.filter(trial__position=presentation.trial.position + 1).first()
    is_last = False
    if stop and following is not None:
        _stop_before(following)
    else:
        is_last = not _make_current(session, position=presentation.trial.position + 1)
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


def _require_newest(session: ReadingSession, attendance: str) -> None:
    newest = session.attendances.order_by("-pk").values_list("token", flat=True).first()
    if newest is not None and attendance != newest:
        raise ReadsElsewhere("You have opened this study in another tab or on another device: reading goes on there.")


def _make_current(session: ReadingSession, *, position: int) -> bool:
    """Make the trial at `position` current, and the one after it ready to be fetched ahead. False at the end."""
    trials = {trial.position: trial for trial in session.study.trials.filter(position__in=(position, position + 1))}
    if position not in trials:
        return False
    presentation, _ = Presentation.objects.get_or_create(session=session, trial=trials[position])
    presentation.became_current_at = timezone.now()
    if presentation.sent_ahead_at is not None and not presentation.after_break:
        _note_showing(presentation, at=presentation.became_current_at)
    presentation.save()
    if position + 1 in trials:
        Presentation.objects.create(session=session, trial=trials[position + 1])
    return True


def _stop_before(presentation: Presentation) -> None:
    """The image waits for `resume_reading`, under a new token: what was fetched ahead is not what will be answered."""
    presentation.after_break = presentation.sent_ahead_at is not None
    presentation.token = new_presentation_token()
    presentation.save()


def _load_pixels(trial: Trial, *, image_size: int) -> bytes:
    """What the opening of the study stored, and nothing else: an answer about a damaged image is worth nothing."""
    try:
        return stimuli.load_stimulus(trial.stimulus_file, image_size=image_size, sha256=trial.stimulus_sha256)
    except OSError as error:
        logger.error("Study %s, position %d: %s", trial.study_id, trial.position, error)
        raise ImageDamaged(
            "Its file is missing or damaged on the server. Please tell whoever invited you; your place is kept."
        ) from error


def _note_showing(presentation: Presentation, *, at: datetime) -> None:
    presentation.first_served_at = presentation.first_served_at or at
    presentation.last_served_at = at
    presentation.times_served += 1


def _stored(session: ReadingSession, answered: Presentation) -> Stored:
    position = answered.trial.position
    following = session.presentations.select_related("trial").filter(trial__position=position + 1).first()
    if following is None:
        return Stored(position=position, next=None)
    if following.became_current_at is None:
        return Stored(position=position, next=None, is_stopped=True)
    return Stored(position=position, next=describe_presentation(session, following))


def _milliseconds(until: datetime, *, since: datetime) -> int:
    """Never negative: the wall clock may have been set back in between."""
    return min(max(round((until - since).total_seconds() * 1000), 0), LONGEST_MS)
