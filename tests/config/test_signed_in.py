"""Who is signed in is asked of the database at every request: whatever ends a session ends it at once."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from config.accounts.models import WebSession
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, reader):
    answer = client.post(reverse("account_login"), {"login": reader.username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def is_signed_in(client) -> bool:
    return client.get(reverse("turing:my_studies")).status_code == 200


def test_a_reader_who_signs_in_is_signed_in_until_signing_out(signed_in):
    assert [is_signed_in(signed_in) for _ in range(2)] == [True, True]

    signed_in.post(reverse("account_logout"))

    assert not is_signed_in(signed_in)


def test_an_expired_session_is_none(signed_in):
    assert is_signed_in(signed_in)

    WebSession.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert not is_signed_in(signed_in)


def test_a_session_that_was_removed_is_none(signed_in):
    assert is_signed_in(signed_in)

    WebSession.objects.all().delete()

    assert not is_signed_in(signed_in)


@pytest.mark.parametrize("change", ["deactivated", "deleted", "new password"])
def test_what_happens_to_the_account_holds_at_once(signed_in, reader, change):
    assert is_signed_in(signed_in)

    if change == "deleted":
        reader.delete()
    elif change == "deactivated":
        reader.is_active = False
        reader.save()
    else:
        reader.set_password("another long password")
        reader.save()

    assert not is_signed_in(signed_in)
