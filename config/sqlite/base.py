"""SQLite, with transactions that wait for their turn in a queue.

SQLite lets one write at a time, and whoever finds it taken sleeps and tries again, up to 100 ms later each time: under
load some wait for seconds while others overtake them. Here a transaction first waits for a lock on a file beside the
database, where the operating system wakes those who wait in their order, and then begins. The lock is that of the
process and goes with it, also at kill -9. It is only about order: what keeps the data whole is SQLite's own locking.
"""

import fcntl
import os
import time
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: int | None = None  # file descriptor; held while a transaction runs
        self.longest_wait_s: float = self.settings_dict["OPTIONS"].get("timeout", 5.0)

    def _start_transaction_under_autocommit(self) -> None:
        self._wait_for_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # not in the stubs
        self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._end_turn()

    def _wait_for_turn(self) -> None:
        """Raises OperationalError after a wait that was too long, as SQLite does, and at once: others wait as well."""
        name = str(self.settings_dict["NAME"])
        if self._turn is not None or self.is_in_memory_db():
            return
        start = time.monotonic()
        try:
            self._turn = os.open(f"{name}.queue", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            if time.monotonic() - start > self.longest_wait_s:
                raise OperationalError("database is locked")
        except OSError as error:
            self._end_turn()
            raise OperationalError(
                f"The queue of writers cannot be used: {error}. See that {name}.queue can be written, on a disk with "
                "room and with file locks."
            ) from error
        except BaseException:
            self._end_turn()
            raise

    def _end_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            fcntl.flock(turn, fcntl.LOCK_UN)  # closing alone would leave it to a child that was forked meanwhile
            os.close(turn)
