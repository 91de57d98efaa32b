"""Every verb leaves its event in one unbroken line, with what it did or not at all."""

import hashlib
import json
import uuid
from datetime import UTC

import pytest
from django.db import connection, transaction
from django.urls import reverse

from tests.factories import UserFactory
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session, read_all
from tests.turing.reading.test_concurrency import at_once
from turing.audit.services import START, record_event
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import AuditEvent
from turing.reading.enrolment import accept_invitation
from turing.reading.errors import ReadingRefused
from turing.reading.services import start_reading
from turing.services import (
    close_study,
    create_invitations,
    delete_study,
    open_study,
    revoke_invitation,
    update_study,
)
from turing.simulation import simulate_readers

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEvent.objects.values_list("action", flat=True))


def test_every_verb_is_recorded_with_who_did_it(investigator, investigator_client):
    study = make_draft(n_real=1, n_synthetic=1, created_by=investigator)
    update_study(study=study, by=investigator, name="Renamed")
    open_study(study=study, by=investigator)
    (kept, secret), (withdrawn, _) = create_invitations(study=study, count=2, by=investigator)
    revoke_invitation(invitation=withdrawn, by=investigator)
    revoke_invitation(invitation=withdrawn, by=investigator)  # changes nothing: no second event
    reader = UserFactory()
    session = accept_invitation(secret=secret, user=reader)
    start_reading(session=session)
    start_reading(session=session)
    read_all(session, ["real", "real"])
    close_study(study=study, by=investigator)
    investigator_client.get(reverse("turing:study_results", args=[study.pk]))
    investigator_client.get(reverse("turing:study_answers_csv", args=[study.pk]))
    discarded = make_draft(created_by=investigator)
    discarded_id = str(discarded.pk)
    delete_study(study=discarded, by=investigator)

    by_investigator, by_reader = investigator.pk, reader.pk
    assert list(AuditEvent.objects.values_list("action", "actor", "object_id")) == [
        ("study.created", by_investigator, str(study.pk)),
        ("study.changed", by_investigator, str(study.pk)),
        ("study.opened", by_investigator, str(study.pk)),
        ("invitation.created", by_investigator, str(kept.pk)),
        ("invitation.created", by_investigator, str(withdrawn.pk)),
        ("invitation.revoked", by_investigator, str(withdrawn.pk)),
        ("session.enrolled", by_reader, str(session.pk)),
        ("invitation.accepted", by_reader, str(kept.pk)),
        ("session.started", by_reader, str(session.pk)),
        *(("answer.stored", by_reader, str(answer.pk)) for answer in session.answers.all()),
        ("session.finished", by_reader, str(session.pk)),
        ("study.closed", by_investigator, str(study.pk)),
        ("results.viewed", by_investigator, str(study.pk)),
        ("results.exported", by_investigator, str(study.pk)),
        ("study.created", by_investigator, discarded_id),
        ("study.deleted", by_investigator, discarded_id),
    ]
    assert verify_audit().is_whole


def test_the_hash_can_be_computed_by_anybody_from_the_documented_rule():
    """Written again from docs/integrity.md, without a function of the program."""
    read_all(make_session(), ["real"])

    previous = "0" * 64
    for sequence, event in enumerate(AuditEvent.objects.all(), start=1):
        content = {
            "action": event.action,
            "actor": event.actor,
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "details": event.details,
            "object_id": event.object_id,
            "object_type": event.object_type,
            "previous_hash": previous,
            "schema": 1,
            "sequence": sequence,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert event.hash == hashlib.sha256(text.encode()).hexdigest()
        previous = event.hash
    assert START == "0" * 64


def test_an_answer_is_recorded_with_its_content_and_the_hash_of_it():
    session = make_session()
    answer_next(session, "synthetic", reading_ms=1234)
    answer = session.answers.get()

    details = json.loads(AuditEvent.objects.get(action="answer.stored").details)

    content = details["written"]["turing_answer"][str(answer.pk)]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert details["answer_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert set(content) == {field.attname for field in answer._meta.concrete_fields}
    assert (content["value"], content["reading_ms"], content["trial_id"]) == ("synthetic", 1234, answer.trial_id)
    assert list(details["written"]["turing_presentation"]) == [str(session.presentations.earliest("pk").pk)]


def test_simulated_answers_are_recorded_as_such():
    study = make_open_study(is_example=True)
    simulate_readers(study=study, n_readers=2, seed=1)

    assert actions().count("answer.simulated") == 8
    assert "answer.stored" not in actions()
    assert verify_audit().is_whole


def test_what_is_refused_or_repeated_leaves_no_event():
    session = make_session(study=make_open_study(n_real=1, n_synthetic=1))
    key = uuid.uuid4()
    answer_next(session, idempotency_key=key)
    before = actions()

    with pytest.raises(ReadingRefused):
        answer_next(session, idempotency_key=key)
    with pytest.raises(StudyError):
        open_study(study=session.study, by=None)
    with pytest.raises(StudyError):
        delete_study(study=session.study)

    assert actions() == before


def test_an_event_needs_the_transaction_of_its_deed(transactional_db):
    study = make_draft()

    with pytest.raises(transaction.TransactionManagementError, match="inside the transaction"):
        record_event(action="study.changed", about=study, by=None)


def test_a_deed_that_is_undone_takes_its_event_along(transactional_db):
    with transaction.atomic():
        make_draft()
        assert actions() == ["study.created"]
        transaction.set_rollback(True)

    assert actions() == []


@pytest.mark.django_db(transaction=True)
def test_the_chain_is_one_line_when_many_record_at_once():
    study = make_open_study(n_real=6, n_synthetic=6)
    sessions = [make_session(study=study) for _ in range(5)]

    def read(session):
        read_all(session, ["real"] * 12)

    at_once(*(lambda session=session: read(session) for session in sessions))

    found = verify_audit()
    assert list(found.problems) == []
    assert actions().count("answer.stored") == 60
    assert found.n_events == AuditEvent.objects.last().sequence


@pytest.mark.django_db(transaction=True)
def test_reading_does_not_wait_for_somebody_who_is_slow_before_recording():
    """An opening that takes long holds the chain only at its end: answers come in meanwhile."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite transactions that write follow one another")
    session = make_session()

    def answer():
        answer_next(session)
        return True

    with transaction.atomic():
        UserFactory()  # a transaction that has written, and has not come to its event yet
        assert at_once(answer) == [True]
