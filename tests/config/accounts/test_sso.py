"""Single sign-on against a real server of OpenID Connect (tests.config.accounts.oidc_server)."""

import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.environment import sso_apps
from tests.config.accounts.codes import totp, wait_for_a_fresh_step
from tests.config.accounts.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ANN = {
    "sub": "person-1",
    "preferred_username": "ann.lee",
    "email": "ann@hospital.example",
    "email_verified": True,
    "given_name": "Ann",
    "family_name": "Lee",
    "groups": ["staff", "reading-investigators"],
}


@pytest.fixture(scope="module")
def running():
    server = OidcServer()
    yield server
    server.stop()


@pytest.fixture
def server(running, settings):
    running.claims, running.about, running.changes, running.says_issuer = dict(ANN), None, {}, None
    running.signing_key, running.problems = running.key, []
    apps = sso_apps(issuer=running.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, name="Staff account")
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {**settings.SOCIALACCOUNT_PROVIDERS["openid_connect"], "APPS": apps}
    }
    settings.OIDC_ISSUER, settings.OIDC_NAME = running.issuer, "Staff account"
    settings.OIDC_ROLE_CLAIM = "groups"
    settings.OIDC_ROLES = {"reading-investigators": "investigator", "reading-admins": "administrator"}
    return running


def start(client, query="") -> str:
    """The address of the server's sign-in page."""
    return client.post(reverse("sso_login") + query).url


def come_back(client, address):
    """What our site answers when the browser comes back from there."""
    there = requests.get(address, allow_redirects=False, timeout=10)
    return client.get(there.headers["Location"].removeprefix("http://testserver"))


def sign_in(client=None, query=""):
    client = client or Client()
    return client, come_back(client, start(client, query))


def user_of(client) -> User | None:
    key = client.session.get("_auth_user_id")
    return None if key is None else User.objects.get(pk=key)


def test_the_claim_gives_an_account_with_its_role(server):
    client, answer = sign_in()

    ann = user_of(client)
    assert answer.url == "/"
    assert (ann.username, ann.email, ann.role) == ("ann.lee", "ann@hospital.example", "investigator")
    assert (ann.has_usable_password(), ann.is_superuser) == (False, False)
    again, _ = sign_in()
    assert user_of(again) == ann
    assert User.objects.count() == SocialAccount.objects.count() == 1
    assert "Ann" not in str(SocialAccount.objects.values())


def test_what_is_asked_carries_state_nonce_and_pkce(server):
    asked = parse_qs(urlsplit(start(Client())).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert (asked["client_id"], set(asked["scope"][0].split())) == ([CLIENT_ID], {"openid", "email", "profile"})
    assert asked["redirect_uri"] == ["http://testserver/accounts/sso/callback/"]
    assert all(len(asked[name][0]) >= 16 for name in ("state", "nonce", "code_challenge"))
    assert CLIENT_SECRET not in str(asked)
    forced = parse_qs(urlsplit(start(Client(), "?auth_params=nonce%3Dmine&scope=admin")).query)
    assert (forced["nonce"] != ["mine"], "admin" in forced["scope"][0]) == (True, False)


def test_an_unknown_person_gets_nothing(server, settings):
    server.claims["groups"] = ["staff"]
    _, answer = sign_in()
    assert (answer.status_code, "you have no account here" in answer.content.decode()) == (403, True)
    settings.OIDC_ROLE_CLAIM = ""
    server.claims["groups"] = ["reading-investigators"]
    assert sign_in()[1].status_code == 403
    assert User.objects.count() == 0


def test_the_role_follows_the_claim(server):
    client, _ = sign_in()
    server.claims["groups"] = ["reading-admins", "reading-investigators"]
    client, _ = sign_in()
    assert (user_of(client).role, user_of(client).is_superuser) == ("administrator", True)
    server.claims["groups"] = "reading-investigators"
    client, _ = sign_in()
    assert (user_of(client).role, user_of(client).is_superuser) == ("investigator", False)
    server.claims["groups"] = []
    client, answer = sign_in()
    assert (user_of(client), answer.status_code) == (None, 403)


@pytest.mark.parametrize("proven_there", [True, False])
@pytest.mark.parametrize("proven_here", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
def test_an_account_is_joined_by_an_address_that_both_sides_verified(
    server, settings, proven_there, proven_here, allowed
):
    ann = UserFactory(username="ann", email="Ann@hospital.example", role="reader")
    EmailAddress.objects.create(user=ann, email=ann.email, verified=proven_here, primary=True)
    settings.OIDC_JOIN_BY_EMAIL = allowed
    server.claims["email_verified"] = proven_there

    client, answer = sign_in()

    if proven_here and proven_there and allowed:
        assert (user_of(client), user_of(client).role) == (ann, "reader")
    else:
        assert (user_of(client), answer.status_code) == (None, 403)
        assert "connect the hospital&#x27;s sign-in there" in answer.content.decode()
    assert User.objects.count() == 1


def test_somebody_who_is_signed_in_connects_the_own_account(server, investigator_client, investigator):
    server.claims["groups"] = []
    assert "Connect Staff account" in investigator_client.get("/account/").content.decode()

    sign_in(investigator_client, "?process=connect&next=/account/")

    assert "Connected: you can sign in with Staff account" in investigator_client.get("/account/").content.decode()
    client, _ = sign_in()
    assert user_of(client) == investigator


FORGED = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LONG_AGO = int(time.time()) - 3600


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://other.example"}, "Invalid issuer"),
        ({"aud": "another client"}, "Audience doesn't match"),
        ({"aud": [CLIENT_ID, "another client"]}, "azp"),
        ({"nonce": "of another request"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": LONG_AGO}, "expired"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
    ],
    ids=["issuer", "audience", "several audiences", "nonce", "no nonce", "expired", "no end", "nobody"],
)
def test_tokens_that_are_refused(server, caplog, change, reason):
    server.changes = change

    client, answer = sign_in()

    assert (user_of(client), answer.status_code, User.objects.count()) == (None, 401, 0)
    assert reason in caplog.text
    assert reason not in answer.content.decode()


def test_a_forged_signature_is_refused(server, caplog):
    server.signing_key = FORGED

    client, answer = sign_in()

    assert (user_of(client), answer.status_code) == (None, 401)
    assert "Signature verification failed" in caplog.text


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_a_real_signature_is_refused(server, monkeypatch, algorithm):
    """Unsigned, or signed with the client's secret, which is not a key of the server."""

    def badly_signed(asked):
        now = int(time.time())
        claims = {**ANN, "iss": server.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        key = None if algorithm == "none" else CLIENT_SECRET * 2
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "key-1"})

    monkeypatch.setattr(server, "id_token", badly_signed)

    client, answer = sign_in()

    assert (user_of(client), answer.status_code) == (None, 401)


def test_a_server_that_is_not_the_one_that_was_named_is_refused(server):
    server.says_issuer = "https://other.example"

    client = Client()
    answer = client.post(reverse("sso_login"))

    assert answer.status_code == 401
    assert user_of(client) is None


def test_a_server_that_does_not_answer_is_told_in_words(server, settings):
    server.says_issuer = None
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    settings.OIDC_ISSUER = app["settings"]["server_url"] = "http://127.0.0.1:1"

    answer = Client().post(reverse("sso_login"))

    assert (answer.status_code, "You are not signed in" in answer.content.decode()) == (401, True)


def test_user_info_of_another_person_is_refused(server):
    server.about = {"sub": "person-2", "groups": ["reading-admins"]}

    client, answer = sign_in()

    assert (user_of(client), answer.status_code) == (None, 401)


def test_an_answer_belongs_to_the_browser_that_asked_and_counts_once(server):
    """Somebody is made to open the answer to an attacker's request: a state that this browser never had."""
    client = Client()
    there = requests.get(start(client), allow_redirects=False, timeout=10).headers["Location"]
    back = there.removeprefix("http://testserver")

    victim = Client()
    assert victim.get(back).status_code == 401
    assert user_of(victim) is None
    assert client.get(back).url == "/"
    client.post(reverse("account_logout"))
    assert client.get(back).status_code == 401


def test_nobody_is_signed_in_by_a_link(server):
    answer = Client().get(reverse("sso_login"))

    assert (answer.status_code, "Go on to Staff account" in answer.content.decode()) == (200, True)


def test_the_second_factor_is_asked_for_here_too(server):
    client, _ = sign_in()
    ann = user_of(client)
    ann.set_password("a password for the set-up")
    ann.save()
    with_password = Client()
    with_password.force_login(ann)
    with_password.post("/accounts/reauthenticate/", {"password": "a password for the set-up"})
    page = with_password.get("/accounts/2fa/totp/activate/").content.decode()
    secret = page.split('id="second-factor-secret">')[1].split("<")[0]
    wait_for_a_fresh_step()
    with_password.post("/accounts/2fa/totp/activate/", {"code": totp(secret)})

    client, answer = sign_in()

    assert (user_of(client), answer.url) == (None, "/accounts/2fa/authenticate/")


def test_the_hospitals_second_factor_counts_only_when_the_setting_says_so(server, settings):
    settings.REQUIRE_MFA = "investigators"
    client, _ = sign_in()
    assert client.get("/studies/").url == "/accounts/2fa/totp/activate/"
    settings.OIDC_SECOND_FACTOR = True
    client, _ = sign_in()
    assert client.get("/studies/").status_code == 200


def test_a_deactivated_account_stays_out(server):
    client, _ = sign_in()
    User.objects.update(is_active=False)

    client, _ = sign_in()

    assert user_of(client) is None


def test_without_a_server_there_is_no_such_page(client):
    assert client.post(reverse("sso_login")).status_code == 404
    assert client.get(reverse("sso_callback")).status_code == 404
    assert "Sign in with" not in client.get(reverse("account_login")).content.decode()
