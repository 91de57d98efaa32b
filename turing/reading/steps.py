"""What the verbs of a reader share: the lock, the checks, and the step to the next image. Inside their transactions."""

from datetime import datetime

from django.utils import timezone

from turing.models.reading import Presentation, ReadingSession
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
    locked = ReadingSession.objects.select_for_update().filter(pk=session.pk, reader=session.reader_id).first()
    if locked is None:
        raise UnknownImage("This image is not there, or not any more.")
    locked.study = Study.objects.defer(*LONG_FIELDS).get(pk=locked.study_id)
    return locked


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
    if newest is not None and attendance != newest:
        raise ReadsElsewhere("You have opened this study in another tab or on another device: reading goes on there.")


def make_current(session: ReadingSession, study: Study, *, position: int) -> None:
    """Make the image at `position` current, and the one after it ready to be fetched ahead. Nothing at the end."""
    trials = trials_at(session, study, (position, position + 1))
    if position in trials:
        existing = session.presentations.filter(position=position).first()
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
    presentation.save()
    after = trials.get(position + 1)
    following = None
    if after is not None and interlude_between(study, trials[position], after, position=position) is None:
        following = Presentation.objects.create(session=session, trial=after, position=position + 1)
    return describe_current(session, study, presentation, trials[position], following)


def note_showing(presentation: Presentation, *, at: datetime) -> None:
    presentation.first_served_at = presentation.first_served_at or at
    presentation.last_served_at = at
    presentation.times_served += 1
