"""What one worker process knows about itself: how many jobs it runs, and whether it is leaving."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from worker.execution.gpus import Gpus


class Slots:
    def __init__(self, size: int = 1, *, queues: Sequence[str] = (), gpus: Gpus | None = None) -> None:
        self.size = size  # jobs at the same time
        self.queues = list(queues)  # that this worker serves
        self.gpus = gpus  # that it shares out; None: every job sees every GPU
        self.claiming = threading.Lock()  # a claim and the GPUs that go with it belong together
        self.stopping = threading.Event()  # set once: running jobs save and go back to the queue
        self._occupied = 0
        self._lock = threading.Lock()

    @property
    def is_free(self) -> bool:
        return self._occupied < self.size and not self.stopping.is_set()

    @contextmanager
    def occupied(self) -> Iterator[None]:
        with self._lock:
            self._occupied += 1
        try:
            yield
        finally:
            with self._lock:
                self._occupied -= 1


slots = Slots()
