"""Joins answers with truth and computes what the results page shows."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from turing.manifests import manifest_sha256
from turing.models import AuditEvent, ReadingSession, Scale, Study, TrialTruth
from turing.protocol import document_sha256
from turing.results import figures
from turing.results.figures import Agreement, RatingCounts, Reader, ReaderResult, Retest
from turing.results.rows import AnswerRow, answer_rows
from turing.scales import RANGES


@dataclass(frozen=True)
class Part:
    """The figures of one phase, or of all phases together (`number` 0)."""

    number: int
    title: str
    readers: list[ReaderResult]
    groups: list[ReaderResult]  # of reader groups; empty when the study has none
    pooled: ReaderResult
    agreement: list[Agreement]
    agreement_readers: list[str]  # those who finished: kappa needs the answers of all readers about an image
    left_out_of_agreement: list[str]
    ratings: list[RatingCounts]  # of graded scales, by reader
    n_trials: int  # pictures: practice and repeats are no part of it
    n_real: int
    n_synthetic: int
    flag_counts: dict[str, int]  # in answers, by flag


@dataclass(frozen=True)
class MarkCount:
    """What one reader marked and wrote, of all answers but those to practice."""

    reader: str
    is_simulated: bool
    n_answers: int
    n_marked: int
    n_marks: int
    n_comments: int


@dataclass(frozen=True)
class StudyResults:
    whole: Part
    phases: list[Part]  # empty when there is only one
    retests: list[Retest]  # hidden repeats, by reader; empty when the study has none
    second_session: list[Retest]  # the answers of the study that this one follows, against those here
    marks: list[MarkCount]  # empty when the study asks for neither marks nor comments
    n_practice: int  # trials, as n_repeats
    n_repeats: int
    record_problems: list[str]  # empty: protocol and manifest still have the hashes they had at opening
    audit_event: str  # of the closing, as SEQUENCE:HASH for `manage.py verify_audit --expect`; empty: there is none


@dataclass(frozen=True)
class _Picture:
    origin: str
    phase: int


def study_results(study: Study) -> StudyResults:
    """Everything on the results page. Raises StudyError unless the study is closed."""
    rows = answer_rows(study)
    truths = list(TrialTruth.objects.filter(trial__study=study).select_related("trial").order_by("trial__position"))
    pictures = {
        truth.trial_id: _Picture(truth.origin, truth.trial.phase)
        for truth in truths
        if not truth.trial.is_practice and truth.repeat_of_id is None
    }
    readers = [
        Reader(code=session.reader_code, is_simulated=session.is_simulated, group=session.reader_group)
        for session in ReadingSession.objects.filter(study=study).order_by("created_at", "reader_code")
    ]
    titles = {phase.number: phase.title for phase in study.later_phases.all()}
    counting = [row for row in rows if row.counts]
    return StudyResults(
        whole=_part(study, counting, readers, pictures),
        phases=[
            _part(study, counting, readers, pictures, number=number, title=titles.get(number, ""))
            for number in ((1, *sorted(titles)) if titles else ())
        ],
        retests=_retests(study, rows, readers) if study.n_repeats else [],
        second_session=_second_session(study, counting, readers),
        marks=_mark_counts(rows, readers) if study.mark_kind or study.asks_comment else [],
        n_practice=sum(truth.trial.is_practice for truth in truths),
        n_repeats=sum(truth.repeat_of_id is not None for truth in truths),
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


def _part(
    study: Study,
    rows: Sequence[AnswerRow],
    readers: Sequence[Reader],
    pictures: dict[int, _Picture],
    *,
    number: int = 0,
    title: str = "",
) -> Part:
    if number:
        rows = [row for row in rows if row.phase == number]
        pictures = {key: picture for key, picture in pictures.items() if picture.phase == number}
    of_reader: dict[str, list[AnswerRow]] = {reader.code: [] for reader in readers}
    for row in rows:
        of_reader[row.reader].append(row)
    complete = [code for code, answers in of_reader.items() if len(answers) == len(pictures)]

    def result(name: str, members: Sequence[Reader], *, pooled: bool) -> ReaderResult:
        return figures.reader_result(
            [row for member in members for row in of_reader[member.code]],
            name=name,
            readers=members,
            n_expected=len(pictures),
            scale=study.scale,
            positive_class=study.positive_class,
            pooled=pooled,
        )

    groups = [
        (str(group["name"]), [reader for reader in readers if reader.group == group["name"]]) for group in study.groups
    ]
    origins = {key: picture.origin for key, picture in pictures.items()}
    is_pair = study.scale == Scale.PAIR
    n_real = sum(origin == "real" for origin in origins.values())
    return Part(
        number=number,
        title=title,
        readers=[result(reader.code, [reader], pooled=False) for reader in readers],
        groups=[result(name, members, pooled=True) for name, members in groups],
        pooled=result("", readers, pooled=True),
        agreement=figures.agreement(rows, complete, origins, scale=study.scale),
        agreement_readers=complete,
        left_out_of_agreement=[code for code in of_reader if code not in complete],
        ratings=[
            figures.rating_counts(of_reader[reader.code], reader=reader.code, scale=study.scale) for reader in readers
        ]
        if study.scale in RANGES
        else [],
        n_trials=len(origins),
        n_real=len(origins) if is_pair else n_real,
        n_synthetic=len(origins) if is_pair else len(origins) - n_real,
        flag_counts=dict(Counter(flag for row in rows if row.is_given for flag in row.flags).most_common()),
    )


def _retests(study: Study, rows: Sequence[AnswerRow], readers: Sequence[Reader]) -> list[Retest]:
    earlier = {(row.reader, row.picture): row for row in rows if row.counts}
    pairs: dict[str, list[tuple[AnswerRow, AnswerRow]]] = defaultdict(list)
    for row in rows:
        if row.is_later:
            pairs[row.reader].append((earlier[row.reader, row.picture], row))
    # a repeat has the sides of the pair that it repeats
    return [
        figures.retest(pairs[reader.code], reader=reader.code, scale=study.scale, by_side=True) for reader in readers
    ]


def _second_session(study: Study, rows: Sequence[AnswerRow], readers: Sequence[Reader]) -> list[Retest]:
    """By reader; empty unless this study follows a closed one. The same picture is the one with the same pixels; of a
    pair with the same two images, whose sides are drawn anew.
    """
    if study.follows is None or study.follows.status != Study.Status.CLOSED:
        return []
    first = {(row.reader, _pixels(row)): row for row in answer_rows(study.follows) if row.counts}
    pairs: dict[str, list[tuple[AnswerRow, AnswerRow]]] = defaultdict(list)
    for row in rows:
        earlier = first.get((row.reader, _pixels(row)))
        if earlier is not None:
            pairs[row.reader].append((earlier, row))
    # two scales have nothing in common but what an answer says in the end
    scale = study.scale if study.scale in (study.follows.scale, Scale.PAIR) else Scale.BINARY
    return [figures.retest(pairs[reader.code], reader=reader.code, scale=scale, by_side=False) for reader in readers]


def _pixels(row: AnswerRow) -> frozenset[str]:
    return frozenset((row.pixel_sha256, row.right_sha256))


def _mark_counts(rows: Sequence[AnswerRow], readers: Sequence[Reader]) -> list[MarkCount]:
    of_reader: dict[str, list[AnswerRow]] = {reader.code: [] for reader in readers}
    for row in rows:
        if not row.is_practice:
            of_reader[row.reader].append(row)
    return [
        MarkCount(
            reader=reader.code,
            is_simulated=reader.is_simulated,
            n_answers=len(answers),
            n_marked=sum(bool(row.marks) for row in answers),
            n_marks=sum(len(row.marks) for row in answers),
            n_comments=sum(bool(row.comment) for row in answers),
        )
        for reader in readers
        for answers in [of_reader[reader.code]]
    ]
