"""The locked order. A reader has exactly one current image; an answer is stored, once, before the next one is current.

The pixels of the image after it, and of no other, can be fetched ahead under a token of their own, so that the next
image is on the screen as soon as an answer is stored. It can be neither answered nor timed before that moment; the
image after it does not exist yet.

Between some images the reading rests (see turing.reading.course): then none is current and none can be fetched, until
the reader goes on.

A page that loads attends the session. Only the page that did so last is served and may answer.

Every verb locks the row of the session: two tabs and a replayed request follow one another. Closing a study locks all
its sessions, so no answer is stored after a closing was confirmed. (SQLite: transactions are IMMEDIATE and follow one
another anyway.)
"""

import logging
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from config.prepared import insert_row, update_row
from turing import stimuli
from turing.audit.services import record_event
from turing.grouping import group_of
from turing.models.reading import Attendance, Presentation, ReadingSession
from turing.models.studies import Study, Trial
from turing.reading.course import Interlude, waiting_interlude
from turing.reading.errors import ImageDamaged, InvalidDeclaration, NotAvailableYet, UnknownImage
from turing.reading.recording import Stored, record_answer
from turing.reading.selectors import current_presentation
from turing.reading.steps import (
    SHOWING,
    find_presentation,
    lock_presentation,
    lock_session,
    make_current,
    note_showing,
    require_newest,
    require_open,
    require_readable,
    require_same_page,
)

__all__ = [
    "Screen",
    "Stored",
    "attend",
    "end_interlude",
    "record_answer",
    "require_readable",
    "resume_reading",
    "serve_stimulus",
    "start_phase",
    "start_reading",
]

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


@transaction.atomic
def start_reading(
    *, session: ReadingSession, consents: bool = False, years_experience: float | None = None, grade: str = ""
) -> ReadingSession:
    """The reader has read the instructions: makes the first image current. Starting again changes nothing.

    `consents`: to the study's text, when it has one. `years_experience`, `grade`: as declared; what the study groups
    its readers by must be there, and the group is fixed with it.

    Raises StudyClosed, NotAvailableYet (washout), InvalidDeclaration (no consent, nothing declared).
    """
    session = lock_session(session)
    study = session.study
    if session.instructions_read_at is not None:
        return session
    require_open(study)
    if not session.is_available:
        raise NotAvailableYet("This second session starts some time after your first one. Please come back later.")
    if study.consent and not consents:
        raise InvalidDeclaration("Please agree to the text above to take part, or leave this page if you do not.")
    now = timezone.now()
    try:
        session.reader_group = group_of(study.group_by, study.groups, years=years_experience, grade=grade)
    except ValueError as error:
        raise InvalidDeclaration(str(error)) from error
    if study.group_by:
        session.years_experience, session.grade = years_experience, grade
    session.consented_at = now if study.consent else None
    session.instructions_read_at = now
    session.save()
    make_current(session, study, position=1)
    record_event(action="session.started", about=session, by=session.reader_id, written=[session])
    return session


@transaction.atomic
def start_phase(*, session: ReadingSession) -> None:
    """The reader has read the instructions of the phase that comes next. Nothing to do for one who is elsewhere.

    Raises StudyClosed, NotStarted.
    """
    session = lock_session(session)
    study = session.study
    require_readable(session=session)
    if current_presentation(session) is not None:
        return
    kind, after = waiting_interlude(session, study, session.answers.count())
    if kind == Interlude.PHASE and after is not None and session.phase_read < after.phase:
        session.phase_read = after.phase
        session.save(update_fields=["phase_read"])
        record_event(action="session.phase_started", about=session, by=session.reader_id, written=[session])


@transaction.atomic
def attend(*, session: ReadingSession, screen: Screen | None = None) -> Attendance:
    """A page goes on with the reading, and every page before it is refused from now on.

    Raises StudyClosed, NotStarted.
    """
    resume_reading(session=session)
    return insert_row(Attendance(session=session, **asdict(screen or Screen())))


@transaction.atomic(savepoint=False)
def resume_reading(*, session: ReadingSession) -> None:
    """Make the image current that waits for a reader who stopped, or for one who has read the instructions of its
    phase. Nothing to do for one who did not stop, or rests in any other interlude.

    Raises StudyClosed, NotStarted.
    """
    session = lock_session(session)
    require_readable(session=session)
    waiting = current_presentation(session)
    if waiting is not None and waiting.became_current_at is not None:
        return
    answered = session.answers.count()
    kind, after = waiting_interlude(session, session.study, answered)
    is_read = kind == Interlude.PHASE and after is not None and session.phase_read >= after.phase
    if kind is None or is_read:
        make_current(session, session.study, position=answered + 1)


@transaction.atomic
def end_interlude(*, session: ReadingSession, attendance: str = "") -> None:
    """The reader goes on after a break or the practice. Nothing to do for one who is at an image already.

    Raises StudyClosed, NotStarted, ReadsElsewhere.
    """
    session = lock_session(session)
    require_readable(session=session)
    require_newest(session, attendance)
    if current_presentation(session) is not None:
        return
    answered = session.answers.count()
    kind, _ = waiting_interlude(session, session.study, answered)
    if kind in (Interlude.BREAK, Interlude.PRACTICE_OVER):  # a phase begins with its instructions
        make_current(session, session.study, position=answered + 1)


def serve_stimulus(*, session: ReadingSession, token: str, attendance: str = "") -> bytes:
    """The pixels of the current image or of the one after it, noting on the server's clock that they were sent. Of a
    pair those of the left image, then those of the right.

    `attendance`: token of the page that asks, as `attend` gave it; a session that no page attends needs none.

    Raises StudyClosed, NotStarted, UnknownImage (any other token), ReadsElsewhere, ImageDamaged.
    """
    presentation = find_presentation(session, token)
    if presentation is None:
        require_readable(session=ReadingSession.objects.select_related("study").get(pk=session.pk))
        raise UnknownImage
    require_readable(session=presentation.session)
    # the file first: an image that could not be read was not shown; and before the lock, which others wait for
    pixels = _load_pixels(presentation.trial, presentation.session.study)
    _note_sent(presentation, attendance)
    return pixels


@transaction.atomic
def _note_sent(found: Presentation, attendance: str) -> None:
    locked = lock_presentation(found)
    if locked is None or locked.is_answered:
        raise UnknownImage
    require_readable(session=found.session)
    require_same_page(locked.newest_page, attendance)
    presentation, now = locked.presentation, timezone.now()
    if presentation.became_current_at is not None:
        note_showing(presentation, at=now)
        update_row(presentation, SHOWING)
    elif presentation.sent_ahead_at is None:
        presentation.sent_ahead_at = now
        update_row(presentation, ("sent_ahead_at",))


def _load_pixels(trial: Trial, study: Study) -> bytes:
    """What the opening of the study stored, and nothing else: an answer about a damaged image is worth nothing."""
    try:
        return stimuli.load_trial(trial, image_size=study.image_size, bit_depth=study.bit_depth)
    except OSError as error:
        logger.error("Study %s, position %d: %s", trial.study_id, trial.position, error)
        raise ImageDamaged(
            "Its file is missing or damaged on the server. Please tell whoever invited you; your place is kept."
        ) from error
