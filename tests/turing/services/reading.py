"""A reader who knows the truth, for tests of what follows from answers."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from tests.turing.builders import answer_next
from turing.models import Response, Scale
from turing.reading.selectors import current_presentation
from turing.reading.services import end_interlude, resume_reading, start_phase
from turing.scales import response_of, responses_of, right_response

RATINGS = {Scale.CONFIDENCE: (1, 6), Scale.PERCENT: (0, 100)}


def read_by_truth(session, answers: Iterable[bool | None]) -> None:
    """Answer rightly (True), wrongly (False), or let the time run out (None), in the order of the session."""
    study = session.study
    for is_right in answers:
        if current_presentation(session) is None:
            start_phase(session=session)
            end_interlude(session=session)
            resume_reading(session=session)
        truth = current_presentation(session).trial.truth
        right = right_response(study.scale, origin=truth.origin, positive_class=study.positive_class)
        if is_right is None:
            late = timezone.now() + timedelta(milliseconds=study.time_limit_ms, minutes=1)
            answer_next(session, Response.NONE, received_at=late)
            continue
        value = right if is_right else next(one for one in responses_of(study.scale) if one != right)
        if study.scale in RATINGS:
            rating = next(one for one in RATINGS[study.scale] if response_of(study.scale, one) == value)
            answer_next(session, "", rating=rating)
        else:
            answer_next(session, value)
