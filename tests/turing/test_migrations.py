"""A study that an earlier version opened is whole after the migration: its hash, its frozen state, its audit chain."""

import pytest
from django.core.management import call_command
from django.db import connection

from tests.turing.builders import make_open_study, make_session, read_all, truths
from tests.turing.test_triggers import refused
from turing import protocol
from turing.audit import records, services
from turing.audit.verification import verify_audit
from turing.models import Answer, Study
from turing.reports.declared import declared_plan
from turing.services import close_study, freezing

NEW = ("equivalence_margin", "confidence_level", "shortest_time_ms", "longest_time_ms", "outlier_mads")


def columns() -> set[str]:
    with connection.cursor() as cursor:
        return {column.name for column in connection.introspection.get_table_description(cursor, "turing_study")}


@pytest.fixture
def study_of_before(monkeypatch):
    """Opened, read and closed by the program as it was: neither protocol nor chain know of the new fields."""

    def describe_row(row, *, only=()):
        record = records.describe_row(row, only=only)
        return records.RowRecord(record.table, record.key, {k: v for k, v in record.columns.items() if k not in NEW})

    with monkeypatch.context() as patch:
        patch.setattr(protocol, "PROTOCOL_SCHEMA", 3)
        patch.setattr(freezing, "CHOICES", tuple(name for name in freezing.CHOICES if name not in NEW))
        patch.setattr(services, "describe_row", describe_row)
        study = make_open_study(later_phases=[{"n_real": 1, "n_synthetic": 1}])
        read_all(make_session(study=study), truths(study)[:4])  # the first phase
        close_study(study=study, by=None)
    study.refresh_from_db()
    assert not set(NEW) & set(study.protocol)
    return study


@pytest.mark.django_db(transaction=True)
def test_an_opened_study_outlives_the_plan_of_the_analysis(study_of_before):
    study, n_answers = study_of_before, Answer.objects.count()
    call_command("migrate", "turing", "0007", verbosity=0)
    assert not set(NEW) & columns()

    call_command("migrate", verbosity=0)  # every app: what rests on it went back with it

    now = Study.objects.get(pk=study.pk)
    assert (now.protocol, now.protocol_sha256) == (study.protocol, study.protocol_sha256)
    assert protocol.document_sha256(now.protocol) == now.protocol_sha256
    assert [getattr(now, name) for name in NEW] == [None] * 5
    assert declared_plan(now).margin is None
    assert verify_audit().problems == ()
    assert Answer.objects.count() == n_answers == 4
    for change in ("equivalence_margin = 0.1, confidence_level = 0.95", "longest_time_ms = 9", "seed = 1"):
        assert "an opened study is frozen" in refused(f"UPDATE turing_study SET {change}")  # noqa: S608
    for table in ("turing_answer", "turing_phase", "turing_study"):
        assert refused(f"DELETE FROM {table}")  # noqa: S608
