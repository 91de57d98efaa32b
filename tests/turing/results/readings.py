"""Readings of studies with any protocol, straight into the tables: what is said matters here, not how it came."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone

from tests.factories import UserFactory
from turing.models import Answer, ReadingSession, Study, Trial
from turing.scales import RANGES, response_of
from turing.services import enrol_reader

Say = Callable[[Trial, int], Any]


def read(study: Study, say: Say, *, session: ReadingSession | None = None, **changes: Any) -> ReadingSession:
    """A reader who answers the trials in the order of the session.

    `say(trial, times)` gives the value, or on a graded scale the rating, or a dictionary of fields of Answer; `times`
    counts the showings of the picture, from 1. None stops. `changes`: fields of the session, such as the group.
    """
    session = session or enrol_reader(study=study, user=UserFactory())
    trials = {trial.position: trial for trial in study.trials.select_related("truth")}
    shown: dict[int, int] = {}
    answers = []
    for place, position in enumerate(session.trial_order, start=1):
        trial = trials[position]
        picture = trial.truth.repeat_of_id or trial.pk
        shown[picture] = shown.get(picture, 0) + 1
        said = say(trial, shown[picture])
        if said is None:
            break
        answers.append(_answer(study, session, trial, place, said))
    Answer.objects.bulk_create(answers)
    for name, value in changes.items():
        setattr(session, name, value)
    session.finished_at = timezone.now() if len(answers) == len(trials) else None
    session.save()
    return session


def _answer(study: Study, session: ReadingSession, trial: Trial, place: int, said: Any) -> Answer:
    fields = said if isinstance(said, dict) else {"rating" if isinstance(said, int) else "value": said}
    if study.scale in RANGES and fields.get("rating") is not None:
        fields = {**fields, "value": response_of(study.scale, fields["rating"])}
    return Answer(
        **{"reading_ms": 2000, "server_ms": 2100, **fields},
        session=session,
        trial=trial,
        position=place,
        idempotency_key=uuid.uuid4(),
        answered_at=timezone.now(),
    )


def truthful(trial: Trial, times: int) -> str:
    return trial.truth.origin


def in_turn(values: Iterable[Any]) -> Say:
    """Answers as they come, in the order of the session."""
    coming = iter(values)
    return lambda trial, times: next(coming)
