"""Ends a job's process before its lease can pass to another machine: what cannot be reached cannot be told to stop.

A process that is cut off from the database, or frozen for a while, does not learn that its job was taken over. So it
counts by itself: each renewal is worth LEASE_SECONDS from the moment *before* it was sent. Without another one the
handler is asked to save and leave, and at last the kernel's timer ends the process, whatever its threads are doing.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from worker.timing import FENCE_SECONDS, OUT_OF_TOUCH_SECONDS


class Fence:
    """Counts from the last renewal. Starts open: nothing happens before the first `renewed`.

    `ask_to_leave` is called once, from a thread of the fence. It uses SIGALRM, whose default action ends a process; so
    only for a process that exists for the job alone.
    """

    def __init__(self, ask_to_leave: Callable[[], None]) -> None:
        self._ask_to_leave = ask_to_leave
        self._lock = threading.Lock()
        self._renewed_at: float | None = None
        self._end_at: float | None = None  # set by `end_within`: no renewal puts this off
        self._pauses = 0
        self._lifted = threading.Event()
        self._thread = threading.Thread(target=self._ask_in_time, name="fence", daemon=True)

    def renewed(self, sent_at: float) -> None:
        """A renewal that was sent at `sent_at` (`time.monotonic`) has been confirmed."""
        with self._lock:
            first = self._renewed_at is None
            self._renewed_at = max(sent_at, self._renewed_at or sent_at)
            self._set_timer()
        if first:
            self._thread.start()

    def end_within(self, seconds: float) -> None:
        """End the process after so many seconds at the latest, renewals or not."""
        with self._lock:
            end_at = time.monotonic() + seconds
            self._end_at = min(end_at, self._end_at or end_at)
            self._set_timer()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While a transaction holds the job's row nobody can take the job over, and no heartbeat comes through."""
        self._pause(+1)
        try:
            yield
        finally:
            self._pause(-1)

    def lift(self) -> None:
        """The handler has ended: nothing is left that could do harm."""
        with self._lock:
            self._lifted.set()
            self._set_timer()

    def _pause(self, change: int) -> None:
        with self._lock:
            self._pauses += change
            self._set_timer()

    def _set_timer(self) -> None:
        ends = [] if self._end_at is None else [self._end_at]
        if self._renewed_at is not None and not self._pauses and not self._lifted.is_set():
            ends.append(self._renewed_at + FENCE_SECONDS)
        seconds = max(min(ends) - time.monotonic(), 1e-3) if ends else 0.0  # 0 switches the timer off
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _ask_in_time(self) -> None:
        while not self._lifted.is_set():
            with self._lock:
                assert self._renewed_at is not None  # noqa: S101  for the type checker
                left = self._renewed_at + OUT_OF_TOUCH_SECONDS - time.monotonic()
                paused = self._pauses > 0
            if left <= 0 and not paused:
                self._ask_to_leave()
                return
            self._lifted.wait(max(left, 0.2))
