"""Pages of jobs for investigators. Live parts are polled; the last poll of an ended job answers 286, which ends it."""

import csv
import json
import mimetypes
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling, trigger_client_event

from config.accounts.access import investigator_required
from config.lists import sorted_page
from worker.forms import JobFilterForm
from worker.models import Job, JobArtefact
from worker.registry import JobDescription, get_job_kind, parameters_from_dict
from worker.selectors import STATE_FILTERS, filter_jobs, grids, list_jobs, log_after, log_end, metric_series
from worker.services import request_cancel, resume_job
from worker.stations import list_stations, queue_states

SHOWN_IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")


# Nobody sorts by progress: it means something else in each kind of job.
JOB_COLUMNS = {
    "title": "title",
    "kind": "kind",
    "state": "state",
    "queue": "queue",
    "person": "created_by__username",
    "created": "created_at",
    "ended": "finished_at",
}


@investigator_required
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    form = JobFilterForm(request.GET)
    filters = form.filters
    jobs = filter_jobs(list_jobs(state=state), filters)
    page = sorted_page(request, jobs, JOB_COLUMNS, first="-created")
    context = {
        "page_obj": page,
        "form": form,
        "is_filtered": bool(filters or form.errors),
        "state": state if state in STATE_FILTERS else "",
        "filters": [("", "All"), *((name, name.capitalize()) for name in STATE_FILTERS)],
        "is_live": any(job.is_active for job in page),
    }
    return render(request, "worker/job_list.html", context)


@investigator_required
@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """Which workers are alive, what they have and run, and how long the queues are. Four queries with the session's."""
    stations = list_stations()
    queues = queue_states(stations)
    context = {"stations": stations, "queues": queues, "stuck": [queue for queue in queues if queue.is_stuck]}
    return render(request, "worker/workers.html", context)


@investigator_required
@require_safe
def job_detail(request: HttpRequest, job_id: str) -> HttpResponse:
    job = _job(job_id)
    description = _description(job)
    context = {
        "job": job,
        "description": description,
        "log": log_end(job=job),
        "grids": list(grids(job=job)),
        "files": job.artefacts.exclude(kind="grid"),
        "has_series": job.is_active or job.metrics.exists(),
        "parameters": [(name, _shown(value)) for name, value in job.parameters.items()],
        "results": [] if description else [(name, _shown(value)) for name, value in job.result.items()],
    }
    return render(request, "worker/job_detail.html", context)


@investigator_required
@require_safe
def job_panel(request: HttpRequest, job_id: str) -> HttpResponse:
    """The live fragment. When the job has ended: status 286 and the client event "job-ended"."""
    return _panel(request, _job(job_id))


@investigator_required
@require_safe
def job_log(request: HttpRequest, job_id: str) -> HttpResponse:
    job = _job(job_id)
    log = log_after(job=job, line_id=_whole_number(request, "after"))
    response = render(request, "worker/_job_log.html", {"job": job, "log": log})
    if not job.is_active and not log.has_more:
        response.status_code = HttpResponseStopPolling.status_code
    return response


@investigator_required
@require_safe
def job_log_file(request: HttpRequest, job_id: str) -> StreamingHttpResponse:
    job = _job(job_id)
    lines = job.log_lines.values_list("at", "attempt", "level", "text").iterator()
    text = (f"{at:%Y-%m-%d %H:%M:%S} attempt {attempt} {level}: {text}\n" for at, attempt, level, text in lines)
    return _download(text, "text/plain; charset=utf-8", f"job-{job.pk}.log")


@investigator_required
@require_safe
def job_series(request: HttpRequest, job_id: str) -> JsonResponse:
    """Curves and grids for job.js. `attempt` and `from` say what the page has: a new attempt is sent as a whole."""
    job = _job(job_id)
    is_same_attempt = request.GET.get("attempt") == str(job.attempt)
    from_step = _whole_number(request, "from") if is_same_attempt else 0
    answer = {
        "attempt": job.attempt,
        "state": job.state,
        "final": job.is_final,
        "from": from_step,
        **metric_series(job=job, from_step=from_step),
        "grids": [{"step": grid.step, "url": _artefact_url(grid)} for grid in grids(job=job)],
    }
    return JsonResponse(answer)


@investigator_required
@require_safe
def job_series_file(request: HttpRequest, job_id: str) -> StreamingHttpResponse:
    job = _job(job_id)
    names = list(dict.fromkeys(name for values in job.metrics.values_list("values", flat=True) for name in values))
    rows = ([step, *(values.get(name) for name in names)] for step, values in job.metrics.values_list("step", "values"))
    return _download(_csv_lines([["step", *names]], rows), "text/csv; charset=utf-8", f"job-{job.pk}.csv")


@investigator_required
@require_safe
def job_artefact(request: HttpRequest, job_id: str, artefact_id: int) -> FileResponse:
    """A recorded file of the job, from inside its directory and nowhere else."""
    artefact = get_object_or_404(JobArtefact.objects.select_related("job"), pk=artefact_id, job_id=job_id)
    directory = artefact.job.directory.resolve()
    path = (directory / artefact.name).resolve()
    if not path.is_relative_to(directory) or not path.is_file():
        raise Http404("This file is no longer there.")
    content_type = mimetypes.guess_type(path.name)[0]
    is_image = content_type in SHOWN_IMAGE_TYPES
    return FileResponse(
        path.open("rb"),
        as_attachment=not is_image,
        filename=path.name,
        content_type=content_type if is_image else "application/octet-stream",
        headers={"Cache-Control": "private, max-age=3600"},
    )


@investigator_required
@require_POST
def job_cancel(request: HttpRequest, job_id: str) -> HttpResponseBase:
    return _steer(request, job_id, request_cancel)


@investigator_required
@require_POST
def job_resume(request: HttpRequest, job_id: str) -> HttpResponseBase:
    return _steer(request, job_id, resume_job)


def _steer(request: HttpRequest, job_id: str, verb: Callable[..., Job]) -> HttpResponseBase:
    job = _job(job_id)
    problem = ""
    try:
        verb(job=job)
    except ValueError as error:
        problem = str(error)
    if request.htmx:  # type: ignore[attr-defined]
        return _panel(request, job, problem)
    if problem:
        messages.error(request, problem)
    return redirect(_page_before(request) or job)


def _panel(request: HttpRequest, job: Job, problem: str = "") -> HttpResponse:
    context = {"job": job, "problem": problem}
    response = render(request, "worker/_job_panel.html", context)
    if job.is_final:
        response.status_code = HttpResponseStopPolling.status_code
        trigger_client_event(response, "job-ended", {"job": str(job.pk), "state": job.state})
    return response


def _job(job_id: str) -> Job:
    return get_object_or_404(Job.objects.select_related("created_by"), pk=job_id)


def _description(job: Job) -> JobDescription | None:
    """None for a kind that has none, and for what another version of the program stored."""
    try:
        kind = get_job_kind(job.kind)
        if kind.describe is None:
            return None
        return kind.describe(str(job.pk), parameters_from_dict(kind, job.parameters))
    except ValueError:
        return None


def _artefact_url(artefact: JobArtefact) -> str:
    return reverse("worker:job_artefact", args=[artefact.job_id, artefact.pk])


def _whole_number(request: HttpRequest, name: str) -> int:
    value = request.GET.get(name, "0")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0


def _page_before(request: HttpRequest) -> str:
    """The page of ours that the button was on, or ""."""
    address = request.headers.get("referer", "")
    is_ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if is_ours else ""


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Echo:
    """A file that gives back what is written: the csv module then makes lines for a stream."""

    def write(self, value: str) -> str:
        return value


def _csv_lines(*parts: Any) -> Iterator[str]:
    writer = csv.writer(_Echo())
    for part in parts:
        for row in part:
            yield writer.writerow(row)


def _download(lines: Iterator[str], content_type: str, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        lines, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
