"""Links: made, withdrawn, used once."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.turing.builders import make_draft, make_open_study, make_session
from turing.errors import StudyError
from turing.models import Invitation, ReadingSession
from turing.reading.enrolment import accept_invitation, register_reader
from turing.services import close_study, create_invitations, enrol_reader, revoke_invitation

pytestmark = pytest.mark.django_db


def invite(study=None, **changes):
    (pair,) = create_invitations(study=study or make_open_study(), count=1, by=None, **changes)
    return pair


def test_secrets_are_given_out_and_only_their_hashes_stored(investigator):
    made = create_invitations(study=make_open_study(), count=3, by=investigator, note="ward B")

    secrets = {secret for _, secret in made}
    assert len(secrets) == 3
    for invitation, secret in made:
        stored = Invitation.objects.filter(pk=invitation.pk).values().get()
        assert not any(secret in str(value) for value in stored.values())
        assert (invitation.note, invitation.state, invitation.created_by) == ("ward B", "waiting", investigator)
        assert invitation.expires_at - timezone.now() == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))


@pytest.mark.parametrize("count", [0, 101])
def test_number_of_links_has_limits(count):
    with pytest.raises(StudyError, match=f"Number of invitations {count} is out of range"):
        create_invitations(study=make_open_study(), count=count, by=None)


def test_accepting_enrols_once(reader):
    invitation, secret = invite()

    session = accept_invitation(secret=secret, user=reader)

    invitation.refresh_from_db()
    assert (session.study, session.reader, session.reader_code) == (invitation.study, reader, "R01")
    assert (invitation.state, invitation.accepted_by) == ("used", reader)
    with pytest.raises(StudyError, match="was used already"):
        accept_invitation(secret=secret, user=UserFactory())
    assert ReadingSession.objects.count() == 1


def test_who_takes_part_already_keeps_the_link_for_somebody_else(reader):
    invitation, secret = invite()
    session = enrol_reader(study=invitation.study, user=reader)

    assert accept_invitation(secret=secret, user=reader) == session

    invitation.refresh_from_db()
    assert invitation.state == "waiting"


def test_links_that_do_not_work_say_why(reader):
    study = make_open_study()
    revoked, revoked_secret = invite(study)
    revoke_invitation(invitation=revoked)
    expired, expired_secret = invite(study)
    Invitation.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    _, draft_secret = invite(make_draft())
    closed = make_open_study()
    _, closed_secret = invite(closed)
    close_study(study=closed, by=None)

    for secret, message in {
        "made-up": "This invitation link is not known",
        revoked_secret: "was withdrawn",
        expired_secret: "has expired",
        draft_secret: "is not open yet",
        closed_secret: "The study is closed",
    }.items():
        with pytest.raises(StudyError, match=message):
            accept_invitation(secret=secret, user=reader)
        with pytest.raises(StudyError, match=message):
            register_reader(secret=secret, username="newcomer", password=PASSWORD)
    assert ReadingSession.objects.count() == 0
    assert not User.objects.filter(username="newcomer").exists()


def test_a_used_link_cannot_be_withdrawn(reader):
    invitation, secret = invite()
    accept_invitation(secret=secret, user=reader)

    with pytest.raises(StudyError, match="was used already"):
        revoke_invitation(invitation=invitation)


def test_registering_makes_a_reader_who_takes_part():
    _, secret = invite()

    session = register_reader(secret=secret, username="newcomer", password=PASSWORD, email="n@example.org")

    assert (session.reader.username, session.reader.role) == ("newcomer", User.Role.READER)
    assert session.reader.check_password(PASSWORD)


def test_a_weak_password_leaves_neither_account_nor_used_link():
    invitation, secret = invite()

    with pytest.raises(ValidationError):
        register_reader(secret=secret, username="newcomer", password="12345")

    invitation.refresh_from_db()
    assert invitation.state == "waiting"
    assert not User.objects.filter(username="newcomer").exists()


def test_codes_count_up():
    study = make_open_study()

    codes = [make_session(study=study).reader_code for _ in range(3)]

    assert codes == ["R01", "R02", "R03"]


def test_who_cannot_be_enrolled(reader, investigator):
    study, example = make_open_study(), make_open_study(is_example=True)
    enrol_reader(study=study, user=reader)

    for arguments, message in (
        ({"study": study, "user": reader}, "is a reader of"),
        ({"study": study, "user": investigator}, "investigators know too much"),
        ({"study": study, "user": None}, "every other reader needs one"),
        ({"study": study, "user": None, "is_simulated": True}, "never mixed"),
        ({"study": example, "user": reader}, "never mixed"),
        ({"study": make_draft(), "user": reader}, "is draft: readers can join an open study only"),
    ):
        with pytest.raises(StudyError, match=message):
            enrol_reader(**arguments)


def test_nobody_is_invited_to_a_closed_or_an_example_study():
    closed = close_study(study=make_open_study(), by=None)

    with pytest.raises(StudyError, match="is closed: nobody can be invited"):
        invite(closed)
    with pytest.raises(StudyError, match="people cannot be invited"):
        invite(make_draft(is_example=True))
