"""Invitations of people: one account each, and only for who has the link in time."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.accounts.errors import AccountError
from config.accounts.invitations import accept_invitation, invitation_accepted, invite_user, revoke_invitation
from config.accounts.models import AccountInvitation, User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LINK = re.compile(r"http://[^/]+(/join/[A-Za-z0-9_-]{43}/)")


def invite(**wanted):
    return invite_user(**{"role": "investigator", "by": None, **wanted})


def join(client, address, **changes):
    form = {"username": "ann", "email": "", "password": PASSWORD, "password_again": PASSWORD, **changes}
    return client.post(address, form)


def test_only_the_hash_of_the_secret_is_stored(administrator):
    invitation, secret = invite(by=administrator, email="ann@example.org", days=3)

    stored = AccountInvitation.objects.values().get()
    assert not any(secret in str(value) for value in stored.values())
    assert (invitation.state, invitation.created_by, invitation.role) == ("waiting", administrator, "investigator")
    assert invitation.expires_at - timezone.now() == pytest.approx(timedelta(days=3), abs=timedelta(minutes=1))


def test_an_invited_person_makes_one_account(client, administrators_client):
    page = administrators_client.post(reverse("accounts:invitations"), {"role": "administrator", "days": 5})
    (address,) = LINK.findall(page.content.decode())
    assert address not in administrators_client.get(reverse("accounts:invitations")).content.decode()
    assert client.get(address).status_code == 200
    assert not User.objects.filter(username="ann").exists()  # opening the link changes nothing

    assert join(client, address).url == "/"

    ann = User.objects.get(username="ann")
    assert (ann.role, ann.is_superuser, ann.check_password(PASSWORD)) == ("administrator", True, True)
    assert client.session["_auth_user_id"] == str(ann.pk)
    again = join(Client(), address, username="eve")
    assert (again.status_code, "was used already" in again.content.decode()) == (410, True)
    assert not User.objects.filter(username="eve").exists()


def test_links_that_do_not_work_say_why(client):
    revoked, revoked_secret = invite()
    revoke_invitation(invitation=revoked)
    expired, expired_secret = invite()
    AccountInvitation.objects.filter(pk=expired.pk).update(expires_at=timezone.now())

    for secret, status, message in (
        ("made-up", 404, "not known"),
        (revoked_secret, 410, "was withdrawn"),
        (expired_secret, 410, "has expired"),
    ):
        for answer in (client.get(reverse("accounts:join", args=[secret])), join(client, f"/join/{secret}/")):
            assert (answer.status_code, message in answer.content.decode()) == (status, True)
        with pytest.raises(AccountError, match=message):
            accept_invitation(secret=secret, username="ann", password=PASSWORD)
    assert User.objects.count() == 0


def test_a_link_is_not_for_who_is_signed_in(investigator_client):
    _, secret = invite()

    answer = join(investigator_client, f"/join/{secret}/")

    assert (answer.status_code, "Sign out and open the link again" in answer.content.decode()) == (410, True)
    assert AccountInvitation.objects.get().state == "waiting"


@pytest.mark.parametrize(
    ("field", "value"), [("password", "12345"), ("username", "taken"), ("password_again", "another")]
)
def test_a_mistake_keeps_the_link(client, field, value):
    UserFactory(username="taken")
    _, secret = invite()
    changes = {field: value, **({"password_again": value} if field == "password" else {})}

    answer = join(client, f"/join/{secret}/", **changes)

    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {field}
    assert AccountInvitation.objects.get().state == "waiting"


def test_an_emailed_link_is_seen_by_its_recipient_alone(client, administrators_client):
    wanted = {"role": "investigator", "days": 5, "email": "ann@example.org", "note": "new colleague"}

    page = administrators_client.post(reverse("accounts:invitations"), wanted, follow=True)

    (message,) = mail.outbox
    (address,) = LINK.findall(message.body)
    assert message.to == ["ann@example.org"]
    assert "new colleague" not in message.body
    assert LINK.findall(page.content.decode()) == []
    join(client, address, email="ann@example.org")
    assert User.objects.get(username="ann").emailaddress_set.get().verified


def test_without_a_mail_server_the_link_is_shown_and_never_logged(administrators_client, settings, capfd):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    wanted = {"role": "investigator", "days": 5, "email": "ann@example.org"}

    page = administrators_client.post(reverse("accounts:invitations"), wanted).content.decode()

    assert "Not sent to ann@example.org" in page
    (address,) = LINK.findall(page)
    assert address not in "".join(capfd.readouterr())
    assert AccountInvitation.objects.get().was_sent is False


def test_an_address_that_was_not_proven_is_not_verified(client):
    _, secret = invite(email="ann@example.org")  # the link was shown to the administrator

    join(client, f"/join/{secret}/", email="ann@example.org")

    assert not User.objects.get(username="ann").emailaddress_set.exists()


def test_who_cannot_be_invited(administrators_client):
    UserFactory(email="ann@example.org")

    answer = administrators_client.post(
        reverse("accounts:invitations"), {"role": "reader", "days": 91, "email": "ANN@example.org"}
    )
    assert answer.context["form"].errors.keys() == {"days"}
    answer = administrators_client.post(
        reverse("accounts:invitations"), {"role": "reader", "days": 9, "email": "ANN@example.org"}
    )
    assert answer.context["form"].errors["email"] == [
        "ANN@example.org has an account already. Find it in the list of people."
    ]
    with pytest.raises(AccountError, match="Role “king” is not known"):
        invite(role="king")


def test_a_used_invitation_cannot_be_withdrawn(administrators_client):
    invitation, secret = invite()
    address = reverse("accounts:invitation_revoke", args=[invitation.pk])
    accept_invitation(secret=secret, username="ann", password=PASSWORD)

    answer = administrators_client.post(address, follow=True)

    assert "was used already" in answer.content.decode()


def test_what_others_tie_to_an_invitation_happens_with_it_or_not_at_all():
    _, secret = invite()

    def refuse(invitation, user, **_):
        raise ValidationError(f"{user} cannot join")

    invitation_accepted.connect(refuse)
    try:
        with pytest.raises(ValidationError, match="ann cannot join"):
            accept_invitation(secret=secret, username="ann", password=PASSWORD)
    finally:
        invitation_accepted.disconnect(refuse)

    assert AccountInvitation.objects.get().state == "waiting"
    assert not User.objects.exists()


def test_the_command_prints_a_link_or_sends_it(client):
    out = StringIO()
    call_command("invite_user", "--role", "administrator", "--site", "http://reader.example.org/", stdout=out)
    (address,) = LINK.findall(out.getvalue())
    assert join(client, address).url == "/"

    sent = StringIO()
    call_command("invite_user", "--email", "bob@example.org", "--send", stdout=sent)
    assert LINK.findall(sent.getvalue()) == []
    assert LINK.findall(mail.outbox[0].body) != []
    with pytest.raises(CommandError, match="--send needs --email"):
        call_command("invite_user", "--send")
    with pytest.raises(CommandError, match="out of range"):
        call_command("invite_user", "--days", "400")


def test_signing_up_stays_closed(client):
    answer = client.post("/accounts/signup/", {"username": "eve", "password1": PASSWORD})

    assert "Registration is closed" in answer.content.decode()
    assert not User.objects.exists()
