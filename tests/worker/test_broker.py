"""Old brokers are refused; one that is away is waited for."""

import socketserver
import threading
from contextlib import contextmanager

import pytest

from worker.broker import broker_problem


@contextmanager
def server_that_calls_itself(version: str):
    """As much of a Redis server as is asked for its version."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                if line.strip().upper() == b"INFO":
                    text = f"redis_version:{version}\r\n".encode()
                    self.wfile.write(b"$%d\r\n%s\r\n" % (len(text), text))
                elif line.strip().upper() == b"HELLO":
                    self.wfile.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                elif line.strip().upper() == b"PING":
                    self.wfile.write(b"+PONG\r\n")
                elif line.strip().upper() == b"CLIENT":
                    self.wfile.write(b"+OK\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


@pytest.mark.parametrize(
    ("version", "problem"),
    [("6.2.7", "REDIS_URL: the server is Redis 6.2.7; 7.0 or newer (or Valkey) is needed."), ("7.0.0", "")],
)
def test_its_version(version, problem):
    with server_that_calls_itself(version) as address:
        assert broker_problem(address) == problem


def test_one_that_is_away_may_come_back():
    assert broker_problem("redis://127.0.0.1:1/0") == ""
