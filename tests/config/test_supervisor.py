"""The whole site with its web server: up, one per data directory, parts that die come back, everything stops."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from config.environment import embedded_broker_socket
from config.parts import Part, PartError
from tests.worker.site import NEEDS_PROC, Site, wait_until

pytestmark = [pytest.mark.faults, NEEDS_PROC]


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def get(address: str) -> http.client.HTTPResponse:
    return urllib.request.urlopen(address, timeout=30)  # noqa: S310  our own http address


@pytest.mark.django_db(transaction=True)
def test_the_site_comes_up_survives_and_stops(tmp_path, taken_port):
    site = Site(tmp_path / "site", "--port", str(taken_port))
    try:
        site.start()
        address = f"http://127.0.0.1:{site.port}"

        # the taken port is left alone, and the page is there with its stylesheet
        assert taken_port < site.port < taken_port + 100
        page = get(f"{address}/accounts/login/").read().decode()
        assert "csrfmiddlewaretoken" in page
        assert "There is no account yet" in site.text()

        # a second one on the same data is refused with words
        second = subprocess.run(
            [sys.executable, "manage.py", "serve"], env=site.environment, capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 1
        assert f"already runs on {site.data_dir}: {address} (process {site.process.pid})" in second.stderr

        # every part comes back after a kill, and nobody who waits for a page is turned away
        for part in ("web", "broker", "worker-gpu"):
            starts = len(site.starts(part))
            site.kill(part)
            site.wait_for_restart(part, after=starts)
        assert get(f"{address}/accounts/login/").status == 200

        assert site.stop(signal.SIGTERM, seconds=30) == 0
        assert site.processes_left() == {}
        assert not embedded_broker_socket(site.data_dir).exists()
    finally:
        site.close()


def test_a_part_that_cannot_start_is_given_up_with_its_last_words(tmp_path):
    part = Part(
        name="web",
        command=[sys.executable, "-c", "raise SystemExit('no such module: confg')"],
        log=tmp_path / "web.log",
        is_ready=lambda _part: False,
    )
    part.log.touch()

    with pytest.raises(PartError, match=r"(?s)web does not start \(status 1\).*no such module: confg"):
        wait_until(part.watch, 20, "it gives up")


def test_a_part_that_ignores_the_stop_signal_is_killed(tmp_path):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    log = tmp_path / "part.log"
    part = Part(
        name="part",
        command=[sys.executable, "-c", stubborn],
        log=log,
        is_ready=lambda _part: "up\n" in log.read_text(),
        patience_seconds=0.5,
    )
    wait_until(lambda: part.watch() or part.ready, 20, "it is up")
    process = part.process

    part.stop()

    assert process.returncode == -signal.SIGKILL
    assert part.process is None


def test_a_long_or_unusual_data_directory_gets_a_short_socket():
    usual = embedded_broker_socket(Path("/srv/reader"))
    long = embedded_broker_socket(Path("/srv/" + "x" * 200))
    spaced = embedded_broker_socket(Path("/srv/my reader"))

    assert str(usual) == "/srv/reader/run/broker.sock"
    assert len({long, spaced}) == 2
    for path in (long, spaced):
        assert len(os.fsencode(path)) < 100
        assert path.parent.name.startswith(f"turing-reader-{os.getuid()}-")
