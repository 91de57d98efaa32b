"""The one Celery task: a message says "look into the queues", never which job to run."""

import socket

from celery import Task, shared_task

from worker import celery_hooks  # noqa: F401  connects the sweeper and the shutdown of a worker process
from worker.execution.runner import run_queued_jobs
from worker.execution.slots import slots
from worker.wakeup import TASK_NAME


@shared_task(name=TASK_NAME, bind=True, ignore_result=True)
def run_next_job(self: Task, *, queue: str) -> None:
    name = self.request.hostname or socket.gethostname()
    run_queued_jobs(queues=slots.queues or [queue], worker_name=name, slots=slots)
