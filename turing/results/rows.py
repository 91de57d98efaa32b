"""Answers joined with truth, one row each: what every table, picture and file of the results is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from turing.errors import StudyError
from turing.models import Answer, Origin, Response, Study
from turing.scales import right_response


@dataclass(frozen=True)
class AnswerRow:
    """One answer with everything an analysis needs.

    `truth` is the right answer: what the image is, or of a pair the side of the image that was asked for. `picture` is
    the same for a trial and its hidden repeat. `is_later` marks the later one of two answers of a reader to one
    picture, whichever of the two trials it is about: orders may be drawn per reader.
    """

    reader: str
    is_simulated: bool
    group: str
    years_experience: float | None
    grade: str
    phase: int
    block: int
    is_practice: bool
    is_later: bool
    position: int  # of the trial, in the order of the study
    reader_position: int  # in the order of this reader, from 1
    picture: int
    pixel_sha256: str  # of a pair, of the left image
    right_sha256: str  # of the right image of a pair; else empty
    origin: str  # what the image, or the left one of a pair, is
    truth: str
    label: str
    right_label: str
    answer: str
    rating: int | None
    marks: tuple[dict[str, float], ...]
    comment: str
    reading_ms: int | None
    server_ms: int
    hidden_ms: int
    paused_ms: int
    flags: tuple[str, ...]
    answered_at: datetime

    @property
    def is_given(self) -> bool:
        """False: the time limit was over before there was an answer."""
        return self.answer != Response.NONE

    @property
    def is_correct(self) -> bool | None:
        return self.answer == self.truth if self.is_given else None

    @property
    def counts(self) -> bool:
        """Part of the analysis: no practice, and of two answers to one picture the earlier."""
        return not self.is_practice and not self.is_later

    @property
    def seconds(self) -> float | None:
        return None if self.reading_ms is None else self.reading_ms / 1000

    @property
    def chosen_origin(self) -> str:
        """What the image that was chosen of a pair is."""
        return self.origin if self.answer == Response.LEFT else other_origin(self.origin)


def answer_rows(study: Study) -> list[AnswerRow]:
    """All answers, by reader, in the order they were given. Raises StudyError unless the study is closed."""
    if study.status != Study.Status.CLOSED:
        raise StudyError(f"“{study}” is not closed: its answers are shown once it is, so that nobody is influenced.")
    answers = (
        Answer.objects.filter(session__study=study)
        .select_related("session", "trial__truth__image", "trial__truth__right_image")
        .order_by("session__created_at", "session__reader_code", "position")
    )
    return _with_later(_row(study, answer) for answer in answers)


def other_origin(origin: str) -> str:
    return Origin.SYNTHETIC.value if origin == Origin.REAL else Origin.REAL.value


def _row(study: Study, answer: Answer) -> AnswerRow:
    session, trial, truth = answer.session, answer.trial, answer.trial.truth
    return AnswerRow(
        reader=session.reader_code,
        is_simulated=session.is_simulated,
        group=session.reader_group,
        years_experience=session.years_experience,
        grade=session.grade,
        phase=trial.phase,
        block=trial.block,
        is_practice=trial.is_practice,
        is_later=False,
        position=trial.position,
        reader_position=answer.position,
        picture=truth.repeat_of_id or trial.pk,
        pixel_sha256=truth.image.pixel_sha256,
        right_sha256=truth.right_image.pixel_sha256 if truth.right_image else "",
        origin=truth.origin,
        truth=str(right_response(study.scale, origin=truth.origin, positive_class=study.positive_class)),
        label=truth.label,
        right_label=truth.right_label,
        answer=answer.value,
        rating=answer.rating,
        marks=tuple(answer.marks),
        comment=answer.comment,
        reading_ms=answer.reading_ms,
        server_ms=answer.server_ms,
        hidden_ms=answer.hidden_ms,
        paused_ms=answer.paused_ms,
        flags=tuple(answer.flags),
        answered_at=answer.answered_at,
    )


def _with_later(rows: Iterable[AnswerRow]) -> list[AnswerRow]:
    """Rows come in the order of each reader; those about a picture the reader has answered before are marked."""
    seen: set[tuple[str, int]] = set()
    marked = []
    for row in rows:
        key = (row.reader, row.picture)
        marked.append(replace(row, is_later=True) if key in seen else row)
        seen.add(key)
    return marked
