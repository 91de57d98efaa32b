"""The pages of people: for administrators, and what they do."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.errors import AccountError
from config.accounts.invitations import invite_user
from config.accounts.models import User
from config.accounts.services import deactivate_user
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def names(answer) -> list[str]:
    return [person.username for person in answer.context["page_obj"]]


def test_only_administrators(client, reader, investigator, administrators_client):
    invitation, _ = invite_user(role="reader", by=None)
    pages = [reverse("accounts:people"), reverse("accounts:invitations"), reverse("accounts:person", args=[reader.pk])]
    acts = [reverse(f"accounts:{name}", args=[reader.pk]) for name in ("person_deactivate", "person_reactivate")]
    acts += [reverse("accounts:invitation_revoke", args=[invitation.pk]), reverse("accounts:invitations")]

    for address in pages:
        assert client.get(address).url.startswith("/accounts/login/")
        assert administrators_client.get(address).status_code == 200
    for user in (reader, investigator):
        other = Client()
        other.force_login(user)
        for address in pages:
            answer = other.get(address)
            assert (answer.status_code, reader.email in answer.content.decode()) == (403, False)
        for address in acts:
            assert other.post(address).status_code == 403
    invitation.refresh_from_db()
    reader.refresh_from_db()
    assert (invitation.state, reader.is_active) == ("waiting", True)


def test_the_list_is_searched_filtered_and_paged(administrators_client):
    UserFactory(username="zoe", first_name="Zoe", last_name="Archer", role="investigator")
    UserFactory(username="yan", is_active=False)
    for number in range(27):
        UserFactory(username=f"many{number:02d}")
    address = reverse("accounts:people")

    assert names(administrators_client.get(address, {"search": "archer"})) == ["zoe"]
    assert names(administrators_client.get(address, {"state": "deactivated"})) == ["yan"]
    assert names(administrators_client.get(address, {"role": "administrator"})) == ["admin"]
    assert names(administrators_client.get(address, {"state": "never", "role": "investigator"})) == ["zoe"]
    assert names(administrators_client.get(address, {"search": "nobody"})) == []
    assert names(administrators_client.get(address, {"page": 2, "search": "many"})) == ["many25", "many26"]


def test_lists_cost_the_same_however_long(administrators_client, administrator):
    def queries() -> list[int]:
        counts = []
        for name in ("people", "invitations"):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                administrators_client.get(reverse(f"accounts:{name}"))
            counts.append(len(captured))
        return counts

    invite_user(role="reader", by=administrator)
    before = queries()
    for _ in range(3):
        invite_user(role="reader", by=UserFactory())

    assert queries() == before


def test_deactivated_means_out_at_once_and_not_in_again(client, reader, administrators_client):
    sign_in = {"login": reader.username, "password": PASSWORD}
    client.post(reverse("account_login"), sign_in)
    assert client.get(reverse("turing:my_studies")).status_code == 200

    page = administrators_client.post(reverse("accounts:person_deactivate", args=[reader.pk]), follow=True)

    assert "is deactivated and signed out everywhere" in page.content.decode()
    assert client.get(reverse("turing:my_studies")).status_code == 302
    assert "_auth_user_id" not in Client().post(reverse("account_login"), sign_in).client.session

    administrators_client.post(reverse("accounts:person_reactivate", args=[reader.pk]))

    assert "_auth_user_id" in Client().post(reverse("account_login"), sign_in).client.session


def test_nobody_locks_everybody_out(administrators_client, administrator):
    page = administrators_client.post(reverse("accounts:person_deactivate", args=[administrator.pk]), follow=True)
    assert "You cannot deactivate your own account" in page.content.decode()
    with pytest.raises(AccountError, match="last active administrator"):
        deactivate_user(user=administrator, by=None)
    UserFactory(role=User.Role.ADMINISTRATOR)

    assert deactivate_user(user=administrator, by=None).is_active is False
