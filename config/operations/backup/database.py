"""A consistent copy of the database while the site runs, and the way back.

SQLite: its online backup, in one read transaction. PostgreSQL: pg_dump on an exported snapshot, so that what is asked
of the database meanwhile is what the dump holds.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper

from config.operations.backup.manifest import BackupError

COPY = "backup_copy"  # alias of a copy that is being looked at
DUMP_OPTIONS = ("--format=custom", "--no-owner", "--no-privileges", "--schema=public")
RESTORE_OPTIONS = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


def engine() -> str:
    return connection.vendor


def file_name() -> str:
    return "database.sqlite3" if engine() == "sqlite" else "database.dump"


def database_version() -> str:
    if engine() == "sqlite":
        return sqlite3.sqlite_version
    connection.ensure_connection()
    return str(connection.connection.info.server_version // 10_000)


@contextmanager
def snapshot(path: Path) -> Iterator[str]:
    """Write the database to `path`; inside the block the alias that is given reads exactly what was written."""
    if engine() == "sqlite":
        _copy_sqlite(path)
        with _opened(path) as alias:
            yield alias
        return
    tool = find_tool("pg_dump")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (exported,) = cursor.fetchone()
        _run(tool, *DUMP_OPTIONS, f"--snapshot={exported}", f"--file={path}")
        yield "default"


def dump(path: Path) -> None:
    """The database as it is, without looking into it: to put it aside."""
    if engine() == "sqlite":
        _copy_sqlite(path)
    else:
        _run(find_tool("pg_dump"), *DUMP_OPTIONS, f"--file={path}")


def load(path: Path) -> None:
    """Replace everything in the PostgreSQL database by the dump. Of a failure nothing but empty tables stays behind."""
    tool = find_tool("pg_restore")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()
    # the schema itself is there already: everything in it is restored
    listed = subprocess.run([tool, "--list", str(path)], capture_output=True, text=True, check=True).stdout
    wanted = path.with_suffix(".list")
    wanted.write_text("".join(line for line in listed.splitlines(True) if " SCHEMA - public" not in line))
    try:
        _run(tool, *RESTORE_OPTIONS, f"--use-list={wanted}", str(path))
    finally:
        wanted.unlink()


def is_empty() -> bool:
    """True when nobody has an account here: freshly migrated, or not even that."""
    name = Path(str(connection.settings_dict["NAME"]))
    if engine() == "sqlite" and not name.exists():
        return True
    if "accounts_user" not in connection.introspection.table_names():
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM accounts_user")
        return bool(cursor.fetchone()[0] == 0)


def find_tool(name: str) -> str:
    """pg_dump or pg_restore of the server's major version. Raises BackupError, with what was looked at."""
    wanted = database_version()
    places = [settings.POSTGRES_TOOLS] if settings.POSTGRES_TOOLS else ["", f"/usr/lib/postgresql/{wanted}/bin"]
    found = []
    for place in places:
        tool = shutil.which(name, path=place or None)
        if tool is None:
            continue
        text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"(\d+)", text)
        if version and version[1] == wanted:
            return tool
        found.append(f"{tool} is of version {version[1] if version else '?'}")
    seen = f": {', '.join(found)}" if found else " and was not found"
    raise BackupError(
        f"The server is PostgreSQL {wanted}; {name} of the same version is needed{seen}. Install it (Debian: "
        f"postgresql-client-{wanted}), or set POSTGRES_TOOLS to the folder that has it."
    )


def _copy_sqlite(path: Path) -> None:
    source = Path(str(connection.settings_dict["NAME"])).absolute()
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=60)) as original,
        closing(sqlite3.connect(path)) as copy,
    ):
        original.backup(copy)  # all pages in one step: whoever writes meanwhile is not in it
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise BackupError(f"The database {source} is damaged: {verdict}. Restore the last good backup.")


@contextmanager
def _opened(path: Path) -> Iterator[str]:
    own: dict[str, Any] = {**connection.settings_dict, "NAME": str(path), "OPTIONS": {}, "CONN_MAX_AGE": 0}
    connections[COPY] = DatabaseWrapper(own, COPY)
    try:
        yield COPY
    finally:
        connections[COPY].close()
        del connections[COPY]


def _run(tool: str, *arguments: str) -> None:
    """The password goes through the environment, which other users of the machine cannot see."""
    connection.ensure_connection()
    info = connection.connection.info
    where = [f"--host={info.host}", f"--port={info.port}", f"--username={info.user}", f"--dbname={info.dbname}"]
    given = connection.settings_dict["OPTIONS"]
    tls = {f"PG{name.upper()}": str(given[name]) for name in ("sslmode", "sslrootcert") if name in given}
    done = subprocess.run(
        [tool, *where, "--no-password", *arguments],
        env={**os.environ, **tls, "PGPASSWORD": info.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{Path(tool).name} failed: {done.stderr.strip()[-2000:]}")
