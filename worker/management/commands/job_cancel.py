"""`manage.py job_cancel ID`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from worker.management.job_argument import add_job_argument, find_job
from worker.services import request_cancel


class Command(BaseCommand):
    help = "Cancel a job: a running one saves what it has and can be resumed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_job_argument(parser)

    def handle(self, *args: Any, job: str, **options: Any) -> None:
        try:
            cancelled = request_cancel(job=find_job(job))
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{cancelled.title}”: {cancelled.get_state_display().lower()}.")
