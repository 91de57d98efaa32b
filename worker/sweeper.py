"""A thread in every worker that puts right what messages and processes lost.

Every few seconds it hands jobs with an expired lease back to the queue, and wakes the workers when a job waits although
this one is free. It survives the absence of the broker and of the database.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from worker import lifecycle
from worker.execution.slots import Slots
from worker.models import Job
from worker.timing import SETTLING_SECONDS, SWEEP_SECONDS, UNWOKEN_SECONDS
from worker.wakeup import wake_workers

logger = logging.getLogger(__name__)


def _wake(queue: str) -> None:
    wake_workers(queue=queue)


class Sweeper:
    def __init__(self, *, queues: Sequence[str], slots: Slots, wake: Callable[[str], object] = _wake) -> None:
        self.queues = list(queues)
        self.slots = slots
        self.wake = wake
        self._suspects: set[tuple[lifecycle.Lease, str]] = set()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        healthy = True
        while not self.slots.stopping.wait(SWEEP_SECONDS):
            try:
                self.sweep()
                healthy = True
            except Exception as error:  # this thread must outlive everything
                if healthy:
                    logger.warning("Sweep failed, will go on trying: %r", error)
                healthy = False
                self._suspects = set()
                connection.close()
        connection.close()

    def sweep(self) -> None:
        """One round. A lease is taken over when two rounds in a row found it expired and unchanged.

        Heartbeats that were held up (database away, or a long write on SQLite) so get the time to come through first.
        """
        if _seconds_to_get_write_access() > SETTLING_SECONDS:
            self._suspects = set()
        else:
            expired = lifecycle.find_expired()
            for lease, _ in expired & self._suspects:
                state = lifecycle.take_over(lease=lease)
                if state is not None:
                    logger.warning("Job %s: lease expired, now %s", lease.job_id, state)
            self._suspects = expired - self._suspects
        for queue in self._waiting_queues() if self.slots.is_free else []:
            self.wake(queue)

    def _waiting_queues(self) -> list[str]:
        waiting = Job.anywhere.filter(
            state=Job.State.QUEUED,
            queue__in=self.queues,
            queued_at__lt=Now() - timedelta(seconds=UNWOKEN_SECONDS),
        )
        return sorted(set(waiting.order_by().values_list("queue", flat=True)))


def _seconds_to_get_write_access() -> float:
    """On SQLite the time until the database's one write lock is ours; next to nothing elsewhere."""
    started = time.monotonic()
    with transaction.atomic():
        return time.monotonic() - started
