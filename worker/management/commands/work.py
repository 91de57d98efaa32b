"""A worker: takes jobs from its queues and runs each in a process of its own."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from worker.broker import broker_problem
from worker.celery import app
from worker.execution.gpus import VARIABLE, find_gpus
from worker.models import Job
from worker.queues import QUEUE_NAME


class Command(BaseCommand):
    help = """Runs jobs until it is told to stop (Ctrl-C, SIGTERM); running jobs then save and go back to their queue.
Example: manage.py work --queues gpu --gpus auto"""

    def add_arguments(self, parser: CommandParser) -> None:
        queues = ",".join(Job.Queue.values)
        parser.add_argument("--queues", default=queues, help=f"with commas between them; default: {queues}")
        parser.add_argument(
            "--concurrency", type=int, help="jobs at the same time; default: one for each GPU, at least one"
        )
        parser.add_argument(
            "--gpus",
            help="share these out, so that no two jobs have the same: auto (all there are), none, or numbers or UUIDs "
            "with commas between them. Default: every job sees every GPU",
        )
        parser.add_argument("--name", default="worker@%h", help="shown with its jobs; %%h is the host's name")

    def handle(self, *, queues: str, concurrency: int | None, gpus: str | None, name: str, **_options: Any) -> None:
        for queue in queues.split(","):
            if not QUEUE_NAME.fullmatch(queue):
                raise CommandError(f"--queues: {queue!r} is not the name of a queue. Example: gpu,cpu,light")
        problem = broker_problem(settings.CELERY_BROKER_URL)
        if problem:
            raise CommandError(problem)
        count = self._share_out(gpus)
        if concurrency is None:
            concurrency = max(1, count)
        if concurrency < 1:
            raise CommandError(f"--concurrency is {concurrency}; it must be 1 or more.")
        app.worker_main(
            [
                *("worker", "--loglevel", "INFO", "--queues", queues, "--concurrency", str(concurrency)),
                *("--hostname", name, "--pool", "threads"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )

    def _share_out(self, gpus: str | None) -> int:
        """Tell the worker, by its environment, which GPUs it has. Returns how many."""
        if gpus is None:
            return 0
        names = {"auto": find_gpus, "none": list}.get(gpus, lambda: gpus.split(","))()
        if gpus == "auto" and not names:
            raise CommandError("--gpus auto: no GPU was found (nvidia-smi, CUDA_VISIBLE_DEVICES). Use --gpus none.")
        os.environ[VARIABLE] = ",".join(names)
        return len(names)
