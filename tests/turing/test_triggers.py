"""The database itself refuses to change the record, on SQLite and on PostgreSQL, whoever asks in SQL."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from tests.quick_database import empty_tables
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session
from turing.models import Answer, AuditEvent, LeakReport, Phase, PracticeFeedback, Study, Trial, TrialTruth
from turing.services import close_study

pytestmark = pytest.mark.django_db


def refused(sql: str, *parameters) -> str:
    """The database's words."""
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return str(error.value)


@pytest.fixture
def study():
    session = make_session(study=make_open_study(n_practice=1, practice_feedback=True))
    answer_next(session, "real")
    return session.study


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("turing_answer", "value = 'synthetic'"),
        ("turing_answer", "reading_ms = 1"),
        ("turing_trial", "stimulus_file = 'stimuli/other'"),
        ("turing_trialtruth", "origin = 'real'"),
        ("turing_trialtruth", "repeat_of_id = 1"),
        ("turing_trial", "right_file = 'stimuli/other'"),
        ("turing_answer", "rating = 1"),
        ("turing_answer", "position = 9"),
        ("turing_leakreport", "override_reason = 'other'"),
        ("turing_practicefeedback", "value = 'left'"),
    ],
)
def test_rows_of_the_record_cannot_be_changed(study, table, change):
    assert f"{table} is insert-only" in refused(f"UPDATE {table} SET {change}")  # noqa: S608


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ("turing_answer", Answer),
        ("turing_trial", Trial),
        ("turing_trialtruth", TrialTruth),
        ("turing_leakreport", LeakReport),
        ("turing_practicefeedback", PracticeFeedback),
    ],
)
def test_rows_of_the_record_cannot_be_removed(study, table, model):
    before = model.objects.count()

    assert f"{table} is insert-only" in refused(f"DELETE FROM {table}")  # noqa: S608

    assert model.objects.count() == before > 0


def test_nor_by_the_orm(study):
    answer = Answer.objects.get()
    answer.value = "synthetic"

    with pytest.raises(IntegrityError), transaction.atomic():
        answer.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        answer.delete()

    answer.refresh_from_db()
    assert answer.value == "real"


@pytest.mark.parametrize(
    "change",
    [
        "name = 'other'",
        "question = 'other'",
        "seed = 1",
        "leak_limit = 1",
        "n_real = 1",
        "image_size = 99",
        "positive_class = 'synthetic'",
        "protocol_sha256 = 'forged'",
        "manifest_sha256 = 'forged'",
        "protocol = '{}'",
        'real_filters = \'{"labels": ["a"]}\'',
        "opened_at = NULL",
        "is_example = NOT is_example",
        "status = 'draft'",
    ],
)
def test_an_opened_study_is_frozen(change):
    make_open_study()

    assert "an opened study is frozen" in refused(f"UPDATE turing_study SET {change}")  # noqa: S608


# a value that differs from the default of each, and that its column takes
OTHER = {
    "project_id": "id",
    "bit_depth": "16",
    "scale": "'percent'",
    "real_label": "'x'",
    "synthetic_label": "'x'",
    "mark_kind": "'box'",
    "asks_comment": "NOT asks_comment",
    "n_practice": "9",
    "practice_feedback": "NOT practice_feedback",
    "n_repeats": "9",
    "order": "'per_reader'",
    "break_every": "9",
    "exposure_limit_ms": "999",
    "time_limit_ms": "999",
    "shows_total": "NOT shows_total",
    "shows_score": "NOT shows_score",
    "consent": "'x'",
    "closing_text": "'x'",
    "group_by": "'years'",
    "groups": "'[1]'",
    "follows_id": "id",
    "washout_days": "9",
    "equivalence_margin": "0.2",
    "confidence_level": "0.9",
    "shortest_time_ms": "9",
    "longest_time_ms": "9",
    "outlier_mads": "9",
}


@pytest.mark.parametrize("column", OTHER)
def test_every_choice_is_frozen(column):
    make_open_study()

    assert "an opened study is frozen" in refused(f'UPDATE turing_study SET "{column}" = {OTHER[column]}')  # noqa: S608


def test_a_new_choice_is_frozen_too():
    """A new field of a study is put into the list above, or named here as one that changes while it is open."""
    changes = {"status", "closed_at", "closed_by_id", "created_by_id", "opened_by_id"}
    of_before = {
        *("id", "name", "question", "instructions", "positive_class", "real_dataset_id", "synthetic_dataset_id"),
        *("real_filters", "synthetic_filters", "n_real", "n_synthetic", "seed", "image_size", "is_example"),
        *("leak_limit", "protocol", "protocol_sha256", "manifest_sha256", "opened_at", "created_at"),
    }

    assert {field.column for field in Study._meta.concrete_fields} == {*OTHER, *changes, *of_before, "block_size"}


LATER = [{"n_real": 1, "n_synthetic": 1}]


def test_phases_are_frozen_with_their_study():
    study = make_open_study(later_phases=LATER)

    assert "its phases cannot be changed" in refused("UPDATE turing_phase SET question = 'other'")
    assert "its phases cannot be changed" in refused("DELETE FROM turing_phase")
    with pytest.raises(IntegrityError, match="its phases cannot be changed"), transaction.atomic():
        study.later_phases.create(
            number=3,
            title="x",
            question="x",
            n_real=1,
            n_synthetic=1,
            real_dataset=study.real_dataset,
            synthetic_dataset=study.synthetic_dataset,
        )
    assert Phase.objects.get().number == 2


def test_a_phase_cannot_be_moved_to_or_from_an_open_study():
    make_draft(later_phases=LATER)
    study = make_open_study()

    with pytest.raises(IntegrityError, match="its phases cannot be changed"), transaction.atomic():
        Phase.objects.update(study=study)


def test_phases_of_a_draft_are_free():
    make_draft(later_phases=LATER)

    Phase.objects.update(question="other")
    Phase.objects.all().delete()


def test_the_order_of_a_session_is_locked(study):
    assert "the order of a reading session is locked" in refused("UPDATE turing_readingsession SET trial_order = '[1]'")


def test_only_practice_has_feedback(study):
    trial = study.trials.filter(is_practice=False).first()

    with pytest.raises(IntegrityError, match="only practice trials have feedback"), transaction.atomic():
        PracticeFeedback.objects.create(trial=trial, value="real")


def test_a_closed_study_is_not_opened_again():
    close_study(study=make_open_study(), by=None)

    assert "an opened study is frozen" in refused("UPDATE turing_study SET status = 'open'")


def test_an_opened_study_is_not_deleted():
    make_open_study()

    assert "an opened study is frozen" in refused("DELETE FROM turing_study")


def test_a_draft_is_free():
    make_draft()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE turing_study SET seed = 1, name = 'other'")
        cursor.execute("DELETE FROM turing_study")

    assert Study.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.django_db(transaction=True)
def test_triggers_outlive_the_emptying_after_a_test():
    answer_next(make_session())

    empty_tables()

    assert not Answer.objects.exists()
    answer_next(make_session())
    assert "turing_answer is insert-only" in refused("DELETE FROM turing_answer")


def test_the_audit_chain_is_append_only(study):
    before = AuditEvent.objects.count()

    assert "turing_auditevent is insert-only" in refused("UPDATE turing_auditevent SET actor = 1")
    assert "turing_auditevent is insert-only" in refused("DELETE FROM turing_auditevent")
    assert AuditEvent.objects.count() == before > 0


def test_the_audit_chain_cannot_fork(study):
    """Two events after the same one: the database refuses the second, whatever the program does."""
    last = AuditEvent.objects.last()
    fork = AuditEvent(
        sequence=last.sequence + 1,
        at=last.at,
        action="forged",
        object_type="",
        object_id="",
        details="{}",
        previous_hash=last.previous_hash,
        hash="f" * 64,
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        fork.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_triggers_and_rows_outlive_the_migrations_that_change_their_tables():
    """On SQLite a table is made anew for a new column, and loses its triggers."""
    answer_next(make_session(), "synthetic")

    for step in ("0007", "0004", "0005"):
        call_command("migrate", "turing", step, verbosity=0)
        assert "turing_answer is insert-only" in refused("DELETE FROM turing_answer")
        assert "turing_answer is insert-only" in refused("UPDATE turing_answer SET value = 'real'")
    call_command("migrate", verbosity=0)  # every app: what rests on it went back with it

    assert Answer.objects.get().value == "synthetic"
