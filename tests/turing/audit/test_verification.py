"""Whatever is changed behind the program's back is found, and named."""

import json
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, models

from tests.factories import UserFactory
from tests.turing.behind_the_back import execute, without_triggers
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session, read_all
from turing.audit.verification import COMPLETE, FILES, verify_audit
from turing.models import Answer, AuditEvent, Presentation, Study, Trial
from turing.reading.enrolment import accept_invitation
from turing.reading.services import start_reading
from turing.results.services import view_results
from turing.services import close_study, create_invitations, delete_study

pytestmark = pytest.mark.django_db

TABLES = (*COMPLETE, Presentation, AuditEvent)
OTHER_CHOICE = {"real": "synthetic", "synthetic": "real", "closed": "open"}


@pytest.fixture
def study(investigator):
    """Read by one person to the end and by another in part, closed, looked at; beside it a draft with an invitation."""
    study = make_open_study()
    for answers in (["real"] * 4, ["synthetic"]):
        ((_, secret),) = create_invitations(study=study, count=1, by=investigator, note="for a colleague")
        session = start_reading(session=accept_invitation(secret=secret, user=UserFactory()))
        read_all(session, answers)
    close_study(study=study, by=investigator)
    view_results(study=study, by=investigator)
    later = [{"n_real": 1, "n_synthetic": 1}]
    make_open_study(scale="pair", n_practice=2, practice_feedback=True, n_repeats=1, later_phases=later)
    create_invitations(study=make_draft(), count=1, by=investigator)
    return study


def changed(row: models.Model, field: models.Field):
    """Another value for a column, as close to it as its type allows: the database must accept it."""
    value = getattr(row, field.attname)
    target = field.target_field if field.is_relation else field
    if isinstance(value, str):
        if value in OTHER_CHOICE:
            return OTHER_CHOICE[value]
        return (chr(ord(value[0]) ^ 1) + value[1:]) if value else "x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1024
    if isinstance(value, float):
        return value + 0.001
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int ^ 1)
    if isinstance(target, models.DateTimeField):
        return row.created_at if value is None else value + timedelta(microseconds=1)
    if isinstance(target, models.JSONField):
        return {**value, "x": 1} if isinstance(value, dict) else [*value, "x"]
    assert value is None
    return 1  # a key


def write(row: models.Model, field: models.Field, value) -> None:
    prepared = field.get_db_prep_save(value, connection)
    sql = f'UPDATE {row._meta.db_table} SET "{field.column}" = %s WHERE "{row._meta.pk.column}" = %s'  # noqa: S608
    key = row._meta.pk.get_db_prep_value(row.pk, connection)
    assert execute(sql, prepared, key) == 1


def test_an_untouched_record_is_whole(study):
    found = verify_audit()

    assert list(found.problems) == []
    assert found.n_events == AuditEvent.objects.count() >= 20
    assert found.head == AuditEvent.objects.last().hash
    assert found.n_files == Trial.objects.count() + Trial.objects.exclude(right_file="").count()
    for model in COMPLETE:
        assert found.n_rows[model._meta.db_table] == model.objects.count() > 0
    assert found.n_rows["turing_presentation"] == Answer.objects.count()  # one more waits for its answer


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.db_table)
def test_one_byte_in_any_column_of_any_table_is_found_and_named(study, model):
    table = model._meta.db_table
    row = Study.objects.get(pk=study.pk) if model is Study else model.objects.order_by("pk").first()
    missed = []
    for field in model._meta.concrete_fields:
        with without_triggers():
            write(row, field, changed(row, field))
            problems = verify_audit().problems
        places = {(problem.where, problem.field) for problem in problems}
        named = {(table, field.attname), (table, "")} if model is AuditEvent else {(table, field.attname)}
        if field.primary_key:
            named |= {(table, ""), (table, "sequence")}  # one row too many and one too few
        if not places & named:
            missed.append((field.attname, problems))

    assert missed == []
    assert verify_audit().is_whole


def test_a_byte_of_a_stimulus_file_is_found(study):
    trial = study.trials.last()
    path = Path(settings.MEDIA_ROOT) / trial.stimulus_file
    pixels = bytearray(path.read_bytes())
    pixels[100] ^= 1
    path.write_bytes(pixels)

    (problem,) = verify_audit().problems

    assert (problem.where, problem.row) == (FILES, trial.stimulus_file)
    assert str(problem).endswith(f"its content was changed since the opening (position 4 of study {study.pk})")


@pytest.mark.parametrize("side", ["stimulus_file", "right_file"])
def test_a_byte_of_either_file_of_a_pair_is_found(study, side):
    name = getattr(Trial.objects.exclude(right_file="").last(), side)
    path = Path(settings.MEDIA_ROOT) / name
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x00")

    (problem,) = verify_audit().problems

    assert (problem.where, problem.row) == (FILES, name)


def test_the_comment_of_a_reader_is_in_the_chain_as_a_hash_alone():
    session = make_session(study=make_open_study(asks_comment=True))
    answer_next(session, comment="Dr. Miller showed me this one")
    answer_next(session)

    assert "Miller" not in "".join(AuditEvent.objects.values_list("details", flat=True))
    assert verify_audit().is_whole
    for comment in ("", "Dr. Muller showed me this one"):
        with without_triggers():
            execute("UPDATE turing_answer SET comment = %s WHERE comment <> ''", comment)
            (problem,) = verify_audit().problems
        assert (problem.where, problem.field) == ("turing_answer", "comment")


def test_a_missing_stimulus_file_is_found(study):
    trial = study.trials.first()
    (Path(settings.MEDIA_ROOT) / trial.stimulus_file).unlink()

    (problem,) = verify_audit().problems

    assert (problem.where, problem.row) == (FILES, trial.stimulus_file)
    assert "cannot be read (position 1" in problem.text


def test_a_changed_answer_is_told_in_words(study):
    answer = Answer.objects.filter(value="real").first()
    with without_triggers():
        execute("UPDATE turing_answer SET value = 'synthetic' WHERE id = %s", answer.pk)
        (problem,) = verify_audit().problems

    expected = f'turing_answer, row {answer.pk}, field value: is "synthetic", the chain says "real"'
    assert str(problem) == expected


def test_a_changed_source_image_is_found(study):
    image = study.trials.select_related("truth__image").first().truth.image
    image.pixel_sha256 = "f" * 64
    image.save()

    places = {(problem.where, problem.field) for problem in verify_audit().problems}

    assert places == {("imaging_image", "pixel_sha256"), ("turing_study", "")}


def test_rows_that_were_removed_or_put_in_are_found(study):
    answer = Answer.objects.order_by("pk").last()
    copy = (
        "session_id, trial_id, value, reading_ms, hidden_ms, paused_ms, server_ms, flags, answered_at, marks, comment"
    )
    with without_triggers():
        execute("DELETE FROM turing_answer WHERE id = %s", answer.pk)
        removed = verify_audit().problems
    with without_triggers():
        other = study.trials.get(position=4)
        execute(
            f"INSERT INTO turing_answer (idempotency_key, position, {copy}) "  # noqa: S608
            f"SELECT %s, 4, {copy.replace('trial_id', '%s')} FROM turing_answer WHERE id = %s",
            uuid.uuid4().hex,
            other.pk,
            answer.pk,
        )
        put_in = verify_audit().problems

    assert [(p.where, p.row, p.text) for p in removed] == [
        ("turing_answer", str(answer.pk), "the chain knows this row, and it is gone")
    ]
    assert [(p.where, p.text) for p in put_in] == [("turing_answer", "the chain does not know this row")]


def test_a_missing_event_is_found(study):
    middle = AuditEvent.objects.get(sequence=5)
    with without_triggers():
        execute("DELETE FROM turing_auditevent WHERE sequence = 5")
        problems = verify_audit().problems

    assert str(problems[0]) == "turing_auditevent, row 6, field sequence: event 5 is missing before it"
    assert middle.hash == AuditEvent.objects.get(sequence=6).previous_hash


def test_a_last_event_cut_off_with_its_row_is_found_by_what_was_noted_down(study):
    """Nothing inside the database can tell; so the command prints what to note down elsewhere."""
    last = AuditEvent.objects.last()
    assert last.action == "invitation.created"
    with without_triggers():
        execute("DELETE FROM turing_auditevent WHERE sequence = %s", last.sequence)
        execute("DELETE FROM turing_invitation WHERE accepted_at IS NULL")
        alone, noted = verify_audit(), verify_audit(noted=(last.sequence, last.hash))

    assert alone.is_whole
    assert [problem.field for problem in noted.problems] == ["hash"]
    assert "events were removed or the chain made anew" in noted.problems[0].text
    assert verify_audit(noted=(last.sequence, last.hash)).is_whole


def test_a_damaged_value_that_cannot_even_be_read_is_named(study):
    """Only SQLite lets one be written."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL refuses such values itself")
    for table, column in (
        ("turing_answer", "idempotency_key"),
        ("turing_answer", "answered_at"),
        ("turing_study", "opened_at"),
        ("turing_auditevent", "at"),
    ):
        with without_triggers():
            execute(f"UPDATE {table} SET {column} = 'damaged' || rowid")  # noqa: S608
            places = {(problem.where, problem.field) for problem in verify_audit().problems}
        assert places & {(table, column), ("turing_auditevent", "")}


def test_deleting_an_account_is_no_problem_but_emptying_its_key_is(study):
    reader = study.sessions.order_by("reader_code").first().reader
    with without_triggers():
        execute("UPDATE turing_readingsession SET reader_id = NULL WHERE reader_id = %s", reader.pk)
        assert [problem.field for problem in verify_audit().problems] == ["reader_id"]

    reader.delete()

    assert verify_audit().is_whole


def test_a_deleted_draft_leaves_a_whole_record(study, investigator):
    draft = make_draft()
    create_invitations(study=draft, count=2, by=investigator)
    delete_study(study=draft, by=investigator)

    assert verify_audit().is_whole


def test_the_chain_holds_no_name_and_no_note(study):
    text = "".join(AuditEvent.objects.values_list("details", flat=True))

    assert "colleague" not in text
    for name in ("user", "password", "example.org"):
        assert name not in text


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as left:
        return left.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_whether_the_record_is_whole(study):
    head = AuditEvent.objects.last()

    status, text = run("--expect", f"{head.sequence}:{head.hash}")

    assert status == 0
    assert "The record is whole." in text
    assert f"Note this down outside this installation: {head.sequence}:{head.hash}" in text
    with without_triggers():
        execute("UPDATE turing_trialtruth SET label = 'other'")
        status, text = run()
    assert status == 1
    assert 'field label: is "other", the chain says "normal"' in text
    assert "problem(s): the record was changed behind the program's back." in text


def test_the_command_speaks_json(study):
    with without_triggers():
        Study.objects.filter(pk=study.pk).update(seed=8)
        status, text = run("--json")

    report = json.loads(text)
    assert (status, report["is_whole"]) == (1, False)
    assert [(p["where"], p["row"], p["field"]) for p in report["problems"]] == [("turing_study", str(study.pk), "seed")]


def test_an_event_that_was_noted_down_wrongly_is_refused():
    with pytest.raises(CommandError, match="is not SEQUENCE:HASH"):
        call_command("verify_audit", "--expect", "12")


def test_queries_do_not_grow_with_answers(django_assert_max_num_queries):
    counts = []
    study = make_open_study()
    for _ in range(3):
        read_all(make_session(study=study), ["real"] * 4)
        with django_assert_max_num_queries(60) as captured:
            assert verify_audit().is_whole
        counts.append(len(captured))

    assert counts[0] == counts[2]


def test_an_unanswered_image_may_still_be_loaded_again(study):
    session = make_session()
    answer_next(session)
    assert verify_audit().is_whole
