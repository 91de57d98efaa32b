"""Export, erasure and retention: what is given out, what is removed, and what stays."""

import io
import json
import zipfile
from datetime import timedelta
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.accounts.errors import AccountError
from config.accounts.invitations import accept_invitation as accept_account
from config.accounts.invitations import invite_user
from config.accounts.models import AccountInvitation, SignIn, User, WebSession
from config.accounts.services import reactivate_user
from config.privacy.erasing import erase_person
from config.privacy.exporting import export_person
from config.privacy.jobs import start_retention
from config.privacy.retention import apply_retention, readers_to_erase
from tests.factories import PASSWORD, UserFactory
from tests.generation.conftest import run_job
from tests.turing.builders import answer_next, make_open_study, make_session
from turing.audit.verification import verify_audit
from turing.models import Answer, Invitation, Study
from turing.reading.enrolment import accept_invitation
from turing.reading.services import start_reading
from turing.services import close_study, create_invitations, follow_up_study

pytestmark = pytest.mark.django_db
ANN = {"username": "ann", "email": "ann@hospital.example", "first_name": "Ann", "last_name": "Markerlee"}


@pytest.fixture
def ann():
    return UserFactory(**ANN)


@pytest.fixture
def session(ann):
    """Ann reads, by an invitation with her name on it."""
    ((_, secret),) = create_invitations(
        study=make_open_study(asks_comment=True), count=1, by=None, note="for Ann Markerlee"
    )
    session = start_reading(session=accept_invitation(secret=secret, user=ann), consents=True)
    answer_next(session, comment="a comment")
    return session


def documents(data: bytes) -> dict:
    archive = zipfile.ZipFile(io.BytesIO(data))
    return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def long_ago(days=400):
    return timezone.now() - timedelta(days=days)


def close_long_ago(study, days=400):
    close_study(study=study, by=None)
    Study.objects.filter(pk=study.pk).update(closed_at=long_ago(days))


def test_the_export_has_everything_about_one_person_and_nothing_about_others(session, ann):
    other = make_session(study=session.study, reader=UserFactory(username="markerother"))
    answer_next(other, comment="markercomment")
    client = Client(headers={"user-agent": "Firefox/140 (Linux)"})
    client.post(reverse("account_login"), {"login": "ann", "password": PASSWORD})

    while_open = documents(client.post(reverse("privacy:own_export")).content)
    close_study(study=session.study, by=None)
    answer = client.post(reverse("privacy:own_export"))

    (study,) = while_open["studies.json"]
    assert study["answers"] == "when the study is closed"
    assert not {"your_code", "reader_group"} & study.keys()
    assert answer["Content-Disposition"].startswith('attachment; filename="my-data-')
    found = documents(answer.content)
    assert found["account.json"]["email"] == "ann@hospital.example"
    (study,) = found["studies.json"]
    assert (study["your_code"], study["number_of_answers"]) == (session.reader_code, 1)
    assert study["answers"][0]["comment"] == "a comment"
    assert [row["outcome"] for row in found["sign-ins.json"]] == ["signed-in"]
    assert found["sessions.json"][0]["browser"] == "Firefox on Linux"
    text = json.dumps(found)
    assert not any(secret in text for secret in ("marker" + "other", "markercomment", ann.password, "origin", "label"))
    assert client.cookies["sessionid"].value not in text


def test_erasing_leaves_answers_and_the_chain_and_no_name(session, ann, administrators_client):
    client = Client()
    client.post(reverse("account_login"), {"login": "ann", "password": PASSWORD})
    EmailAddress.objects.create(user=ann, email=ann.email, verified=True, primary=True)
    before = list(Answer.objects.values())
    administrators_client.post(f"/admin/accounts/user/{ann.pk}/change/", {})
    address = reverse("privacy:person_erase", args=[ann.pk])

    wrong = administrators_client.post(address, {"username": "bob"}, follow=True)
    assert "Nothing was erased" in wrong.content.decode()
    administrators_client.post(address, {"username": "ann"})

    assert list(Answer.objects.values()) == before
    assert not verify_audit().problems
    ann.refresh_from_db()
    session.refresh_from_db()
    assert (ann.username, ann.email, ann.is_active) == (f"erased-{ann.pk}", "", False)
    assert (session.reader, session.reader_code) == (ann, "R01")
    assert client.get("/my-studies/").status_code == 302
    assert Client().post(reverse("account_login"), {"login": "ann", "password": PASSWORD}).status_code == 200
    for model in (User, Invitation, AccountInvitation, SignIn, WebSession, EmailAddress):
        rows = str(list(model._default_manager.values()))
        assert not any(word in rows for word in ("Markerlee", "hospital.example"))
    with pytest.raises(AccountError, match="was erased"):
        reactivate_user(user=ann, by=None)
    assert erase_person(user=ann, by=None).erased_at == ann.erased_at


def test_the_invitation_of_an_erased_person_names_nobody(client):
    _, secret = invite_user(role="reader", by=None, email="ann@hospital.example", note="Ann Markerlee")
    ann = accept_account(secret=secret, username="ann", password=PASSWORD, email="a.lee@home.example")

    erase_person(user=ann, by=None)

    assert AccountInvitation.objects.values_list("email", "note").get() == ("", "")


def test_nobody_erases_the_last_administrator_or_themselves(administrator, administrators_client):
    answer = administrators_client.post(
        reverse("privacy:person_erase", args=[administrator.pk]), {"username": "admin"}, follow=True
    )

    assert "You cannot deactivate your own account" in answer.content.decode()
    with pytest.raises(AccountError, match="last active administrator"):
        erase_person(user=administrator, by=None)
    administrator.refresh_from_db()
    assert administrator.username == "admin"


@pytest.fixture
def kept_a_year(settings):
    settings.RETENTION_DAYS = 365


def make_old(*users):
    User.objects.filter(pk__in=[user.pk for user in users]).update(date_joined=long_ago(), last_login=long_ago())


def test_identities_go_when_the_last_study_has_been_closed_for_long(kept_a_year, ann, session):
    reads_on, recent, came_back, planned, never_read = (UserFactory() for _ in range(5))
    for reader in (reads_on, recent, came_back):
        make_session(study=session.study, reader=reader)
    make_session(study=make_open_study(), reader=reads_on)
    newer = make_open_study()
    make_session(study=newer, reader=recent)
    close_long_ago(newer, days=100)
    with_second = make_open_study()
    make_session(study=with_second, reader=planned)
    close_long_ago(with_second)
    follow_up_study(study=with_second, by=None, washout_days=30)
    close_long_ago(session.study)
    make_old(ann, reads_on, recent, planned, never_read)

    assert readers_to_erase() == [ann]
    assert apply_retention().identities == 1
    ann.refresh_from_db()
    assert ann.erased_at is not None
    assert apply_retention().identities == 0


def test_nothing_goes_without_the_setting_but_expired_sessions(ann, session):
    close_long_ago(session.study)
    make_old(ann)
    SignIn.objects.create(user=ann, outcome="signed-in", address="192.0.2.x", browser="x", at=long_ago())
    invite_user(role="reader", by=None)
    AccountInvitation.objects.update(expires_at=long_ago())
    Client().force_login(ann)
    WebSession.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    removed = apply_retention()

    assert removed.to_dict() == {"identities": 0, "sign_ins": 0, "invitations": 0, "sessions": 1}


def test_old_sign_ins_and_invitations_go_by_job_and_by_command(kept_a_year, administrators_client, administrator):
    for at in (long_ago(), timezone.now()):
        SignIn.objects.create(outcome="wrong-password", address="192.0.2.x", browser="x", at=at)
    kept, _ = invite_user(role="reader", by=None)
    old, _ = invite_user(role="reader", by=None)
    AccountInvitation.objects.filter(pk=old.pk).update(expires_at=long_ago())
    study = make_open_study()
    create_invitations(study=study, count=2, by=None, note="for Bob Markerlee")
    unused = Invitation.objects.filter(study=study).first()
    Invitation.objects.filter(pk=unused.pk).update(expires_at=long_ago())
    assert administrators_client.get(reverse("privacy:retention")).status_code == 200

    answer = administrators_client.post(reverse("privacy:retention"))

    assert "/jobs/" in answer.url
    job = start_retention(by=administrator)
    run_job(job)
    job.refresh_from_db()
    assert job.result == {"identities": 0, "sign_ins": 1, "invitations": 2, "sessions": 0}
    assert [one.note for one in study.invitations.order_by("expires_at")] == ["", "for Bob Markerlee"]
    assert AccountInvitation.objects.get() == kept
    out = StringIO()
    call_command("apply_retention", "--json", stdout=out)
    assert json.loads(out.getvalue())["sign_ins"] == 0


def test_commands(ann, session, tmp_path, capsys):
    path = tmp_path / "ann.zip"
    call_command("export_person", "ann", str(path), stdout=StringIO())
    assert documents(path.read_bytes())["account.json"]["username"] == "ann"
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_person", "ann", str(path))
    with pytest.raises(CommandError, match="Nobody here has the user name “bob”"):
        call_command("erase_person", "bob", "--yes")
    with pytest.raises(CommandError, match="add --yes"):
        call_command("erase_person", "ann")
    call_command("erase_person", "ann", "--yes", stdout=StringIO())
    assert export_person(user=User.objects.get(pk=ann.pk))
    assert not User.objects.filter(username="ann").exists()


def test_only_administrators_and_oneself(reader, investigator):
    for user in (reader, investigator):
        client = Client()
        client.force_login(user)
        for name in ("person_export", "person_erase"):
            assert client.post(reverse(f"privacy:{name}", args=[reader.pk]), {"username": user}).status_code == 403
        assert client.get(reverse("privacy:retention")).status_code == 403
        assert client.post(reverse("privacy:retention")).status_code == 403
    assert Client().post(reverse("privacy:own_export")).url.startswith("/accounts/login/")
    reader.refresh_from_db()
    assert reader.erased_at is None
