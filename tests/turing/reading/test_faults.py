"""The web server dies, the disk is full, the database is locked, a file is damaged: what was acknowledged stays, once.

Real gunicorn, real signals, a real full file system. The page's side of it is in tests/browser/test_faults.py.
"""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.core.files.storage import default_storage
from django.db import connection

from config.environment import BASE_DIR
from tests.turing.builders import make_open_study, make_session
from tests.turing.reading.web_server import PAGE_TIMEOUT_S, PageClient, WebServer, sign_in, stored_answers
from tests.worker.site import NEEDS_PROC, database_url, wait_until
from turing.audit.verification import verify_audit
from turing.models import Answer, Presentation
from turing.reading.selectors import current_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
ON_SQLITE = connection.vendor == "sqlite"


@pytest.fixture
def data_dir(settings, tmp_path) -> Path:
    """Of the web server; this process puts its stimulus files there too."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture
def server(data_dir) -> Iterator[WebServer]:
    with WebServer(data_dir, database_url()) as server:
        yield server


@NEEDS_PROC
def test_kill_of_the_web_server_under_load(server):
    """Master and workers in turn, while six readers answer as fast as the server takes it."""
    n_images = 30
    study = make_open_study(n_real=n_images // 2, n_synthetic=n_images // 2)
    clients = [PageClient(server.port, make_session(study=study)) for _ in range(6)]
    kills = [server.kill_a_worker, server.kill_master, server.kill_a_worker, server.kill_master, server.kill_a_worker]

    def acknowledged() -> int:
        return sum(len(client.acknowledged) for client in clients)

    with ThreadPoolExecutor(len(clients)) as pool:
        readings = [pool.submit(client.read_all) for client in clients]
        for turn, kill in enumerate(kills, start=1):
            wanted = len(clients) * n_images * turn // (len(kills) + 1)
            reached = lambda wanted=wanted: acknowledged() >= wanted or any(r.done() for r in readings)  # noqa: E731
            wait_until(reached, 50, f"{wanted} answers")
            assert acknowledged() < len(clients) * n_images, "killed after the last answer: nothing was tested"
            kill()
        for reading in readings:
            reading.result(timeout=50)

    for client in clients:
        assert stored_answers(client.session) == client.acknowledged
        assert [position for position, *_ in client.acknowledged] == list(range(1, n_images + 1))
    assert Answer.objects.count() == len(clients) * n_images
    assert verify_audit().problems == ()
    # at each end of the master everybody waits; what exactly was on its way is chance
    assert sum(client.interrupted for client in clients) >= len(clients), "nobody noticed a kill"
    assert any(client.repeated for client in clients), "no answer was on its way at a kill"


# --- a full disk -----------------------------------------------------------------------------------------------


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


@pytest.fixture(params=["file system", "quota"])
def disk(request, tmp_path) -> Iterator[FullFileSystem | Quota]:
    folder = tmp_path / "small"
    folder.mkdir()
    if request.param == "file system":
        with small_file_system(folder) as disk:
            yield disk
    elif hasattr(resource, "prlimit"):
        yield Quota(folder)
    else:
        pytest.skip("limits another process through prlimit (Linux)")


@contextmanager
def small_file_system(folder: Path) -> Iterator[FullFileSystem]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "turing-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield FullFileSystem(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def copy_database(folder: Path) -> Path:
    """The test's SQLite database as it is now, in `folder`."""
    path = folder / "db.sqlite3"
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours, closing(sqlite3.connect(path)) as copy:
        ours.backup(copy)
    return path


@contextmanager
def tables_on_a_small_file_system() -> Iterator[FullFileSystem]:
    """Those of the test's PostgreSQL database, not the server's log of changes: without that it stops altogether."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
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


def answers_in(database: Path) -> list[tuple[str, str]]:
    """Value and key, read past Django."""
    with closing(sqlite3.connect(database)) as other:
        return other.execute("SELECT value, idempotency_key FROM turing_answer ORDER BY id").fetchall()


def audit_on_command_line(data_dir: Path, url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "manage.py", "verify_audit"],
        cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@NEEDS_PROC
@pytest.mark.skipif(not ON_SQLITE, reason="of SQLite")
def test_a_full_disk_refuses_the_answer_and_takes_it_once_there_is_room(data_dir, disk):
    """From no room at all to enough, in steps of one block: whatever the transaction was at when the disk was full."""
    study = make_open_study()
    session = make_session(study=study)
    cookie = sign_in(session)
    database = copy_database(disk.folder)
    url = f"sqlite:///{quote(str(database))}"
    refused = 0

    with WebServer(data_dir, url) as server:
        client = PageClient(server.port, session, cookie)
        state = client.attend()
        client.fetch(state)
        first = client.new_answer(state, "real")
        assert client.request("POST", f"{client.root}/answer", first)[0] == 200
        state = client.persist("GET", f"{client.root}/current")[0]
        client.fetch(state)
        second = client.new_answer(state, "synthetic")

        for n_blocks in range(200):
            disk.leave_free(server, 4096 * n_blocks)
            status, content = client.request("POST", f"{client.root}/answer", second)
            if status == 200:
                break
            refused += 1
            assert (status, content["code"]) == (503, "unavailable"), content
            assert content["error"] == "The server cannot store or read anything just now."
        assert refused >= 3, "the disk was never full"
        disk.free(server)
        assert [value for value, _ in answers_in(database)] == ["real", "synthetic"]
        assert client.request("POST", f"{client.root}/answer", second) == (200, content)
        client.fetch(content["next"])
        third = client.new_answer(content["next"], "real")
        assert client.request("POST", f"{client.root}/answer", third)[0] == 200

    assert answers_in(database) == [
        (answer["value"], uuid.UUID(answer["idempotency_key"]).hex) for answer in (first, second, third)
    ]
    audit = audit_on_command_line(data_dir, url)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.mark.skipif(ON_SQLITE, reason="of PostgreSQL")
def test_a_full_disk_of_postgresql_refuses_the_answer_and_takes_it_once_there_is_room(data_dir):
    """Answers still fit into pages that are there already; the first one that needs another page is refused."""
    n_images = 30
    session = make_session(study=make_open_study(n_real=n_images // 2, n_synthetic=n_images // 2))
    cookie = sign_in(session)

    with tables_on_a_small_file_system() as disk, WebServer(data_dir, database_url()) as server:
        client = PageClient(server.port, session, cookie)
        state = client.attend()
        client.fetch(state)
        disk.leave_free(server, 0)
        while True:
            answer = client.new_answer(state, "real")
            status, refusal = client.request("POST", f"{client.root}/answer", answer)
            if status != 200:
                break
            client.note(state, answer)
            state = refusal["next"]
            assert state["state"] == "reading", "the disk was never full"
            status, refusal = client.request("GET", state["stimulus"])  # that it was sent is noted
            if status != 200:
                break
        assert (status, refusal["code"]) == (503, "unavailable")
        assert stored_answers(session) == client.acknowledged

        disk.free(server)
        while state["state"] == "reading":
            client.fetch(state)
            if state["token"] != answer["token"]:
                answer = client.new_answer(state, "synthetic")
            content, _ = client.persist("POST", f"{client.root}/answer", answer)
            client.note(state, answer)
            state = content["next"]
        assert stored_answers(session) == client.acknowledged
        assert len(client.acknowledged) == n_images
        assert verify_audit().problems == ()


# --- a locked database -----------------------------------------------------------------------------------------

SQLITE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""
POSTGRESQL_LOCK = """
import psycopg, sys
connection = psycopg.connect(sys.argv[1])
connection.execute(sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(statement: str) -> Iterator[None]:
    script, address = (
        (SQLITE_LOCK, str(connection.settings_dict["NAME"])) if ON_SQLITE else (POSTGRESQL_LOCK, database_url())
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, address, statement], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "locked\n"
            yield
        finally:
            process.kill()


LOCKS = (
    ["BEGIN EXCLUSIVE"]
    if ON_SQLITE
    else [
        "LOCK TABLE turing_answer IN ACCESS EXCLUSIVE MODE",
        "SELECT id FROM turing_readingsession FOR UPDATE",
        f"SELECT pg_advisory_xact_lock({0x7455_7269_6E67})",
    ]
)


@pytest.mark.parametrize("statement", LOCKS)
def test_a_locked_database_refuses_the_answer_and_takes_it_once_it_is_free(server, statement):
    session = make_session()
    client = PageClient(server.port, session)
    state = client.attend()
    client.fetch(state)
    answer = client.new_answer(state, "synthetic")

    with locked_by_another_process(statement):
        began = time.monotonic()
        status, content = client.request("POST", f"{client.root}/answer", answer)
        waited = time.monotonic() - began
    assert (status, content["code"]) == (503, "unavailable")
    assert 5 < waited < PAGE_TIMEOUT_S, "the server waits a while, but the page hears of it"
    assert stored_answers(session) == []

    stored = client.persist("POST", f"{client.root}/answer", answer)[0]
    assert stored["stored"] == 1
    assert client.persist("POST", f"{client.root}/answer", answer)[0] == stored
    client.note(state, answer)
    assert stored_answers(session) == client.acknowledged
    assert verify_audit().problems == ()


@pytest.mark.skipif(ON_SQLITE, reason="SQLite is no server")
def test_a_database_server_that_is_gone_is_told_and_the_answer_taken_when_it_is_back(server):
    """It ends every connection of the web server and takes no new one; the connections of this test it keeps."""
    session = make_session()
    client = PageClient(server.port, session)
    state = client.attend()
    client.fetch(state)
    answer = client.new_answer(state, "synthetic")

    with closing(postgresql_elsewhere()) as elsewhere:
        name = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (ours,) = cursor.fetchone()
        elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
            elsewhere.execute(ended, [name, ours])
            for _ in range(10):  # both workers, and threads with and without a connection
                status, content = client.request("POST", f"{client.root}/answer", answer)
                assert (status, content["code"]) == (503, "unavailable")
        finally:
            elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    assert stored_answers(session) == []
    assert client.persist("POST", f"{client.root}/answer", answer)[0]["stored"] == 1
    client.note(state, answer)
    assert stored_answers(session) == client.acknowledged
    assert verify_audit().problems == ()


# --- a damaged file --------------------------------------------------------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change_a_pixel(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[17] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, truncate, change_a_pixel])
def test_a_damaged_image_is_not_shown_until_it_is_restored(data_dir, client, damage: Callable[[Path], None]):
    session = make_session()
    client.force_login(session.reader)
    current = current_of(session)
    trial = Presentation.objects.get(token=current.token).trial
    file = Path(default_storage.path(trial.stimulus_file))
    pixels = file.read_bytes()
    address = f"/read/{session.pk}/stimulus/{current.token}"
    answer = {"token": current.token, "value": "real", "idempotency_key": str(uuid.uuid4())}

    damage(file)
    response = client.get(address)
    assert response.status_code == 503
    assert response.json() == {
        "code": "image-damaged",
        "error": "Its file is missing or damaged on the server. Please tell whoever invited you; your place is kept.",
    }
    # an image that was not shown has no clock and takes no answer
    assert Presentation.objects.get(token=current.token).times_served == 0
    refusal = client.post(f"/read/{session.pk}/answer", json.dumps(answer), content_type="application/json")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "not-shown")

    file.write_bytes(pixels)
    assert client.get(address).content == pixels
    stored = client.post(f"/read/{session.pk}/answer", json.dumps(answer), content_type="application/json")
    assert stored.json()["stored"] == 1
