"""Where a reader is on the way through a study: which trials follow, in which part, and what lies between two of them.

Reads the order that is stored with the session. Between some trials the reading rests until the reader goes on: after
the practice, before a phase with instructions of its own, at a break.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import PositiveIntegerField, Q, QuerySet, UUIDField

from config.prepared import Parameter, Prepared
from turing.models.reading import ReadingSession
from turing.models.studies import Study, Trial


class Interlude(StrEnum):
    BREAK = "break"
    PRACTICE_OVER = "practice-over"
    PHASE = "phase"


class Section(StrEnum):
    """What a reader's count of images belongs to."""

    PRACTICE = "practice"
    STUDY = "study"


@dataclass(frozen=True)
class Place:
    """A trial as a reader meets it."""

    section: Section
    position: int  # from 1, in its section
    total: int | None  # in its section; None when the study does not tell


def trials_at(session: ReadingSession, place: int, *, and_next: bool = False) -> dict[int, Trial]:
    """The trial at a place in the order of the session, from 1, and if wanted the one after it; by place. Places that
    the order does not have are left out. One query.
    """
    places = (place, place + 1) if and_next else (place,)
    names = {session.trial_order[place - 1]: place for place in places if 1 <= place <= len(session.trial_order)}
    if not names:
        return {}
    trials = _two_trials(study=session.study_id, first=min(names), second=max(names))
    return {names[trial.position]: trial for trial in trials}


@Prepared
def _two_trials() -> QuerySet[Trial]:
    first, second = (Q(position=Parameter(name, PositiveIntegerField())) for name in ("first", "second"))
    return Trial.objects.filter(first | second, study=Parameter("study", UUIDField()))


def place_of(session: ReadingSession, study: Study, position: int) -> Place:
    if position <= study.n_practice:
        total = study.n_practice
        return Place(Section.PRACTICE, position, total if study.shows_total else None)
    total = len(session.trial_order) - study.n_practice
    return Place(Section.STUDY, position - study.n_practice, total if study.shows_total else None)


def interlude_between(study: Study, before: Trial, after: Trial | None, *, position: int) -> Interlude | None:
    """What lies between the trial at `position` of a session, and the one after it; None: nothing."""
    if after is None:
        return None
    if before.phase != after.phase:
        return Interlude.PHASE
    if before.is_practice != after.is_practice:
        return Interlude.PRACTICE_OVER
    counted = position - study.n_practice
    if study.break_every and counted > 0 and counted % study.break_every == 0:
        return Interlude.BREAK
    return None


def waiting_interlude(session: ReadingSession, study: Study, answered: int) -> tuple[Interlude | None, Trial | None]:
    """What a reader with `answered` answers, who is at no image, rests in, and the trial that comes next."""
    trials = trials_at(session, answered, and_next=True)
    after = trials.get(answered + 1)
    if answered == 0 or after is None:
        return None, after
    return interlude_between(study, trials[answered], after, position=answered), after
