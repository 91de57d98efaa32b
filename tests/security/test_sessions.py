"""Cookies, sessions and secrets: nothing that an attacker plants stays valid, nothing can be guessed."""

import re
import statistics
import subprocess
import sys

import pytest
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.turing.builders import make_open_study
from turing.models import Invitation
from turing.services import create_invitations

pytestmark = pytest.mark.django_db


def sign_in(client: Client, user: User):
    return client.post(reverse("account_login"), {"login": user.username, "password": PASSWORD})


def plant_session(client: Client) -> str:
    """The key of a session that an attacker began, and made the victim's browser take."""
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    client.cookies["sessionid"] = session.session_key
    return session.session_key


def test_a_planted_session_is_dead_once_somebody_signs_in(client):
    planted = plant_session(client)

    assert sign_in(client, UserFactory()).status_code == 302

    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()
    attacker = Client()
    attacker.cookies["sessionid"] = planted
    assert attacker.get("/my-studies/").status_code == 302


def test_nor_does_it_live_on_when_an_invitation_is_accepted(client):
    ((_, secret),) = create_invitations(study=make_open_study(), count=1, by=None)
    planted = plant_session(client)
    values = {"username": "new-reader", "password": PASSWORD, "password_again": PASSWORD}

    answer = client.post(reverse("turing:invite", args=[secret]), values)

    assert answer.status_code == 302
    assert client.get("/my-studies/").status_code == 200
    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_a_key_that_the_site_never_gave_out_is_not_taken_over(client):
    client.cookies["sessionid"] = "attackerchosenattackerchosen1234"

    sign_in(client, UserFactory())

    assert client.cookies["sessionid"].value != "attackerchosenattackerchosen1234"


def test_signing_out_ends_the_session_on_the_server(client):
    sign_in(client, UserFactory())
    key = client.cookies["sessionid"].value

    client.post(reverse("account_logout"))

    assert not Session.objects.filter(session_key=key).exists()
    client.cookies["sessionid"] = key
    assert client.get("/my-studies/").status_code == 302


def test_signing_out_is_no_link(client):
    """A picture's address on another site must not end somebody's reading."""
    sign_in(client, UserFactory())

    client.get(reverse("account_logout"))

    assert client.get("/my-studies/").status_code == 200


def test_another_password_ends_the_other_sessions(client):
    user = UserFactory()
    other = Client()
    sign_in(client, user)
    sign_in(other, user)
    new = "another correct horse"

    answer = client.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )

    assert answer.status_code == 302
    assert other.get("/my-studies/").status_code == 302


def test_who_is_made_inactive_is_out_at_once(client):
    user = UserFactory()
    sign_in(client, user)
    assert client.get("/my-studies/").status_code == 200

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/my-studies/").status_code == 302


@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
def test_cookies_are_out_of_reach(client, settings, https):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = https
    client.get(reverse("account_login"))
    sign_in(client, UserFactory())

    session, token = client.cookies["sessionid"], client.cookies["csrftoken"]

    assert (session["httponly"], session["samesite"], token["samesite"]) == (True, "Lax", "Lax")
    assert (bool(session["secure"]), bool(token["secure"])) == (https, https)
    assert (session["domain"], session["path"]) == ("", "/")
    assert len(session.value) >= 32


def test_settings_for_https_come_together():
    """Read by a program of its own: settings are made when the site starts."""
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_INCLUDE_SUBDOMAINS")
    script = f"from django.conf import settings as s; print([getattr(s, n) for n in {names}], s.SECURE_HSTS_SECONDS)"
    environment = {
        "PATH": "/usr/bin:/bin", "HTTPS": "true", "DATA_DIR": str(site.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": "reader.example.org",
    }  # fmt: skip

    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert run.stdout.strip() == "[True, True, True, True] 31536000"


def test_secrets_of_invitations_cannot_be_guessed():
    """256 bits by the operating system's generator, all different, and only their hashes are kept."""
    made = create_invitations(study=make_open_study(), count=50, by=None)
    secrets = [secret for _, secret in made]

    assert len(set(secrets)) == 50
    assert all(len(secret) >= 43 and re.fullmatch(r"[-\w]+", secret) for secret in secrets)
    used = "".join(secret[:43] for secret in secrets)
    share = [used.count(sign) / len(used) for sign in set(used)]
    assert len(share) == 64
    assert statistics.pstdev(share) < 0.01
    assert not [row for row in Invitation.objects.values() if any(secret in str(row.values()) for secret in secrets)]


def test_a_wrong_secret_tells_nothing(client):
    ((invitation, secret),) = create_invitations(study=make_open_study(name="Hidden study"), count=1, by=None)
    wrong = [
        secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        secret.swapcase(),
        str(invitation.pk),
        "x" * 4000,
        "%00",
    ]

    answers = [client.get(f"/invite/{value}/") for value in wrong]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert not [answer for answer in answers if "Hidden study" in answer.content.decode()]
    assert client.get(reverse("turing:invite", args=[secret])).status_code == 200


def test_unknown_users_cost_as_much_as_known_ones(client, settings):
    """By what is done, not by the clock: a password is hashed once in both cases, and the answers are the same."""
    settings.PASSWORD_HASHERS = ["tests.security.hashers.CountingHasher"]
    from tests.security.hashers import CountingHasher

    known = UserFactory()
    answers, hashed = [], []
    for name in (known.username, "nobody-of-that-name"):
        CountingHasher.count = 0
        answer = Client().post(reverse("account_login"), {"login": name, "password": "wrong wrong wrong"})
        hashed.append(CountingHasher.count)
        page = re.sub(r"\b\w{64}\b", "TOKEN", answer.content.decode()).replace(name, "NAME")
        answers.append((answer.status_code, page))

    assert hashed[0] == hashed[1] > 0
    assert answers[0] == answers[1]
