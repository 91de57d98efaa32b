"""Checks the audit chain, and that tables and stimulus files are what it says they are. Reads only.

The chain is replayed: the last word about each row is what the row must hold. Every difference becomes one Problem that
names table, row and field. What this proves, and what it cannot, stands in docs/integrity.md.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db.models import Model

from config.accounts.models import User
from imaging.models import Image
from turing.audit.records import describe_row
from turing.audit.services import START, event_hash
from turing.models import (
    Answer,
    AuditEvent,
    Invitation,
    LeakReport,
    Phase,
    PracticeFeedback,
    Presentation,
    ReadingSession,
    Study,
    Trial,
    TrialTruth,
)
from turing.results.selectors import record_problems

COMPLETE: tuple[type[Model], ...] = (
    *(Study, Phase, LeakReport, Trial, TrialTruth, PracticeFeedback),
    *(Invitation, ReadingSession, Answer),
)
PARTIAL: tuple[type[Model], ...] = (Presentation, Image)  # some of their rows are no matter of the chain (yet)
CHAIN = AuditEvent._meta.db_table
FILES = "stimulus files"
# what a damaged value raises on its way in
UNREADABLE = (ValueError, TypeError, ArithmeticError, AttributeError, ValidationError)
BATCH = 500

Expected = dict[str, dict[str, dict[str, Any]]]  # table -> key -> columns


@dataclass(frozen=True)
class Problem:
    """Something that is not as the chain says. `row` is a key, an event's sequence, or a file's name."""

    where: str
    row: str
    field: str
    text: str

    def __str__(self) -> str:
        place = ", ".join(
            part for part in (self.where, f"row {self.row}", self.field and f"field {self.field}") if part
        )
        return f"{place}: {self.text}"


@dataclass(frozen=True)
class Verification:
    n_events: int
    head: str  # hash of the last event; worth noting down elsewhere: see docs/integrity.md
    n_rows: dict[str, int] = field(default_factory=dict)  # rows compared, by table
    n_files: int = 0
    problems: Sequence[Problem] = ()

    @property
    def is_whole(self) -> bool:
        return not self.problems


def verify_audit(*, noted: tuple[int, str] | None = None) -> Verification:
    """Check everything. `noted`: sequence and hash of an event that were written down outside this installation."""
    problems: list[Problem] = []
    expected, events, head = _replay(problems, noted)
    n_rows = {model._meta.db_table: _check_table(model, expected, problems) for model in (*COMPLETE, *PARTIAL)}
    _check_presentations(expected, problems)
    _check_study_hashes(problems)
    n_files = _check_files(expected, problems)
    return Verification(n_events=events, head=head, n_rows=n_rows, n_files=n_files, problems=tuple(problems))


def _replay(problems: list[Problem], noted: tuple[int, str] | None) -> tuple[Expected, int, str]:
    """What the tables must hold, number of events, hash of the last one; problems of the chain itself are noted."""
    expected: Expected = defaultdict(dict)
    previous, computed, sequence, n_events = START, START, 0, 0
    found_noted = noted is None

    def note(row: int, column: str, text: str) -> None:
        problems.append(Problem(CHAIN, str(row), column, text))

    for event in _rows(AuditEvent, problems):
        if event is None:  # unreadable, and noted
            sequence += 1
            continue
        n_events += 1
        if event.sequence != sequence + 1:
            last = event.sequence - 1
            gone = f"event {last} is" if last == sequence + 1 else f"events {sequence + 1} to {last} are"
            note(event.sequence, "sequence", f"{gone} missing before it")
        elif event.previous_hash != previous and event.previous_hash == computed:
            note(sequence, "hash", "is not the one that the next event names")
        elif event.previous_hash != previous:
            note(event.sequence, "previous_hash", "the link to the event before is broken")
        sequence, previous, computed = event.sequence, event.hash, _computed_hash(event)
        if computed != event.hash:
            note(sequence, "", "its content does not have its hash: one of its fields was changed")
        found_noted = found_noted or noted == (sequence, event.hash)
        _apply(event, expected, problems)
    if noted is not None and not found_noted:
        note(noted[0], "hash", f"is not {noted[1]}, which was noted down: events were removed or the chain made anew")
    return expected, n_events, previous


def _computed_hash(event: AuditEvent) -> str:
    try:
        return event_hash(event)
    except UNREADABLE:
        return ""  # no hash at all: the content cannot even be read


def _apply(event: AuditEvent, expected: Expected, problems: list[Problem]) -> None:
    try:
        details = json.loads(event.details)
        for table, rows in details.get("written", {}).items():
            expected[table].update(rows)
        for table, keys in details.get("removed", {}).items():
            for key in keys:
                expected[table].pop(key, None)
    except UNREADABLE:
        problems.append(Problem(CHAIN, str(event.sequence), "details", "cannot be read"))


def _rows(model: type[Model], problems: list[Problem], keys: Sequence[Any] | None = None) -> Iterator[Any]:
    """All rows, or those with `keys`, in the order of keys; None, with a problem noted, for one that cannot be read."""
    table = model._meta.db_table
    manager = model._default_manager
    if keys is None:
        try:
            keys = list(manager.order_by("pk").values_list("pk", flat=True))
        except UNREADABLE:
            problems.append(Problem(table, "?", str(model._meta.pk.attname), "the key of some row cannot be read"))
            return
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        try:
            yield from list(manager.filter(pk__in=batch).order_by("pk"))
        except UNREADABLE:
            for key in batch:
                yield _single_row(model, key, problems)


def _single_row(model: type[Model], key: Any, problems: list[Problem]) -> Any:
    try:
        return model._default_manager.get(pk=key)
    except UNREADABLE:
        for column in model._meta.concrete_fields:
            try:
                model._default_manager.values_list(column.attname).get(pk=key)
            except UNREADABLE:
                problems.append(Problem(model._meta.db_table, str(key), column.attname, "cannot be read"))
    return None


def _check_table(model: type[Model], expected: Expected, problems: list[Problem]) -> int:
    """Compares what is expected of a table with what it holds; the number of rows compared."""
    table = model._meta.db_table
    wanted = dict(expected.get(table, {}))
    known = len(problems)
    n_compared = 0
    for row in _rows(model, problems, None if model in COMPLETE else list(wanted)):
        if row is None:
            continue
        columns = wanted.pop(str(row.pk), None)
        if columns is not None:
            n_compared += 1
            problems += _differences(row, columns)
        elif model in COMPLETE:
            problems.append(Problem(table, str(row.pk), "", "the chain does not know this row"))
    unreadable = {problem.row for problem in problems[known:] if problem.text == "cannot be read"}
    problems += [
        Problem(table, key, "", "the chain knows this row, and it is gone") for key in wanted if key not in unreadable
    ]
    return n_compared


def _differences(row: Model, columns: dict[str, Any]) -> Iterator[Problem]:
    table = row._meta.db_table
    for name, value in columns.items():
        if not hasattr(row, name):
            continue  # a column that a later version of the program gave up
        try:
            found = describe_row(row, only=[name]).columns[name]
        except UNREADABLE:
            found = None
        if found != value and not _is_deleted_account(row, name, found, value):
            yield Problem(table, str(row.pk), name, f"is {_short(found)}, the chain says {_short(value)}")


def _is_deleted_account(row: Model, name: str, found: Any, value: Any) -> bool:
    """Deleting an account empties what points to it, and is allowed."""
    points_to_user = row._meta.get_field(name.removesuffix("_id")).related_model is User
    return points_to_user and found is None and not User.objects.filter(pk=value).exists()


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:40]} ... (SHA-256 {hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _check_presentations(expected: Expected, problems: list[Problem]) -> None:
    """A presentation enters the chain with its answer. Those that are not in it must still wait for theirs."""
    table = Presentation._meta.db_table
    answered = {
        (columns["session_id"], columns["trial_id"]) for columns in expected.get(Answer._meta.db_table, {}).values()
    }
    for row in _rows(Presentation, []):  # what cannot be read was noted when the table was compared
        if row is None or str(row.pk) in expected.get(table, {}):
            continue
        if (str(row.session_id), row.trial_id) in answered:
            problems.append(
                Problem(table, str(row.pk), "", "the chain does not know this row, and its image was answered")
            )


def _check_study_hashes(problems: list[Problem]) -> None:
    """Whatever the chain says: protocol and manifest must have the hashes that stand beside them."""
    table = Study._meta.db_table
    for study in _rows(Study, []):
        if study is None or study.status == Study.Status.DRAFT:
            continue
        try:
            problems += [Problem(table, str(study.pk), "", text) for text in record_problems(study)]
        except UNREADABLE as error:
            problems.append(Problem(table, str(study.pk), "", f"its hashes cannot be computed: {error}"))


def _check_files(expected: Expected, problems: list[Problem]) -> int:
    n_files = 0
    for trial in expected.get(Trial._meta.db_table, {}).values():
        where = f"position {trial['position']} of study {trial['study_id']}"
        for side in ("stimulus", "right"):
            name = trial.get(f"{side}_file")  # "right" is not there in what was recorded before there were pairs
            if name:
                n_files += 1
                _check_file(name, trial[f"{side}_sha256"], where, problems)
    return n_files


def _check_file(name: str, sha256: str, where: str, problems: list[Problem]) -> None:
    try:
        with default_storage.open(name, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        problems.append(Problem(FILES, name, "", f"cannot be read ({where}): {error.strerror or error}"))
        return
    if digest != sha256:
        problems.append(Problem(FILES, name, "", f"its content was changed since the opening ({where})"))
