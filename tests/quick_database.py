"""What makes the tests' database quick and no test weaker: no waiting for the disk, and after a transactional test only
the tables that hold rows are emptied.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper

# What `migrate` writes at its end, the same for every test. Django's own flush would write it anew after each.
WRITTEN_BY_MIGRATE = {"django_content_type", "auth_permission"}


def never_wait_for_the_disk() -> None:
    """Of SQLite, in this process: only a power cut would show the difference. Processes that a test starts do wait."""
    connection_created.connect(_dont_wait, dispatch_uid="tests.quick_database")


def _dont_wait(**signal: Any) -> None:
    if signal["connection"].vendor == "sqlite":
        with signal["connection"].cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")


def empty_tables() -> None:
    """In place of Django's flush, which empties every table, used or not.

    Rows of insert-only tables go as well, which their triggers rightly refuse: they are past here.
    """
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    looks = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in {*names} - WRITTEN_BY_MIGRATE]  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        used = [name for (name,) in cursor.fetchall()]
        with _without_triggers(cursor, used):
            for name in used:
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608


@contextmanager
def _without_triggers(cursor: CursorWrapper, tables: list[str]) -> Iterator[None]:
    """On SQLite they are taken away and made again from their own text; on PostgreSQL they rest, as foreign keys do,
    until the transaction ends.
    """
    if connection.vendor == "postgresql":
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        return
    cursor.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    triggers = [(name, sql) for name, sql, table in cursor.fetchall() if table in tables]
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        cursor.execute(sql)


def copy_database(path: Path) -> Path:
    """The test's SQLite database as it is now, in the new file `path`."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours, closing(sqlite3.connect(path)) as copy:
        ours.backup(copy)
    return path
