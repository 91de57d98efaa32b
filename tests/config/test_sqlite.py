"""Transactions on SQLite wait for their turn in a queue: in order, across processes, and not for ever."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from config.accounts.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL writes side by side"),
]

HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder():
    """Another process that has its turn, and keeps it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, f"{connection.settings_dict['NAME']}.queue"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def write(done: list, name: str) -> None:
    try:
        with transaction.atomic():
            done.append((name, User.objects.count()))
    except OperationalError as error:
        done.append((name, str(error)))
    finally:
        connection.close()


def test_a_transaction_waits_for_the_turn_of_another_process_also_when_that_is_killed(holder):
    done: list = []
    writer = threading.Thread(target=write, args=(done, "writer"))
    writer.start()
    time.sleep(0.3)
    assert done == []

    holder.kill()
    writer.join(timeout=20)

    assert done == [("writer", 0)]


def test_reading_waits_for_nobody(holder):
    assert User.objects.count() == 0


def test_whoever_has_waited_too_long_gets_an_error_and_leaves_the_queue(holder):
    connection.longest_wait_s = 0.2
    done: list = []
    killer = threading.Timer(0.6, holder.kill)
    killer.start()

    with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
        pass
    connection.longest_wait_s = 30.0
    write(done, "next")

    assert done == [("next", 0)]


def test_turns_come_in_the_order_of_asking():
    done: list = []
    writers = [threading.Thread(target=write, args=(done, str(number))) for number in range(6)]
    with transaction.atomic():
        for writer in writers:
            writer.start()
            time.sleep(0.15)
        assert done == []
    for writer in writers:
        writer.join(timeout=20)

    assert [name for name, _ in done] == ["0", "1", "2", "3", "4", "5"]


def test_a_turn_ends_with_its_transaction_however_that_ends():
    with pytest.raises(ValueError, match="stop"), transaction.atomic():
        raise ValueError("stop")
    done: list = []

    writer = threading.Thread(target=write, args=(done, "after"))
    writer.start()
    writer.join(timeout=20)

    assert done == [("after", 0)]


def test_a_turn_ends_also_when_a_forked_child_has_the_file_open():
    with transaction.atomic():
        inherited = os.dup(connection._turn)  # as fork leaves it: another descriptor of the same open file
    done: list = []

    writer = threading.Thread(target=write, args=(done, "after"))
    writer.start()
    writer.join(timeout=20)
    os.close(inherited)

    assert done == [("after", 0)]


def test_a_queue_that_cannot_be_used_is_an_error_of_the_database_that_says_so():
    queue = Path(f"{connection.settings_dict['NAME']}.queue")
    queue.unlink(missing_ok=True)
    queue.mkdir()  # root may write everything else

    try:
        with (
            pytest.raises(OperationalError, match=r"queue of writers cannot be used.*\.queue can be written"),
            transaction.atomic(),
        ):
            pass
    finally:
        queue.rmdir()
    with transaction.atomic():
        assert User.objects.count() == 0
