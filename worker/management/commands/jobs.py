"""`manage.py jobs`: what runs, waits and has ended."""

import json
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from worker.models import Job
from worker.selectors import STATE_FILTERS, list_jobs
from worker.templatetags.jobs import duration


class Command(BaseCommand):
    help = "List jobs, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state", choices=[*STATE_FILTERS, *Job.State.values], default="", help="only these")
        parser.add_argument("--limit", type=int, default=20)
        parser.add_argument("--json", action="store_true", help="one JSON list, for programs")

    def handle(self, *args: Any, state: str, limit: int, **options: Any) -> None:
        jobs = list_jobs(state=state)[:limit]
        if options["json"]:
            self.stdout.write(json.dumps([_as_dict(job) for job in jobs], indent=2))
            return
        table = Table("Id", "Title", "State", "Progress", "Time", "Left", box=None)
        for job in jobs:
            progress = (
                f"{job.progress_done:,} of {job.progress_total:,} {job.progress_unit}" if job.progress_total else ""
            )
            table.add_row(
                job.pk.hex[:8], job.title, job.state, progress, duration(job.run_seconds), duration(job.eta_seconds)
            )
        console = Console(file=cast(IO[str], self.stdout._out))
        console.print(table if table.row_count else "No jobs.")


def _as_dict(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "queue": job.queue,
        "attempt": job.attempt,
        "progress_done": job.progress_done,
        "progress_total": job.progress_total,
        "progress_unit": job.progress_unit,
        "eta_seconds": job.eta_seconds,
        "message": job.message,
        "error": job.error,
        "result": job.result,
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }
