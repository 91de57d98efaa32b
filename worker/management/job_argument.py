"""How commands name a job: its id, or as much of its beginning as is unique."""

import re
from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.db.models import CharField
from django.db.models.functions import Cast

from worker.models import Job


def add_job_argument(parser: ArgumentParser) -> None:
    parser.add_argument("job", help="the job's id, or the beginning of it (see `manage.py jobs`)")


def find_job(text: str) -> Job:
    """CommandError when no job, or more than one, begins like this."""
    beginning = text.lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", beginning):
        raise CommandError(f"“{text}” is not the id of a job. `manage.py jobs` lists them.")
    matches = [job for job in _candidates(beginning) if job.pk.hex.startswith(beginning)]
    if len(matches) != 1:
        count = "No job's id begins" if not matches else f"The ids of {len(matches)} jobs begin"
        raise CommandError(f"{count} with “{text}”. `manage.py jobs` lists them.")
    return matches[0]


def _candidates(beginning: str) -> list[Job]:
    # As text a UUID begins with eight digits without a dash, on every database.
    jobs = Job.objects.annotate(text=Cast("pk", CharField()))
    return list(jobs.filter(text__startswith=beginning[:8])[:100])
