"""Who comes in with a token, and what is kept of it."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.models import Token
from api.scopes import READER, SCOPES
from api.throttling import PerUser
from api.tokens import TokenError, create_token, revoke_token
from api.urls import v1_patterns
from config.accounts.models import User
from tests.api.conftest import Api
from tests.factories import JobFactory

pytestmark = pytest.mark.django_db


def test_a_token_opens_what_its_scopes_name_and_nothing_else(investigator):
    job = JobFactory()
    sees = Api(investigator, "jobs:read")

    assert sees.look(f"jobs/{job.pk}/").json()["id"] == str(job.pk)
    refused = sees.send(f"jobs/{job.pk}/cancel/")
    assert refused.status_code == 403
    assert "jobs:write" in refused.json()["detail"]
    assert refused.headers["Content-Type"] == "application/problem+json"
    job.refresh_from_db()
    assert job.state == "queued"


def test_only_a_hash_of_the_secret_is_stored(investigator):
    token, secret = create_token(user=investigator, name="notebook", scopes=["jobs:read"], days=3)

    row = Token.objects.filter(pk=token.pk).values().get()
    assert not any(secret in str(value) or secret[12:] in str(value) for value in row.values())
    assert secret.startswith(row["prefix"])


@pytest.mark.parametrize("spoil", ["revoke", "expire", "deactivate", "other"])
def test_what_no_longer_holds_opens_nothing(investigator, spoil):
    api = Api(investigator)
    assert api.look("jobs/").status_code == 200
    if spoil == "revoke":
        revoke_token(token=api.token)
    elif spoil == "expire":
        Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif spoil == "deactivate":
        User.objects.update(is_active=False)
    else:
        api.defaults["HTTP_AUTHORIZATION"] = f"Bearer {api.secret[:-1]}"
        api = Client(headers={"authorization": f"Bearer {api.secret[:-1]}!"})

    answer = api.get("/api/v1/jobs/")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "API tokens" in answer.json()["detail"]


def test_use_is_noted_once_an_hour(investigator):
    api = Api(investigator)
    api.look("jobs/")
    first = Token.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as queries:
        api.look("jobs/")
    assert not [one for one in queries.captured_queries if one["sql"].startswith("UPDATE")]
    Token.objects.update(last_used_at=first - timedelta(hours=2))
    api.look("jobs/")
    assert Token.objects.get().last_used_at > first


def test_a_reader_can_have_no_other_scope_than_that_of_readers(reader):
    with pytest.raises(TokenError, match="datasets:read is no scope"):
        create_token(user=reader, name="x", scopes=["datasets:read"], days=1)
    token, _ = create_token(user=reader, name="x", scopes=[READER], days=1)
    assert token.scopes == [READER]
    refused = Api(reader).look("jobs/")
    assert refused.status_code == 403
    assert "Only investigators" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "  "}, "needs a name"),
        ({"scopes": []}, "needs a scope"),
        ({"days": 0}, "1 to 366 days"),
        ({"days": 367}, "1 to 366 days"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(investigator, values, words):
    with pytest.raises(TokenError, match=words):
        create_token(user=investigator, **{"name": "x", "scopes": ["jobs:read"], "days": 1, **values})


def test_the_session_reads_and_writes_only_with_the_csrf_token(investigator):
    job = JobFactory()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(investigator)

    assert browser.get(f"/api/v1/jobs/{job.pk}/").status_code == 200
    refused = browser.post(f"/api/v1/jobs/{job.pk}/cancel/", {}, content_type="application/json")
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    browser.get("/api/tokens/")
    header = {"x-csrftoken": browser.cookies["csrftoken"].value}
    done = browser.post(f"/api/v1/jobs/{job.pk}/cancel/", {}, content_type="application/json", headers=header)
    assert (done.status_code, done.json()["state"]) == (200, "cancelled")


def test_the_page_shows_a_secret_once_and_revokes(investigator, client):
    client.force_login(investigator)
    made = client.post("/api/tokens/", {"name": "notebook", "scopes": ["jobs:read"], "days": "30"})
    token = Token.objects.get(user=investigator)
    secret = made.context["secret"]
    assert secret in made.content.decode()
    page = client.get("/api/tokens/").content.decode()
    assert token.prefix in page
    assert secret not in page

    outsider = Client()
    outsider.force_login(User.objects.create(username="outsider", role="investigator"))
    assert outsider.post(f"/api/tokens/{token.pk}/revoke/").status_code == 404
    assert token.prefix not in outsider.get("/api/tokens/").content.decode()
    client.post(f"/api/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.state == "revoked"


def test_the_page_offers_readers_their_scope_alone(reader, client):
    client.force_login(reader)
    page = client.get("/api/tokens/").content.decode()
    assert [name for name in SCOPES if f'value="{name}"' in page] == [READER]


def test_every_refusal_is_a_problem_document(investigator):
    api = Api(investigator)
    missing = api.look("jobs/00000000-0000-4000-8000-000000000000/")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    unknown = api.look("nothing/")
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "application/problem+json")
    wrong = api.look("jobs/", stat="queued")
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["field"] == "stat"
    assert "Known: kind, page, page_size, state" in wrong.json()["detail"]
    assert api.put("/api/v1/jobs/").status_code == 405
    assert Client().get("/api/v1/jobs/").status_code == 401


def test_too_many_requests_are_told_when_to_come_back(investigator, monkeypatch):
    monkeypatch.setattr(PerUser, "get_rate", lambda self: "2/min")
    api = Api(investigator)
    answers = [api.look("jobs/") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_command_tells_a_token_once(investigator, capsys):
    call_command("create_token", investigator.username, scope=["jobs:read"], days=2)
    secret = capsys.readouterr().out.strip()
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/jobs/").status_code == 200
    with pytest.raises(CommandError, match="There is no user nobody"):
        call_command("create_token", "nobody", scope=["jobs:read"])


def test_the_page_of_the_api_lists_every_operation(investigator, client):
    client.force_login(investigator)
    page = client.get("/api/").content.decode()
    for one in v1_patterns:
        assert f"/api/v1/{str(one.pattern).replace('<uuid:pk>', '{id}').split('<')[0]}" in page
