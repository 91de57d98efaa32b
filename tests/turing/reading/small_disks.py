"""Disks that are full when a test wants it: a file system in memory, a limit on files, PostgreSQL's tables on one."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from tests.turing.reading.web_server import WebServer
from tests.worker.site import database_url


class FullFileSystem:
    """A file system in memory with a file in it that leaves as much room as is wanted."""

    name = "file system"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def leave_free(self, server: WebServer, n_bytes: int) -> None:
        with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(self.ballast, max(self.ballast.stat().st_size - n_bytes, 0))
        disk = os.statvfs(self.folder)
        assert abs(disk.f_bavail * disk.f_frsize - n_bytes) < 8192

    def free(self, server: WebServer) -> None:
        self.ballast.unlink()


class Quota:
    """No file of the server may grow beyond a limit: what it writes fails, without any right to mount."""

    name = "quota"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave_free(self, server: WebServer, n_bytes: int) -> None:
        self._limit(server, n_bytes)

    def free(self, server: WebServer) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: WebServer, limit: int) -> None:
        for worker in server.workers():
            _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (limit, hard))


@contextmanager
def small_file_system(folder: Path) -> Iterator[FullFileSystem]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "turing-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield FullFileSystem(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def tables_on_a_small_file_system() -> Iterator[FullFileSystem]:
    """Those of the test's PostgreSQL database, not the server's log of changes: without that it stops altogether."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL")  # rows of tests before this one are gone, but not yet the room that they took
        cursor.execute("SHOW data_directory")
        owner = Path(cursor.fetchone()[0]).stat()
    with (
        tempfile.TemporaryDirectory(prefix="turing-small-") as folder,  # the server's user may not enter pytest's
        small_file_system(Path(folder)) as disk,
        closing(postgresql_elsewhere()) as elsewhere,
    ):
        Path(folder).chmod(0o755)
        tables = Path(folder, "tables")
        tables.mkdir(mode=0o700)
        os.chown(tables, owner.st_uid, owner.st_gid)
        elsewhere.execute(f"CREATE TABLESPACE turing_small LOCATION '{tables}'")
        try:
            connection.close()
            elsewhere.execute(f'ALTER DATABASE "{name}" SET TABLESPACE turing_small')
            try:
                yield disk
            finally:
                connection.close()
                elsewhere.execute(f'ALTER DATABASE "{name}" SET TABLESPACE pg_default')
        finally:
            elsewhere.execute("DROP TABLESPACE turing_small")


def postgresql_elsewhere() -> psycopg.Connection:
    """A connection to the same server and another database, outside any transaction."""
    address = urlsplit(database_url())._replace(path="/postgres").geturl()
    return psycopg.connect(address, autocommit=True)
