"""Every test here has an own data directory, so that it can say what was left in it."""

import pytest
from django.test import Client

from config.accounts.models import User
from tests.factories import UserFactory
from tests.imaging.conftest import data_dir as data_dir


@pytest.fixture
def administrator(db) -> User:
    return UserFactory(role=User.Role.ADMINISTRATOR, is_staff=True, is_superuser=True)


@pytest.fixture
def administrator_client(administrator) -> Client:
    """Of who may do most: what stops this one stops everybody."""
    client = Client()
    client.force_login(administrator)
    return client
