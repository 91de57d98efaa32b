"""Planning the size of a study: the form, what was planned before, and a plan with its picture and numbers."""

import json
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.access import investigator_required
from turing.forms.planning import PlanForm, describe_settings
from turing.planning_figure import describe_plan, draw_plan
from turing.planning_job import KIND, PlanParameters, read_plan, start_planning
from turing.planning_output import measures_of, remarks_of, table_of, to_csv, to_json
from turing.stats.planning import Plan
from turing.views._shared import SignedInRequest
from worker.models import Job

FILES = {"svg": "image/svg+xml", "csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_http_methods(["GET", "POST"])
@investigator_required
def planning(request: SignedInRequest) -> HttpResponse:
    """`?from=` an earlier plan fills the form with its settings."""
    form = PlanForm(request.POST or None, earlier=_earlier(request.GET.get("from", "")))
    if form.is_valid() and form.parameters is not None:
        job = start_planning(parameters=form.parameters, by=request.user)
        return redirect("turing:plan_detail", job.pk)
    page = Paginator(Job.objects.filter(kind=KIND).select_related("created_by"), 10).get_page(request.GET.get("page"))
    status = 422 if form.is_bound else 200
    return render(request, "turing/planning.html", {"form": form, "page_obj": page}, status=status)


@require_GET
@investigator_required
def plan_detail(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    job = _job(job_id)
    plan = read_plan(job)
    context: dict[str, Any] = {"job": job, "plan": plan, "assumptions": _assumptions(job)}
    if plan is not None and plan.designs:
        headings, rows = table_of(plan)
        context |= {
            "headings": headings,
            "rows": rows,
            "remarks": remarks_of(plan),
            "measures": measures_of(plan.assumptions),
            "picture_text": describe_plan(plan),
        }
    return render(request, "turing/plan_detail.html", context)


@require_GET
@investigator_required
def plan_file(request: SignedInRequest, job_id: UUID, kind: str) -> HttpResponse:
    """The picture (shown in the page), or the numbers to take along."""
    plan = read_plan(_job(job_id))
    if plan is None or not plan.designs or kind not in FILES:
        raise Http404("There is no such file of this plan.")
    response = HttpResponse(_contents(plan, kind), content_type=FILES[kind])
    disposition = "inline" if kind == "svg" else "attachment"
    response["Content-Disposition"] = f'{disposition}; filename="plan.{kind}"'
    response["Cache-Control"] = "no-store"
    return response


def _contents(plan: Plan, kind: str) -> str | bytes:
    if kind == "svg":
        return draw_plan(plan)
    return to_csv(plan) if kind == "csv" else json.dumps(to_json(plan), indent=1)


def _job(job_id: UUID) -> Job:
    return get_object_or_404(Job.objects.select_related("created_by"), pk=job_id, kind=KIND)


def _earlier(job_id: str) -> PlanParameters | None:
    try:
        job = Job.objects.filter(kind=KIND, pk=UUID(job_id)).first()
    except ValueError:
        return None
    return PlanParameters(**job.parameters) if job else None


def _assumptions(job: Job) -> list[tuple[str, str]]:
    return [(label, words) for _, label, words in describe_settings(PlanParameters(**job.parameters))]
