"""The web server dies, the database is locked, a file is damaged: what was acknowledged stays, once.

Real gunicorn, real signals. The full disk is in test_full_disk.py, the page's side in tests/browser/test_faults.py.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from tests.turing.builders import make_open_study, make_session
from tests.turing.reading.small_disks import postgresql_elsewhere
from tests.turing.reading.web_server import PAGE_TIMEOUT_S, PageClient, WebServer, stored_answers
from tests.worker.site import NEEDS_PROC, database_url
from turing.audit.verification import verify_audit
from turing.models import Answer, Presentation
from turing.reading.selectors import current_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
ON_SQLITE = connection.vendor == "sqlite"


@pytest.fixture
def server(data_dir) -> Iterator[WebServer]:
    with WebServer(data_dir, database_url()) as server:
        yield server


class _Reserve:
    """Keeps answers back for the kills that are still to come: how long a server takes to be up again is chance."""

    def __init__(self, total: int) -> None:
        self._total = self._limit = total
        self._begun = 0
        self._changed = threading.Condition()

    def begin_one(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._begun < self._limit, 120), "the test let nobody go on"
            self._begun += 1
            self._changed.notify_all()

    def keep(self, answers: int) -> None:
        with self._changed:
            self._limit = self._total - answers
            self._changed.notify_all()

    def wait_until_begun(self, answers: int, *, more: int) -> None:
        """At least `answers` of all, and `more` from now on: somebody is at work when this returns."""
        with self._changed:
            wanted = max(answers, self._begun + more)
            assert wanted < self._limit
            assert self._changed.wait_for(lambda: self._begun >= wanted, 50), f"{self._begun} of {wanted} answers"


@NEEDS_PROC
def test_kill_of_the_web_server_under_load(server):
    """Master and workers in turn, while six readers answer as fast as the server takes it."""
    n_images = 40
    study = make_open_study(n_real=n_images // 2, n_synthetic=n_images // 2)
    clients = [PageClient(server.port, make_session(study=study)) for _ in range(6)]
    kills = [server.kill_a_worker, server.kill_master, server.kill_a_worker, server.kill_master, server.kill_a_worker]

    total, per_kill = len(clients) * n_images, 4 * len(clients)
    reserve = _Reserve(total)
    for client in clients:
        client.before_answer = reserve.begin_one

    with ThreadPoolExecutor(len(clients)) as pool:
        readings = [pool.submit(client.read_all) for client in clients]
        for turn, kill in enumerate(kills, start=1):
            reserve.keep(per_kill * (len(kills) - turn))
            reserve.wait_until_begun(total * turn // (len(kills) + 1), more=len(clients))
            kill()
        reserve.keep(0)
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
