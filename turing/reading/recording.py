"""Stores a final answer and goes on to the next image: once, whatever is repeated, replayed or sent at once."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.prepared import insert_row
from turing.audit.records import describe_row
from turing.audit.services import record_event
from turing.models.reading import Answer, Presentation, ReadingSession, new_presentation_token
from turing.models.studies import Study, Trial
from turing.protocol import document_sha256
from turing.reading.answers import Given, check_answer
from turing.reading.course import Interlude, interlude_between, trials_at
from turing.reading.errors import (
    AnsweredAlready,
    NotCurrent,
    NotShown,
    ReadingRefused,
    UnknownImage,
)
from turing.reading.selectors import Current, Rest, describe_current, describe_rest, feedback_on
from turing.reading.steps import (
    Locked,
    find_presentation,
    lock_presentation,
    presentation_at,
    require_readable,
    require_same_page,
    show,
)
from turing.timing import LONGEST_MS, timing_flags


@dataclass(frozen=True)
class Stored:
    """A stored answer and what comes next. The same for the first request and for every repetition of it."""

    position: int  # in the order of the session
    next: Current | Rest | None  # None: that was the last image, or the reader stopped
    is_stopped: bool = False
    value: str = ""  # what the answer says
    feedback: str | None = field(default=None, repr=False)  # of a practice image, when the study tells what it was


def record_answer(
    *,
    session: ReadingSession,
    token: str,
    idempotency_key: UUID,
    value: str = "",
    rating: int | None = None,
    marks: Any = (),
    comment: str = "",
    reading_ms: int | None,
    hidden_ms: int = 0,
    paused_ms: int = 0,
    stop: bool = False,
    attendance: str = "",
    received_at: datetime | None = None,
    through_api: bool = False,
) -> Stored:
    """Store the final answer about the current image, then make the next one current; its clock starts here when its
    pixels were sent ahead, and when they are sent else.

    `value`, or `rating` on a graded scale; `marks` and `comment` where the study asks for them: see
    `turing.reading.answers`. A request with a known `idempotency_key` and the same content gets the stored result
    again, also after the study was closed. `stop`: the reader stops here; the next image becomes current when reading
    is resumed, so that its clock does not run during the break. `received_at`: when the request came in, before any
    waiting for the lock. `through_api`: a program sent it, which has no reading time.

    Raises AnsweredAlready, UnknownImage, NotCurrent (the one that may be fetched ahead), NotShown (its pixels were
    never fetched), ReadsElsewhere (a newer page attends), StudyClosed, NotStarted, InvalidAnswer.
    """
    received_at = received_at or timezone.now()
    # what cannot change any more is read before the lock, which others wait for
    found = find_presentation(session, token)
    if found is not None:
        session = found.session
        trials = trials_at(session, found.position + 1, and_next=True)
    else:
        session, trials = ReadingSession.objects.select_related("study").get(pk=session.pk), {}
    given = check_answer(session.study, value=value, rating=rating, marks=marks, comment=comment)
    times = _Times(None if through_api else reading_ms, hidden_ms, paused_ms, received_at, through_api)
    with transaction.atomic():
        locked = None if found is None else lock_presentation(found)
        presentation = None if locked is None else locked.presentation
        try:
            # the constraints of the table find what was stored before, so that a first request need not ask
            with transaction.atomic():
                answer = _store(session, locked, given, idempotency_key, times, attendance)
        except (ReadingRefused, IntegrityError):
            for same_key in session.answers.filter(idempotency_key=idempotency_key):
                if presentation is None or same_key.trial_id != presentation.trial_id or not given.is_that_of(same_key):
                    raise AnsweredAlready(
                        "This request was used for another answer already. Answers are final."
                    ) from None
                return _stored_before(session, presentation, same_key, stop=stop)
            raise
        presentation = cast(Presentation, presentation)  # without one nothing is stored
        stored = _go_on(session, presentation, answer, trials, stop=stop)
        _record(session, presentation, answer)
        return stored


def _record(session: ReadingSession, answered: Presentation, answer: Answer) -> None:
    """In the audit chain; last, because what is recorded waits for others who record (see turing.audit.services)."""
    is_last = answered.position == len(session.trial_order)
    finished = _finish(session, at=answer.answered_at) if is_last else []
    record_event(
        action="answer.stored",
        about=answer,
        by=session.reader_id,
        written=[answer, answered],  # nothing touches the presentation any more
        details={"answer_sha256": document_sha256(describe_row(answer).columns)},
    )
    if is_last:
        record_event(action="session.finished", about=session, by=session.reader_id, written=finished)


@dataclass(frozen=True)
class _Times:
    """As a page sent them."""

    reading_ms: int | None
    hidden_ms: int
    paused_ms: int
    received_at: datetime  # on the server's clock
    through_api: bool


def _store(
    session: ReadingSession, locked: Locked | None, given: Given, key: UUID, times: _Times, attendance: str
) -> Answer:
    study = session.study
    require_readable(session=session)
    if locked is None:
        raise UnknownImage
    presentation = locked.presentation
    require_same_page(locked.newest_page, attendance)
    if locked.is_answered:
        raise AnsweredAlready("This image was answered already, perhaps in another tab. Answers are final.")
    if presentation.became_current_at is None:
        raise NotCurrent("This image is not current yet: the one before it has to be answered first.")
    if presentation.first_served_at is None:
        raise NotShown("This image was not shown yet, so it cannot be answered.")
    server_ms = _milliseconds(times.received_at, since=presentation.first_served_at)
    given.require_time_was_up(study, server_ms=server_ms)
    reading_ms = times.reading_ms if times.reading_ms is not None and 0 <= times.reading_ms <= LONGEST_MS else None
    hidden_ms, paused_ms = (min(max(time, 0), LONGEST_MS) for time in (times.hidden_ms, times.paused_ms))
    answer = Answer(
        session=session,
        trial=presentation.trial,
        position=presentation.position,
        **asdict(given),
        idempotency_key=key,
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
            time_limit_ms=study.time_limit_ms,
            through_api=times.through_api,
        ),
        answered_at=times.received_at,
    )
    return insert_row(answer)


def _go_on(
    session: ReadingSession, answered: Presentation, answer: Answer, trials: dict[int, Trial], *, stop: bool
) -> Stored:
    """Make the image after `answered` current, unless the reader stops or something lies between the two. `trials`: the
    next two, by position.
    """
    position, study = answered.position, session.study
    after = trials.get(position + 1)
    rest = interlude_between(study, answered.trial, after, position=position)
    current = None
    if after is not None and rest is None:
        following = presentation_at.first(session=session.pk, position=position + 1)
        if not stop:
            current = show(session, study, trials, position=position + 1, existing=following)
        elif following is not None:
            _stop_before(following)
    return _stored(session, study, answered, answer, rest=rest, current=current, stop=stop and after is not None)


def _stored_before(session: ReadingSession, answered: Presentation, answer: Answer, *, stop: bool) -> Stored:
    """What `_go_on` said when the answer came for the first time."""
    study = session.study
    position = answered.position
    trials = trials_at(session, position + 1)
    after = trials.get(position + 1)
    rest = interlude_between(study, answered.trial, after, position=position)
    current = None
    if after is not None and rest is None:
        shown = {
            presentation.position: presentation
            for presentation in session.presentations.select_related("trial").filter(
                position__in=(position + 1, position + 2)
            )
        }
        following = shown.get(position + 1)
        if following is not None and following.became_current_at is not None:
            current = describe_current(session, study, following, after, shown.get(position + 2))
        else:
            stop = True
    return _stored(session, study, answered, answer, rest=rest, current=current, stop=stop and after is not None)


def _stored(
    session: ReadingSession,
    study: Study,
    answered: Presentation,
    answer: Answer,
    *,
    rest: Interlude | None,
    current: Current | None,
    stop: bool,
) -> Stored:
    coming: Current | Rest | None = current
    if rest is not None and not stop:
        coming = describe_rest(session, study, rest, answered=answered.position)
    return Stored(
        position=answered.position,
        next=coming,
        is_stopped=stop and current is None,
        value=answer.value,
        feedback=feedback_on(answered.trial),
    )


def _stop_before(presentation: Presentation) -> None:
    """The image waits for `resume_reading`, under a new token: what was fetched ahead is not what will be answered."""
    presentation.after_break = presentation.sent_ahead_at is not None
    presentation.token = new_presentation_token()
    presentation.save()


def _finish(session: ReadingSession, *, at: datetime) -> list[ReadingSession]:
    """The last answer was given. Second sessions that wait for this one get their date. All that was written."""
    session = ReadingSession.objects.select_related("study").get(pk=session.pk)  # all of it goes into the chain
    session.finished_at = at
    session.save(update_fields=["finished_at"])
    followers = list(
        ReadingSession.objects.select_for_update(of=("self",))
        .select_related("study")
        .filter(study__follows=session.study_id, reader_code=session.reader_code, available_from=None)
        .order_by("pk")
    )
    for follower in followers:
        follower.available_from = at + timedelta(days=follower.study.washout_days)
        follower.save(update_fields=["available_from"])
    return [session, *followers]


def _milliseconds(until: datetime, *, since: datetime) -> int:
    """Never negative: the wall clock may have been set back in between."""
    return min(max(round((until - since).total_seconds() * 1000), 0), LONGEST_MS)
