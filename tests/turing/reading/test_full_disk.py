"""The disk is full while somebody reads: what was acknowledged stays, and the answer is taken once there is room."""

import os
import resource
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from config.environment import BASE_DIR
from tests.quick_database import copy_database
from tests.turing.builders import make_open_study, make_session
from tests.turing.reading.small_disks import FullFileSystem, Quota, small_file_system, tables_on_a_small_file_system
from tests.turing.reading.web_server import PageClient, WebServer, sign_in, stored_answers
from tests.worker.site import NEEDS_PROC, database_url
from turing.audit.verification import verify_audit

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
ON_SQLITE = connection.vendor == "sqlite"


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
    database = copy_database(disk.folder / "db.sqlite3")
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
