"""A new connection goes to the process that has the fewest, and to any other when that one does not come."""

import socket
import threading
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from config.web_worker import BalancedWorker


class NotingWorker(BalancedWorker):
    """Keeps what it has accepted; serves nothing."""

    def __init__(self, n_connections: int) -> None:
        settings = Config()
        super().__init__(0, 0, [], None, 30, settings, Logger(settings))
        self.nr_conns = n_connections
        self.accepted: list[socket.socket] = []

    def enqueue_req(self, conn) -> None:
        self.accepted.append(conn.sock)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener


def accept_together(listener: socket.socket, workers: list[NotingWorker]) -> None:
    """One connection wakes all of them at once, as a selector does."""
    start = threading.Barrier(len(workers))

    def woken(worker: NotingWorker) -> None:
        start.wait()
        worker.accept(listener)

    with socket.create_connection(listener.getsockname()):
        threads = [threading.Thread(target=woken, args=[worker]) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_the_process_with_the_fewest_connections_takes_the_next_one(listener):
    busy, idle = NotingWorker(1000), NotingWorker(0)

    for _ in range(20):
        accept_together(listener, [busy, idle])

    assert len(busy.accepted) + len(idle.accepted) == 20
    assert len(idle.accepted) > len(busy.accepted)
    assert idle.nr_conns == len(idle.accepted)


def test_a_busy_process_takes_what_nobody_else_takes(listener):
    busy = NotingWorker(1_000_000)

    accept_together(listener, [busy])

    assert len(busy.accepted) == 1
