"""Where a person is signed in: shown to this person and to administrators, and ended by either."""

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.accounts.models import WebSession
from config.accounts.sessions import list_sessions
from config.accounts.signed_in import ORIGIN
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def sign_in(user, agent=FIREFOX, password=PASSWORD, address="192.0.2.17"):
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    client.post(reverse("account_login"), {"login": user.username, "password": password})
    return client


def is_in(client) -> bool:
    return client.get("/account/").status_code == 200


def test_each_browser_is_listed_without_its_whole_address(reader):
    here, _ = sign_in(reader), sign_in(reader, agent="curl/8", address="2001:db8:1:2::3")
    sign_in(UserFactory(), agent="Mozilla/5.0 (Macintosh) Safari/605")

    page = here.get("/account/")

    listed = {(row.browser, row.address, row.is_this) for row in page.context["sessions"]}
    assert listed == {("Firefox on Linux", "192.0.2.x", True), ("curl", "2001:db8:1::…", False)}
    text = page.content.decode()
    assert ("192.0.2.17" in text, "Safari on Mac" in text) == (False, False)


def test_what_the_cookie_holds_is_stored_nowhere(reader):
    client = sign_in(reader)

    key = client.cookies[site.SESSION_COOKIE_NAME].value
    rows = [str(row) for row in WebSession.objects.values()]
    assert len(rows) == 1
    assert key not in rows[0]
    assert key not in client.get("/account/").content.decode()
    with_the_hash = Client()
    with_the_hash.cookies[site.SESSION_COOKIE_NAME] = WebSession.objects.get().session_key
    assert not is_in(with_the_hash)


def test_one_or_all_others_are_signed_out(reader):
    here, phone, office, other = (
        sign_in(reader),
        sign_in(reader, agent="phone"),
        sign_in(reader),
        sign_in(UserFactory()),
    )
    (key,) = [row.key for row in list_sessions(user=reader) if row.browser == "phone"]

    here.post(reverse("accounts:end_session"), {"key": key})
    assert [is_in(client) for client in (here, phone, office, other)] == [True, False, True, True]

    here.post(reverse("accounts:end_session"))
    assert [is_in(client) for client in (here, phone, office, other)] == [True, False, False, True]


def test_nobody_ends_the_sessions_of_others(reader):
    mine, theirs = sign_in(reader), sign_in(UserFactory())

    for row in WebSession.objects.exclude(user=reader):
        mine.post(reverse("accounts:end_session"), {"key": row.session_key})

    assert is_in(theirs)


def test_a_new_password_ends_the_others_alone(reader):
    here, phone = sign_in(reader), sign_in(reader, agent="phone")
    new = "another long password"

    here.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert [is_in(client) for client in (here, phone)] == [True, False]
    assert [row.is_this for row in here.get("/account/").context["sessions"]] == [True]
    assert WebSession.objects.filter(user=reader).count() == 1


def test_sessions_from_before_a_password_that_was_set_elsewhere_are_not_listed(reader):
    sign_in(reader)
    reader.set_password("another long password")
    reader.save()

    assert list_sessions(user=reader) == []


def test_an_administrator_signs_somebody_out(reader, administrators_client):
    clients = [sign_in(reader), sign_in(reader)]
    page = reverse("accounts:person", args=[reader.pk])
    assert "Firefox on Linux" in administrators_client.get(page).content.decode()

    administrators_client.post(reverse("accounts:person_end_sessions", args=[reader.pk]))

    assert [is_in(client) for client in clients] == [False, False]


def test_the_key_changes_when_somebody_signs_in(reader):
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = session.session_key

    client.post(reverse("account_login"), {"login": reader.username, "password": PASSWORD})

    assert client.cookies[site.SESSION_COOKIE_NAME].value != session.session_key
    assert WebSession.objects.count() == 1


def test_opening_pages_is_noted_every_ten_minutes_and_fetching_never(reader):
    client = sign_in(reader)

    def writes(address) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return sum(query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) for query in captured)

    assert writes("/my-studies/") == 0
    session = client.session
    long_ago = timezone.now() - timedelta(minutes=11)
    session[ORIGIN] = {**session[ORIGIN], "seen": long_ago.isoformat()}
    session.save()
    assert WebSession.objects.get(user=reader).last_seen_at == long_ago
    assert writes(f"/read/{'0' * 8}-0000-0000-0000-{'0' * 12}/current") == 0  # what a reading page fetches: JSON
    assert writes("/my-studies/") > 0
    assert timezone.now() - WebSession.objects.get(user=reader).last_seen_at < timedelta(minutes=1)
    assert writes("/my-studies/") == 0
