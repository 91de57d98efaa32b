"""Joins answers with truth and computes what the results page and the export show."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from turing.errors import StudyError
from turing.manifests import manifest_sha256
from turing.models import Answer, AuditEvent, Origin, ReadingSession, Study, TrialTruth
from turing.protocol import document_sha256
from turing.stats.accuracy import ReaderAccuracy, reader_accuracy
from turing.stats.agreement import MISSING, FleissKappa, fleiss_kappa
from turing.stats.reading_time import TimeSummary, summarise_times

CODES = {Origin.REAL.value: 0, Origin.SYNTHETIC.value: 1}


@dataclass(frozen=True)
class AnswerRow:
    """One answer with everything an analysis needs."""

    reader: str
    is_simulated: bool
    position: int
    pixel_sha256: str
    truth: str
    label: str
    answer: str
    reading_ms: int | None
    server_ms: int
    hidden_ms: int
    paused_ms: int
    flags: tuple[str, ...]
    answered_at: datetime

    @property
    def is_correct(self) -> bool:
        return self.answer == self.truth

    @property
    def seconds(self) -> float | None:
        return None if self.reading_ms is None else self.reading_ms / 1000


@dataclass(frozen=True)
class ReaderResult:
    """One reader, or all of them pooled (`reader` empty)."""

    reader: str
    is_simulated: bool
    n_answers: int
    n_expected: int
    accuracy: ReaderAccuracy
    time: TimeSummary

    @property
    def is_complete(self) -> bool:
        return self.n_answers == self.n_expected


@dataclass(frozen=True)
class Agreement:
    """Fleiss' kappa over one kind of images; `images` is "all", "real" or "synthetic"."""

    images: str
    kappa: FleissKappa


@dataclass(frozen=True)
class StudyResults:
    readers: list[ReaderResult]
    pooled: ReaderResult
    agreement: list[Agreement]
    agreement_readers: list[str]  # those who finished: kappa needs the answers of all readers about an image
    left_out_of_agreement: list[str]
    n_trials: int
    n_real: int
    n_synthetic: int
    flag_counts: dict[str, int]  # in answers, by flag
    record_problems: list[str]  # empty: protocol and manifest still have the hashes they had at opening
    audit_event: str  # of the closing, as SEQUENCE:HASH for `manage.py verify_audit --expect`; empty: there is none


def answer_rows(study: Study) -> list[AnswerRow]:
    """By reader and position. Raises StudyError unless the study is closed."""
    if study.status != Study.Status.CLOSED:
        raise StudyError(f"“{study}” is not closed: its answers are shown once it is, so that nobody is influenced.")
    answers = (
        Answer.objects.filter(session__study=study)
        .select_related("session", "trial__truth__image")
        .order_by("session__created_at", "session__reader_code", "trial__position")
    )
    return [
        AnswerRow(
            reader=answer.session.reader_code,
            is_simulated=answer.session.is_simulated,
            position=answer.trial.position,
            pixel_sha256=answer.trial.truth.image.pixel_sha256,
            truth=answer.trial.truth.origin,
            label=answer.trial.truth.label,
            answer=answer.value,
            reading_ms=answer.reading_ms,
            server_ms=answer.server_ms,
            hidden_ms=answer.hidden_ms,
            paused_ms=answer.paused_ms,
            flags=tuple(answer.flags),
            answered_at=answer.answered_at,
        )
        for answer in answers
    ]


def study_results(study: Study) -> StudyResults:
    """Everything on the results page. Raises StudyError unless the study is closed."""
    rows = answer_rows(study)
    origins = dict(TrialTruth.objects.filter(trial__study=study).values_list("trial__position", "origin"))
    sessions = list(ReadingSession.objects.filter(study=study).order_by("created_at", "reader_code"))
    by_reader: dict[str, list[AnswerRow]] = {session.reader_code: [] for session in sessions}
    for row in rows:
        by_reader[row.reader].append(row)
    complete = [code for code, answers in by_reader.items() if len(answers) == len(origins)]
    return StudyResults(
        readers=[
            _result(
                by_reader[session.reader_code],
                reader=session.reader_code,
                is_simulated=session.is_simulated,
                n_expected=len(origins),
                positive_class=study.positive_class,
            )
            for session in sessions
        ],
        pooled=_result(
            rows,
            reader="",
            is_simulated=any(session.is_simulated for session in sessions),
            n_expected=len(origins) * len(sessions),
            positive_class=study.positive_class,
        ),
        agreement=[
            Agreement(images="all", kappa=_kappa(by_reader, complete, list(origins))),
            *(
                Agreement(
                    images=origin,
                    kappa=_kappa(by_reader, complete, [place for place, truth in origins.items() if truth == origin]),
                )
                for origin in Origin.values
            ),
        ],
        agreement_readers=complete,
        left_out_of_agreement=[code for code in by_reader if code not in complete],
        n_trials=len(origins),
        n_real=sum(origin == Origin.REAL for origin in origins.values()),
        n_synthetic=sum(origin == Origin.SYNTHETIC for origin in origins.values()),
        flag_counts=dict(Counter(flag for row in rows for flag in row.flags).most_common()),
        record_problems=record_problems(study),
        audit_event=closing_event(study),
    )


def record_problems(study: Study) -> list[str]:
    """What no longer has the hash it had at opening, in words; empty when the record is whole."""
    problems = []
    if document_sha256(study.protocol) != study.protocol_sha256:
        problems.append("The stored protocol does not have the hash that was computed at opening.")
    if manifest_sha256(study) != study.manifest_sha256:
        problems.append("The images, their order or their truth do not have the hash that was computed at opening.")
    return problems


def closing_event(study: Study) -> str:
    """Everything in the audit chain up to the closing hangs on this one hash."""
    event = AuditEvent.objects.filter(
        action="study.closed", object_type=Study._meta.db_table, object_id=str(study.pk)
    ).first()
    return f"{event.sequence}:{event.hash}" if event is not None else ""


def _result(
    rows: Sequence[AnswerRow], *, reader: str, is_simulated: bool, n_expected: int, positive_class: str
) -> ReaderResult:
    return ReaderResult(
        reader=reader,
        is_simulated=is_simulated,
        n_answers=len(rows),
        n_expected=n_expected,
        accuracy=reader_accuracy(
            [row.truth for row in rows], [row.answer for row in rows], positive_class=positive_class
        ),
        time=summarise_times([row.seconds for row in rows], [bool(row.flags) for row in rows]),
    )


def _kappa(by_reader: dict[str, list[AnswerRow]], readers: list[str], positions: list[int]) -> FleissKappa:
    row_of = {position: index for index, position in enumerate(sorted(positions))}
    codes = np.full((len(positions), len(readers)), MISSING)
    for column, reader in enumerate(readers):
        for answer in by_reader[reader]:
            if answer.position in row_of:
                codes[row_of[answer.position], column] = CODES[answer.answer]
    return fleiss_kappa(codes, n_categories=len(CODES))
