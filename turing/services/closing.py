"""Closing ends the reading of a study. It cannot be undone."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from config.accounts.models import User
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models import Answer, ReadingSession, Response, Study
from turing.scales import right_response
from turing.services.studies import lock_study


@transaction.atomic
def close_study(*, study: Study, by: User | None) -> Study:
    """End the reading: no more answers, results can be seen; readers who finished get their score, when the study shows
    one. Raises StudyError unless the study is open.
    """
    locked = lock_study(study.pk)
    if locked.status != Study.Status.OPEN:
        raise StudyError(f"“{study}” cannot be closed: it is {locked.get_status_display().lower()}, not open.")
    # wait for answers that are being stored, and let none in after this (see turing.reading.services)
    sessions = list(locked.sessions.select_for_update().order_by("pk"))
    locked.status = Study.Status.CLOSED
    locked.closed_at = timezone.now()
    locked.closed_by = by
    locked.save(update_fields=["status", "closed_at", "closed_by"])
    finished = [session for session in sessions if session.finished_at is not None]
    scored = _score(locked, finished) if locked.shows_score else []
    record_event(action="study.closed", about=locked, by=by, written=[locked, *scored])
    study.refresh_from_db()
    return study


def _score(study: Study, sessions: list[ReadingSession]) -> list[ReadingSession]:
    """The sessions, with their right answers and how many were counted.

    As in the results: of a picture that was shown twice the answer given first counts; practice does not count, nor
    does an image without an answer in time.
    """
    # by session and trial of the picture; None: no answer in time
    by_session: dict[UUID, dict[int, bool | None]] = {session.pk: {} for session in sessions}
    answers = (
        Answer.objects.filter(session__in=sessions, trial__is_practice=False)
        .select_related("trial__truth")
        .order_by("session", "position")
    )
    for answer in answers:
        truth = answer.trial.truth
        right = right_response(study.scale, origin=truth.origin, positive_class=study.positive_class)
        is_right = None if answer.value == Response.NONE else answer.value == right
        # readers who have an order of their own may have met the repeat before what it repeats
        by_session[answer.session_id].setdefault(truth.repeat_of_id or truth.trial_id, is_right)
    for session in sessions:
        counted = [is_right for is_right in by_session[session.pk].values() if is_right is not None]
        session.n_correct, session.n_scored = counted.count(True), len(counted)
    ReadingSession.objects.bulk_update(sessions, ["n_correct", "n_scored"])
    return sessions
