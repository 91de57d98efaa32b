"""Fixtures for every test."""

import pytest

from config.accounts.models import User
from tests.factories import UserFactory


@pytest.fixture
def investigator(db) -> User:
    return UserFactory(role=User.Role.INVESTIGATOR)


@pytest.fixture
def reader(db) -> User:
    return UserFactory(role=User.Role.READER)


@pytest.fixture
def investigator_client(client, investigator):
    client.force_login(investigator)
    return client
