"""What happens when a Celery worker process is ready and when it is told to stop."""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from worker.execution.gpus import gpus_from_environment
from worker.execution.slots import slots
from worker.presence import Presence
from worker.sweeper import Sweeper

READY_FILE_VARIABLE = "WORKER_READY_FILE"  # a supervisor learns here that the worker takes messages


@worker_ready.connect
def start_sweeper(sender: Any, **_kwargs: Any) -> None:
    """`sender` is the worker's consumer."""
    slots.size = sender.pool.limit or 1
    slots.queues = list(sender.app.amqp.queues.consume_from)
    slots.gpus = gpus_from_environment()
    Sweeper(queues=slots.queues, slots=slots).start()
    Presence(name=sender.hostname, queues=slots.queues, slots=slots).start()
    ready_file = os.environ.get(READY_FILE_VARIABLE)
    if ready_file:
        Path(ready_file).write_text(str(os.getpid()))


@worker_shutting_down.connect
def stop_running_jobs(**_kwargs: Any) -> None:
    slots.stopping.set()
