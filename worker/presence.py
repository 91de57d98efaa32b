"""A thread in every worker that writes that the worker is there, what it serves, and what its machine has free."""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from worker.execution.slots import Slots
from worker.execution.versions import code_revision
from worker.machine import measure_machine
from worker.models import WorkerRecord
from worker.timing import FORGET_SECONDS, PRESENCE_SECONDS

logger = logging.getLogger(__name__)


class Presence:
    """`name` is the worker's as jobs know it."""

    def __init__(self, *, name: str, queues: Sequence[str], slots: Slots) -> None:
        self.name = name[:200]
        self.queues = sorted(queues)
        self.slots = slots
        self.version = code_revision()[:100]
        self._is_new = True
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self) -> None:
        """One sign of life; the first one says since when."""
        values = {
            "host": socket.gethostname()[:200],
            "process_id": os.getpid(),
            "queues": self.queues,
            "concurrency": self.slots.size,
            "version": self.version,
            "machine": measure_machine(Path(settings.MEDIA_ROOT).parent).to_dict(),
            "seen_at": Now(),
        }
        if self._is_new or not WorkerRecord.objects.filter(pk=self.name).update(**values):
            WorkerRecord.objects.update_or_create(pk=self.name, defaults={**values, "started_at": Now()})
            WorkerRecord.objects.filter(seen_at__lt=Now() - timedelta(seconds=FORGET_SECONDS)).delete()
            self._is_new = False

    def leave(self) -> None:
        """The worker ends in order: nobody need wonder where it is."""
        WorkerRecord.objects.filter(pk=self.name, process_id=os.getpid()).delete()

    def _run(self) -> None:
        healthy = True
        while True:
            try:
                self.show()
                healthy = True
            except Exception as error:  # only a sign of life: the worker works on without it
                if healthy:
                    logger.warning("No sign of life could be written, will go on trying: %r", error)
                healthy = False
                connection.close()
            if self.slots.stopping.wait(PRESENCE_SECONDS):
                break
        try:
            self.leave()
        except Exception as error:
            logger.warning("The record of this worker could not be removed: %r", error)
        connection.close()
