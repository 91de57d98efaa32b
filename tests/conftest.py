"""Fixtures for every test."""

import os

import pytest
from django.core.cache import cache
from django.test import TransactionTestCase, override_settings
from hypothesis import settings as hypothesis_settings

from config.accounts.models import User
from tests.factories import UserFactory
from tests.quick_database import empty_tables, never_wait_for_the_disk

hypothesis_settings.register_profile("busy machine", deadline=None)  # no test is timed
hypothesis_settings.load_profile("busy machine")

WITH_DATABASE = {"db", "transactional_db", "live_server"}  # fixtures that give a test the database


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, which comes second: only what has to do with a database. The rest would say the same again."""
    if "TEST_DATABASE_URL" not in os.environ:
        return
    chosen, rest = [], []
    for item in items:
        uses = item.get_closest_marker("django_db") or WITH_DATABASE & set(getattr(item, "fixturenames", ()))
        (chosen if uses and not item.get_closest_marker("sqlite_is_enough") else rest).append(item)
    config.hook.pytest_deselected(items=rest)
    items[:] = chosen


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


@pytest.fixture(scope="session", autouse=True)
def quick_database():
    never_wait_for_the_disk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(scope="session", autouse=True)
def no_search_for_static_files():
    """WhiteNoise would look for all of them whenever a test client or the leak audit loads the site. Tests that ask for
    one have a server that finds it by itself.
    """
    with override_settings(WHITENOISE_USE_FINDERS=False):
        yield


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """A hash that is slow on purpose would take most of the time of tests that make users."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_failed_sign_ins():
    """Limits count across tests otherwise. (Without a Redis the cache is one of this process.)"""
    cache.clear()
