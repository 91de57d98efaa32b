"""The process of one job. Started by a worker, not by people."""

import os
import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.logs import describe_process
from worker.execution.child import execute_job

NO_VERDICT = os.EX_TEMPFAIL


class Command(BaseCommand):
    help = "Runs one claimed job. Workers start this; people use `resume` or the job's page."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job_id", type=uuid.UUID)
        parser.add_argument("--lease", type=uuid.UUID, required=True)

    def handle(self, *, job_id: uuid.UUID, lease: uuid.UUID, **_options: Any) -> None:
        os.nice(5)  # pages first: a reader on the same machine must not notice a training
        describe_process(job_id=str(job_id))
        if not execute_job(job_id=job_id, token=lease, supervised=True):
            self.stderr.write("This process does not hold the job any more; nothing was written.")
            sys.exit(NO_VERDICT)
