"""`manage.py job_resume ID`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from worker.management.job_argument import add_job_argument, find_job
from worker.services import resume_job


class Command(BaseCommand):
    help = "Put a failed or cancelled job back into its queue; it goes on from its last checkpoint where it has one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_job_argument(parser)

    def handle(self, *args: Any, job: str, **options: Any) -> None:
        try:
            resumed = resume_job(job=find_job(job))
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{resumed.title}” is queued. Follow it with `manage.py job_watch {resumed.pk.hex[:8]}`.")
