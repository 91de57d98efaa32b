"""`manage.py job_watch ID`."""

import sys
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from rich.console import Console

from worker.management.job_argument import add_job_argument, find_job
from worker.models import Job
from worker.watching import watch_job


class Command(BaseCommand):
    help = "Follow a job until it ends. Exit status 0 when it succeeded, else 1. Ctrl-C stops watching, not the job."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_job_argument(parser)
        parser.add_argument("--no-log", action="store_true", help="only the progress bar")

    def handle(self, *args: Any, job: str, no_log: bool, **options: Any) -> None:
        found = find_job(job)
        try:
            ended = watch_job(found.pk, Console(file=cast(IO[str], self.stdout._out)), show_log=not no_log)
        except KeyboardInterrupt:
            self.stderr.write(f"The job goes on. Cancel it with `manage.py job_cancel {found.pk.hex[:8]}`.")
            sys.exit(130)
        if ended.state != Job.State.SUCCEEDED:
            self.stderr.write(ended.error or f"The job was {ended.state}.")
            sys.exit(1)
