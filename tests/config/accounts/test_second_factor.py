"""The second factor, with codes computed here from the secret that the page shows."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import SignIn, WebSession
from tests.config.accounts.codes import totp, wait_for_a_fresh_step
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = re.compile(r'id="second-factor-secret">([A-Z2-7]{32})<')
SET_UP = "/accounts/2fa/totp/activate/"


def sign_in(user, client=None):
    client = client or Client()
    client.post(reverse("account_login"), {"login": user.username, "password": PASSWORD})
    return client


def set_up(client) -> str:
    """Turn it on in the pages, which ask for the password again; the secret. The code that was used works again."""
    assert client.get(SET_UP).url.startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    (secret,) = SECRET.findall(client.get(SET_UP).content.decode())
    wait_for_a_fresh_step()
    assert client.post(SET_UP, {"code": totp(secret)}).url == "/accounts/2fa/recovery-codes/"
    cache.clear()
    return secret


def is_in(client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(at, code):
    """RFC 6238, appendix B (SHA-1), the last six of its eight digits."""
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at) == code


def test_signing_in_takes_password_and_code(investigator):
    secret = set_up(sign_in(investigator))

    client = sign_in(investigator)
    assert not is_in(client)
    assert client.get("/").url.startswith("/accounts/login/")
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "Incorrect code" in wrong.content.decode()
    assert SignIn.objects.filter(user=investigator, outcome="wrong-code").count() == 1
    wait_for_a_fresh_step()
    code = totp(secret)
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).url == "/"
    assert is_in(client)

    again = sign_in(investigator)
    again.post("/accounts/2fa/authenticate/", {"code": code})  # seen over a shoulder
    assert not is_in(again)


def test_recovery_codes_work_once(investigator):
    owner = sign_in(investigator)
    set_up(owner)
    codes = owner.get("/accounts/2fa/recovery-codes/download/").content.decode().split()[-10:]

    def tried() -> bool:
        client = sign_in(investigator)
        client.post("/accounts/2fa/authenticate/", {"code": codes[3]})
        return is_in(client)

    assert [tried(), tried()] == [True, False]


def test_wrong_codes_are_limited_like_wrong_passwords(investigator):
    secret = set_up(sign_in(investigator))
    client = sign_in(investigator)
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})

    wait_for_a_fresh_step()
    client.post("/accounts/2fa/authenticate/", {"code": totp(secret)})

    assert not is_in(client)


def test_the_secret_is_stored_encrypted(investigator, settings):
    secret = set_up(sign_in(investigator))

    assert all(secret not in str(values) for values in Authenticator.objects.values())
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key, as after a change of it"
    wait_for_a_fresh_step()
    client = sign_in(investigator)
    client.post("/accounts/2fa/authenticate/", {"code": totp(secret)})
    assert is_in(client)


def test_required_of_investigators_before_anything_else(settings, investigator, administrator, reader):
    settings.REQUIRE_MFA = "investigators"
    for user in (investigator, administrator):
        client = sign_in(user)
        for address in ("/", "/studies/", "/people/", "/account/", "/admin/"):
            assert client.get(address).url == SET_UP
        assert client.post("/studies/new/", {"name": "x"}).url == SET_UP
        set_up(client)
        assert client.get("/studies/").status_code == 200
        assert client.post("/accounts/2fa/totp/deactivate/").status_code == 302
        assert client.get("/studies/").url == SET_UP
        assert client.post(reverse("account_logout")).status_code == 302
        assert not is_in(client)
    assert sign_in(reader).get(reverse("turing:my_studies")).status_code == 200
    settings.REQUIRE_MFA = "none"
    assert sign_in(investigator).get("/studies/").status_code == 200


def test_what_is_required_costs_no_query_once_it_is_there(settings, investigator):
    client = sign_in(investigator)
    set_up(client)

    def queries(required: str) -> int:
        settings.REQUIRE_MFA = required
        with CaptureQueriesContext(connection) as captured:
            client.get("/studies/")
        return len(captured)

    queries("investigators")
    assert queries("investigators") == queries("none")


def test_an_administrator_resets_it(investigator, administrators_client):
    owner = sign_in(investigator)
    set_up(owner)
    page = reverse("accounts:person", args=[investigator.pk])
    assert "Reset the second factor" in administrators_client.get(page).content.decode()

    administrators_client.post(reverse("accounts:person_reset_second_factor", args=[investigator.pk]))

    assert not WebSession.objects.filter(user=investigator).exists()
    assert owner.get("/").status_code == 302
    assert is_in(sign_in(investigator))


def test_the_square_code_is_allowed_by_the_policy(investigator):
    client = sign_in(investigator)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = client.get(SET_UP)

    assert 'src="data:image/svg+xml;base64,' in answer.content.decode()
    (images,) = [part for part in answer["Content-Security-Policy"].split("; ") if part.startswith("img-src")]
    assert "data:" in images.split()
