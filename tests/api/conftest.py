"""Clients that sign in with tokens."""

import pytest
from django.core.cache import cache
from django.test import Client

from api.scopes import scopes_for
from api.tokens import create_token
from config.accounts.models import User
from tests.factories import UserFactory


class Api(Client):
    """Sends JSON, and the token."""

    def __init__(self, user: User, *scopes: str) -> None:
        self.token, self.secret = create_token(user=user, name="a test", scopes=scopes or scopes_for(user), days=1)
        super().__init__(headers={"authorization": f"Bearer {self.secret}"})

    def send(self, address: str, body: dict | None = None, **headers: str):
        return self.post(f"/api/v1/{address}", body or {}, content_type="application/json", headers=headers or None)

    def look(self, address: str, **query):
        return self.get(f"/api/v1/{address}", query)


@pytest.fixture
def api(investigator) -> Api:
    return Api(investigator)


@pytest.fixture
def reader_api(reader) -> Api:
    return Api(reader)


@pytest.fixture(autouse=True)
def nobody_has_asked_yet():
    """Requests are counted by user, and users of different tests have the same number."""
    cache.clear()


@pytest.fixture
def other_api(db) -> Api:
    return Api(UserFactory(role=User.Role.INVESTIGATOR))
