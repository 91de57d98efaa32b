"""Changes the database as somebody would who has its password: in SQL, with the triggers out of the way."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

CHECKS = (
    "SELECT conrelid::regclass::text, conname FROM pg_constraint "
    "WHERE contype = 'c' AND conrelid::regclass::text LIKE 'turing_%'"
)


@contextmanager
def without_triggers() -> Iterator[None]:
    """Triggers and check constraints do nothing in the block; whatever it does is undone at its end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
                cursor.execute(CHECKS)
                for table, name in cursor.fetchall():
                    cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
                cursor.execute("SET LOCAL session_replication_role = replica")
            else:
                cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                for (name,) in cursor.fetchall():
                    cursor.execute(f'DROP TRIGGER "{name}"')
                cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            yield
        finally:
            if connection.vendor == "sqlite":
                execute("PRAGMA ignore_check_constraints = OFF")
        transaction.set_rollback(True)


def execute(sql: str, *parameters) -> int:
    """Number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.rowcount
