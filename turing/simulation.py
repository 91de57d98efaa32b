"""Simulated readers for the example study, so that results can be looked at before anybody has read anything.

Model (signal detection with random readers and images). For reader r and image i with truth s = +1/2 (synthetic) or
-1/2 (real), the evidence for "synthetic" is::

    x = skill_r * s + image_i + noise;   skill_r ~ N(0.7, 0.3), image_i ~ N(0, 0.5), noise ~ N(0, 1)

and the answer is "synthetic" when x > bias_r, bias_r ~ N(0, 0.25). The reading time is log-normal around the reader's
pace (median 4 to 11 s) and longer for evidence near the criterion. All of it is drawn from one seed. These numbers are
made up to look plausible; nothing about people or images follows from them.
"""

import uuid

import numpy as np
from django.db import transaction
from django.utils import timezone

from turing.audit.services import Event, record_events
from turing.errors import StudyError
from turing.models import Answer, Origin, ReadingSession, Study, Trial
from turing.reading.enrolment import enrol_reader
from turing.timing import timing_flags

NETWORK_MS = (40, 160)  # what the server's clock sees on top of the reading time


@transaction.atomic
def simulate_readers(*, study: Study, n_readers: int = 6, seed: int) -> list[ReadingSession]:
    """Enrol `n_readers` simulated readers who answer every image; the study is closed by `close_study` afterwards.

    Raises StudyError for a study that is not an open example study, or has readers already.
    """
    if not study.is_example:
        raise StudyError(f"“{study}” is not an example study: answers are simulated for example studies only.")
    if study.sessions.exists():
        raise StudyError(f"“{study}” has readers already.")
    if n_readers < 1:
        raise StudyError(f"Number of simulated readers {n_readers} is out of range: at least 1 is needed.")
    generator = np.random.Generator(np.random.PCG64(seed))
    trials = list(study.trials.select_related("truth"))
    image_effects = generator.normal(0, 0.5, len(trials))
    sessions = [enrol_reader(study=study, user=None, is_simulated=True) for _ in range(n_readers)]
    for session in sessions:
        _read_all(session, trials, image_effects, generator)
    return sessions


def _read_all(
    session: ReadingSession, trials: list[Trial], image_effects: np.ndarray, generator: np.random.Generator
) -> None:
    skill = generator.normal(0.7, 0.3)
    bias = generator.normal(0, 0.25)
    pace = generator.uniform(np.log(4), np.log(11))  # log seconds
    now = (
        timezone.now()
    )  # when the row was really made: an invented moment would lie before the opening or after the closing
    session.instructions_read_at = now
    answers = []
    for trial, image_effect in zip(trials, image_effects, strict=True):
        side = 0.5 if trial.truth.origin == Origin.SYNTHETIC else -0.5
        evidence = skill * side + image_effect + generator.normal() - bias
        hesitation = 0.4 * np.exp(-abs(evidence))
        reading_ms = round(1000 * float(np.exp(pace + hesitation + generator.normal(0, 0.45))))
        server_ms = reading_ms + int(generator.integers(*NETWORK_MS))
        answers.append(
            Answer(
                session=session,
                trial=trial,
                position=trial.position,
                value=Origin.SYNTHETIC if evidence > 0 else Origin.REAL,
                idempotency_key=uuid.UUID(bytes=generator.bytes(16), version=4),
                reading_ms=reading_ms,
                hidden_ms=0,
                server_ms=server_ms,
                flags=timing_flags(reading_ms=reading_ms, hidden_ms=0, server_ms=server_ms, times_served=1),
                answered_at=now,
            )
        )
    Answer.objects.bulk_create(answers)
    session.finished_at = now
    session.save(update_fields=["instructions_read_at", "finished_at"])
    record_events(
        [
            Event(action="session.simulated", about=session, actor=None, written=[session]),
            *(Event(action="answer.simulated", about=answer, actor=None, written=[answer]) for answer in answers),
        ]
    )
