import pytest
from django.test import Client

from config.accounts.models import User
from tests.factories import UserFactory


@pytest.fixture
def administrator(db) -> User:
    return UserFactory(username="admin", role=User.Role.ADMINISTRATOR, is_staff=True, is_superuser=True)


@pytest.fixture
def administrators_client(administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client
