"""Simulated readers for example studies, so that results can be looked at before anybody has read anything.

Model (signal detection with random readers and images). For reader r and image i with truth s = +1/2 (synthetic) or
-1/2 (real), the evidence for "synthetic" is::

    x = skill_r * s + image_i + eye_ri + noise
    skill_r ~ N(0.7, 0.3), image_i ~ N(0, 0.5), eye_ri ~ N(0, 0.8), noise ~ N(0, 0.6)

`eye_ri` is how this reader sees this image whenever it is shown: with `image_i` it makes two readings of one image
correlate. Skill grows by 0.02 with each declared year, and by 0.2 with each later phase. Against a bias_r ~ N(0, 0.25)
the evidence becomes an answer: "synthetic" above it; one of six steps by cuts around it; 0 to 100 by a logistic curve;
of a pair the image with more evidence for what is asked, with a leaning to one side of bias_r. Some synthetic answers
get a mark near a spot of the image, some a remark. The reading time is log-normal around the reader's pace (median 4 to
11 s) and longer for evidence near the criterion; one over the time limit of the study leaves no answer.

Everything is drawn from one seed, and for the second session of the same readers from the same seed once more: skill,
image and eye are those of the first. These numbers are made up to look plausible; nothing about people or images
follows from them.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from turing.audit.services import Event, record_events
from turing.errors import StudyError
from turing.grouping import group_of
from turing.models import Answer, Grade, GroupBy, MarkKind, Origin, ReadingSession, Response, Scale, Study, Trial
from turing.reading.enrolment import enrol_reader
from turing.scales import response_of
from turing.timing import timing_flags

NETWORK_MS = (40, 160)  # what the server's clock sees on top of the reading time
MEAN_SKILL, IMAGE_SD, EYE_SD, NOISE_SD = 0.7, 0.5, 0.8, 0.6
SKILL_OF_A_YEAR, SKILL_OF_A_PHASE = 0.02, 0.2
CUTS = np.array([-1.2, -0.5, 0.0, 0.5, 1.2])  # of six steps, around the bias
SHARE_MARKED, SHARE_COMMENTED = 0.6, 0.25  # of the answers "synthetic"
REMARKS = (
    "ribs do not meet",
    "texture too smooth",
    "odd border of the heart",
    "vessels end in nowhere",
    "blurred edge",
)
# streams of random numbers that do not depend on one another
_IMAGES, _READERS, _EYES, _SESSIONS = range(4)


@dataclass(frozen=True)
class _Person:
    """What stays the same from one session to the next."""

    number: int  # from 1
    skill: float
    bias: float
    pace: float  # log seconds
    years: float


@transaction.atomic
def simulate_readers(*, study: Study, n_readers: int = 6, seed: int) -> list[ReadingSession]:
    """`n_readers` simulated readers answer every image of an example study; it is closed by `close_study` afterwards.

    In the second session of an example study its readers are those of the first, however many there were.

    Raises StudyError for a study that is not an open example study, or has been read already.
    """
    if not study.is_example:
        raise StudyError(f"“{study}” is not an example study: answers are simulated for example studies only.")
    sessions = list(study.sessions.order_by("reader_code"))
    if (study.follows_id is None and sessions) or Answer.objects.filter(session__study=study).exists():
        raise StudyError(f"“{study}” has readers already.")
    if n_readers < 1:
        raise StudyError(f"Number of simulated readers {n_readers} is out of range: at least 1 is needed.")
    if not sessions:
        first = study.follows.sessions.order_by("reader_code") if study.follows else ()
        codes = [session.reader_code for session in first] or [""] * n_readers
        sessions = [enrol_reader(study=study, user=None, is_simulated=True, reader_code=code) for code in codes]
    trials = {
        trial.position: trial
        for trial in study.trials.select_related("truth__image", "truth__right_image").order_by("position")
    }
    for number, session in enumerate(sessions, start=1):
        _Reading(study, session, _person(seed, number), seed).store(trials)
    return sessions


def _person(seed: int, number: int) -> _Person:
    generator = _generator(seed, _READERS, number)
    years = float(generator.integers(0, 25))
    return _Person(
        number=number,
        skill=generator.normal(MEAN_SKILL, 0.3) + SKILL_OF_A_YEAR * (years - 8),
        bias=generator.normal(0, 0.25),
        pace=generator.uniform(np.log(4), np.log(11)),
        years=years,
    )


def _generator(*numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(list(numbers)))


class _Reading:
    """One session of one reader."""

    def __init__(self, study: Study, session: ReadingSession, person: _Person, seed: int) -> None:
        self.study, self.session, self.person, self.seed = study, session, person, seed
        self.random = _generator(seed, _SESSIONS, person.number, int(study.follows_id is not None))

    def store(self, trials: dict[int, Trial]) -> None:
        # when the row was really made: an invented moment would lie before the opening or after the closing
        now = timezone.now()
        answers = [
            self._answer(trials[position], place, now)
            for place, position in enumerate(self.session.trial_order, start=1)
        ]
        Answer.objects.bulk_create(answers)
        self._declare()
        self.session.instructions_read_at = self.session.finished_at = now
        self.session.phase_read = max(trial.phase for trial in trials.values())
        if self.study.consent:
            self.session.consented_at = now
        self.session.save()
        record_events(
            [
                Event(action="session.simulated", about=self.session, actor=None, written=[self.session]),
                *(Event(action="answer.simulated", about=answer, actor=None, written=[answer]) for answer in answers),
            ]
        )

    def _declare(self) -> None:
        years = self.person.years
        grade = Grade.RESIDENT if years < 5 else Grade.RADIOLOGIST
        if self.study.group_by == GroupBy.YEARS:
            self.session.years_experience = years
        elif self.study.group_by == GroupBy.GRADE:
            self.session.grade = grade
        self.session.reader_group = group_of(self.study.group_by, self.study.groups, years=years, grade=grade)

    def _answer(self, trial: Trial, place: int, now: Any) -> Answer:
        evidence = self._evidence(trial)
        value, rating = self._response(evidence)
        hesitation = 0.4 * np.exp(-abs(evidence))
        reading_ms = round(1000 * float(np.exp(self.person.pace + hesitation + self.random.normal(0, 0.45))))
        limit = self.study.time_limit_ms
        if limit is not None and reading_ms > limit:
            value, rating, reading_ms = Response.NONE.value, None, limit
        server_ms = reading_ms + int(self.random.integers(*NETWORK_MS))
        return Answer(
            session=self.session,
            trial=trial,
            position=place,
            value=value,
            rating=rating,
            marks=self._marks(trial, value),
            comment=self._comment(value),
            idempotency_key=uuid.UUID(bytes=self.random.bytes(16), version=4),
            reading_ms=reading_ms,
            hidden_ms=0,
            server_ms=server_ms,
            flags=timing_flags(
                reading_ms=reading_ms, hidden_ms=0, server_ms=server_ms, times_served=1, time_limit_ms=limit
            ),
            answered_at=now,
        )

    def _evidence(self, trial: Trial) -> float:
        """For synthetic; of a pair, for the left image being the synthetic one."""
        truth = trial.truth
        left = self._of_image(truth.image.pixel_sha256, is_synthetic=truth.origin == Origin.SYNTHETIC, trial=trial)
        if truth.right_image is None:
            return left - self.person.bias
        right = self._of_image(truth.right_image.pixel_sha256, is_synthetic=truth.origin == Origin.REAL, trial=trial)
        leaning = self.person.bias if self.study.positive_class == Origin.SYNTHETIC else -self.person.bias
        return left - right + leaning

    def _of_image(self, sha256: str, *, is_synthetic: bool, trial: Trial) -> float:
        skill = self.person.skill + SKILL_OF_A_PHASE * (trial.phase - 1)
        image, eye = _image_number(sha256), self.person.number
        return float(
            skill * (0.5 if is_synthetic else -0.5)
            + _generator(self.seed, _IMAGES, image).normal(0, IMAGE_SD)
            + _generator(self.seed, _EYES, image, eye).normal(0, EYE_SD)
            + self.random.normal(0, NOISE_SD)
        )

    def _response(self, evidence: float) -> tuple[str, int | None]:
        if self.study.scale == Scale.PAIR:
            says_left_is = Origin.SYNTHETIC if evidence > 0 else Origin.REAL
            chosen = Response.LEFT if says_left_is == self.study.positive_class else Response.RIGHT
            return chosen.value, None
        if self.study.scale == Scale.BINARY:
            return (Response.SYNTHETIC if evidence > 0 else Response.REAL).value, None
        if self.study.scale == Scale.CONFIDENCE:
            rating = int(np.searchsorted(CUTS, evidence)) + 1
        else:
            rating = round(100 / (1 + float(np.exp(-1.5 * evidence))))
            if rating == 50:  # says neither
                rating = 51 if evidence > 0 else 49
        return response_of(self.study.scale, rating).value, rating

    def _marks(self, trial: Trial, value: str) -> list[dict[str, float]]:
        """One near the spot that the image has for all readers; of a pair on the image that is taken for synthetic."""
        if not self.study.mark_kind or not self._is_suspicious(value) or self.random.random() > SHARE_MARKED:
            return []
        image = 0
        if value in (Response.LEFT, Response.RIGHT):
            image = int((value == Response.LEFT) == (self.study.positive_class == Origin.REAL))
        truth = trial.truth
        sha256 = truth.right_image.pixel_sha256 if image and truth.right_image else truth.image.pixel_sha256
        spot = _generator(self.seed, _IMAGES, _image_number(sha256), 1).uniform(0.25, 0.75, 2)
        size = self.study.image_size
        x, y = (round(float(place) * size, 1) for place in np.clip(spot + self.random.normal(0, 0.04, 2), 0.1, 0.85))
        if self.study.mark_kind == MarkKind.POINT:
            return [{"image": image, "x": x, "y": y}]
        side = round(0.12 * size, 1)
        return [{"image": image, "x": x, "y": y, "width": side, "height": side}]

    def _comment(self, value: str) -> str:
        if not self.study.asks_comment or not self._is_suspicious(value) or self.random.random() > SHARE_COMMENTED:
            return ""
        return REMARKS[int(self.random.integers(len(REMARKS)))]

    @staticmethod
    def _is_suspicious(value: str) -> bool:
        return value in (Response.SYNTHETIC, Response.LEFT, Response.RIGHT)


def _image_number(sha256: str) -> int:
    """Of its pixels, so that an image is the same to a reader in another trial, and in another study."""
    return int(sha256[:12], 16)
