"""Fixtures for every test."""

import os

import pytest
from django.db import connection, transaction

from config.accounts.models import User
from tests.factories import UserFactory

WITH_DATABASE = {"db", "transactional_db", "live_server"}  # fixtures that give a test the database


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, which comes second: only what has to do with a database. The rest would say the same again."""
    if "TEST_DATABASE_URL" not in os.environ:
        return
    chosen, rest = [], []
    for item in items:
        uses = item.get_closest_marker("django_db") or WITH_DATABASE & set(getattr(item, "fixturenames", ()))
        (chosen if uses else rest).append(item)
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
def flush_past_triggers():
    """Lets the flush after a transactional test empty the tables on SQLite.

    There the flush is a DELETE, which the insert-only triggers rightly refuse: they are taken away around it and made
    again from their own text. (On PostgreSQL it is a TRUNCATE, which fires no row trigger.)
    """
    if connection.vendor != "sqlite":
        yield
        return
    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    def flush_without_triggers(self, sql_list):
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            flush(self, sql_list)
            for _, sql in triggers:
                cursor.execute(sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", flush_without_triggers)
        yield


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """A hash that is slow on purpose would take most of the time of tests that make users."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
