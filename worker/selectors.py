"""Reads for the pages and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from config.lists import id_range
from worker.models import Job, JobArtefact, JobLogLine

STATE_FILTERS: dict[str, tuple[str, ...]] = {
    "active": Job.ACTIVE,
    "succeeded": (Job.State.SUCCEEDED,),
    "failed": (Job.State.FAILED,),
    "cancelled": (Job.State.CANCELLED,),
}
MAX_POINTS = 2000  # of a curve at once: more than the page has pixels
MAX_LOG_LINES = 500


def list_jobs(*, state: str = "") -> QuerySet[Job]:
    """Newest first. `state` is a key of STATE_FILTERS or a state; anything else means all."""
    jobs = Job.objects.select_related("created_by").order_by("-created_at")
    states = STATE_FILTERS.get(state) or ((state,) if state in Job.State.values else None)
    return jobs.filter(state__in=states) if states else jobs


def filter_jobs(jobs: QuerySet[Job], filters: Mapping[str, Any]) -> QuerySet[Job]:
    """Those that match everything that is set: kind, queue, person (a user), text (of the title, or an id's beginning),
    since and until (days, both included).
    """
    if filters.get("kind"):
        jobs = jobs.filter(kind=filters["kind"])
    if filters.get("queue"):
        jobs = jobs.filter(queue=filters["queue"])
    if filters.get("person"):
        jobs = jobs.filter(created_by=filters["person"])
    if filters.get("since"):
        jobs = jobs.filter(created_at__date__gte=filters["since"])
    if filters.get("until"):
        jobs = jobs.filter(created_at__date__lte=filters["until"])
    return jobs.filter(matching(filters["text"])) if filters.get("text") else jobs


def matching(text: str) -> Q:
    """Jobs whose title has `text`, or whose id begins with it."""
    ids = id_range(text)
    found = Q(title__icontains=text)
    return found | Q(pk__range=ids) if ids else found


@dataclass(frozen=True, kw_only=True)
class LogPart:
    lines: list[JobLogLine]
    last_id: int  # where the next part begins
    skipped: int  # lines before the first one that are not shown
    has_more: bool


def log_after(*, job: Job, line_id: int) -> LogPart:
    """The next lines after `line_id`, at most MAX_LOG_LINES."""
    lines = list(job.log_lines.filter(pk__gt=line_id)[: MAX_LOG_LINES + 1])
    shown = lines[:MAX_LOG_LINES]
    return LogPart(
        lines=shown, last_id=shown[-1].pk if shown else line_id, skipped=0, has_more=len(lines) > MAX_LOG_LINES
    )


def log_end(*, job: Job) -> LogPart:
    """The last MAX_LOG_LINES lines."""
    lines = list(job.log_lines.order_by("-pk")[:MAX_LOG_LINES])[::-1]
    skipped = job.log_lines.filter(pk__lt=lines[0].pk).count() if len(lines) == MAX_LOG_LINES else 0
    return LogPart(lines=lines, last_id=lines[-1].pk if lines else 0, skipped=skipped, has_more=False)


def metric_series(*, job: Job, from_step: int = 0) -> dict[str, Any]:
    """Curves from `from_step` on: {"steps": [...], "values": {name: [number or None, ...]}}, all of one length.

    More than MAX_POINTS steps are thinned evenly; the last one is always there.
    """
    steps = list(job.metrics.filter(step__gte=from_step).values_list("step", flat=True))
    stride = -(-len(steps) // MAX_POINTS) or 1
    chosen = steps[::-1][::stride]
    metrics = job.metrics.filter(step__gte=from_step)
    rows = list((metrics if stride == 1 else metrics.filter(step__in=chosen)).values_list("step", "values"))
    names = list(dict.fromkeys(name for _, values in rows for name in values))
    return {
        "steps": [step for step, _ in rows],
        "values": {name: [values.get(name) for _, values in rows] for name in names},
    }


def grids(*, job: Job) -> QuerySet[JobArtefact]:
    """Images of samples, oldest first."""
    return job.artefacts.filter(kind="grid")
