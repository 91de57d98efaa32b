"""Retention as a job. Export and erasure are not jobs: a job's page and files are seen by who works in its project."""

from dataclasses import dataclass
from typing import Any

from config.accounts.models import User
from config.privacy.retention import apply_retention
from config.projects.scope import all_projects_in_sight
from worker.models import Job
from worker.registry import JobContext, register_job
from worker.services import enqueue_job

KIND = "privacy.retention"


@dataclass(frozen=True)
class RetentionParameters:
    """None: the settings say what is due."""


@register_job(KIND, parameters=RetentionParameters, queue="light", resumable=True)
def retention_job(context: JobContext, parameters: RetentionParameters) -> dict[str, Any]:
    with all_projects_in_sight():
        removed = apply_retention().to_dict()
    context.log(", ".join(f"{number} {what.replace('_', '-')}" for what, number in removed.items()) + " removed")
    return removed


def start_retention(*, by: User | None) -> Job:
    return enqueue_job(
        kind=KIND, parameters=RetentionParameters(), title="Remove what is kept no longer", created_by=by
    )
