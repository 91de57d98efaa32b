"""One process at a time in a job's directory: the second line of defence after the lease.

A lease can pass on while its old holder still breathes (frozen machine, cut network). The new holder then waits here
until the old process is gone, and ends it when it is on the same machine and does not go.
"""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class DirectoryInUseError(Exception):
    """Another process holds the directory and does not leave."""


@contextmanager
def hold_directory(directory: Path, *, patience_seconds: float, owner_mark: str) -> Iterator[None]:
    """Hold `directory` for this process alone; the lock goes with the process, however it ends.

    After `patience_seconds` a holder on this host whose command line contains `owner_mark` is killed. Raises
    DirectoryInUseError when the lock is still not free.
    """
    with (directory / ".lock").open("a+") as file:
        if not _wait_for(file.fileno(), patience_seconds):
            file.seek(0)
            host, _, holder = file.read().strip().rpartition(" ")
            is_here = host == socket.gethostname()
            if not (is_here and _end_leftover(holder, owner_mark) and _wait_for(file.fileno(), 5.0)):
                raise DirectoryInUseError(f"process {holder or '?'} on {host or '?'} still works in {directory}")
        file.truncate(0)
        file.write(f"{socket.gethostname()} {os.getpid()}")
        file.flush()
        yield


def _wait_for(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)


def _end_leftover(holder: str, owner_mark: str) -> bool:
    try:
        command = Path(f"/proc/{int(holder)}/cmdline").read_bytes()
    except (ValueError, OSError):
        return False
    if owner_mark.encode() not in command:
        return False
    with suppress(ProcessLookupError):
        os.kill(int(holder), signal.SIGKILL)
    return True
