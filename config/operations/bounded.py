"""Questions that must be answered in bounded time, although what is asked may hang for ever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class NoAnswerError(Exception):
    """It has not answered in time. It is not asked again before it does."""


class Bounded(Generic[Answer]):
    """Runs `ask` in a thread of its own and waits at most `seconds` for it.

    There is one such thread at a time: while a question hangs, everybody is told so at once and nothing piles up. An
    answer is kept for `keeps` seconds, so that many questions cost as much as one.
    """

    def __init__(self, ask: Callable[[], Answer], *, seconds: float, keeps: float = 0.0) -> None:
        self._ask = ask
        self._seconds = seconds
        self._keeps = keeps
        self._lock = threading.Lock()
        self._future: Future[Answer] | None = None
        self._asked_at = self._answered_at = 0.0

    def begin(self) -> tuple["Future[Answer]", float]:
        """Ask, unless that is being done or there is an answer; what will hold it, and how many seconds are left."""
        with self._lock:
            now = time.monotonic()
            if self._future is None or (self._future.done() and now - self._answered_at >= self._keeps):
                self._future, self._asked_at = Future(), now
                threading.Thread(target=self._run, args=(self._future,), name="bounded", daemon=True).start()
            return self._future, self._asked_at + self._seconds - now

    def __call__(self) -> Answer:
        """The answer, or what `ask` raised. Raises NoAnswerError when there is none in time."""
        future, left = self.begin()
        try:
            return future.result(timeout=max(left, 0.0))
        except NotInTime:
            if future.done():
                raise  # its own
            raise NoAnswerError(f"No answer within {self._seconds:g} s") from None

    def _run(self, future: Future[Answer]) -> None:
        try:
            answer = self._ask()
        except BaseException as error:
            self._answered_at = time.monotonic()
            future.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            future.set_result(answer)
