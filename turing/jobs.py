"""The kinds of job of this app. What draws a report is loaded by the process that makes one, not by the web server."""

from typing import Any

from django.urls import reverse

from turing.opening_job import KIND, OpenParameters, run_opening
from turing.planning_job import KIND as PLANNING_KIND
from turing.planning_job import PlanParameters, run_planning
from turing.reports.parameters import KIND as REPORT_KIND
from turing.reports.parameters import ReportParameters
from worker.registry import JobContext, JobDescription, register_job


@register_job(KIND, parameters=OpenParameters, queue="light")
def open_study_job(context: JobContext, parameters: OpenParameters) -> dict[str, Any]:
    return run_opening(context, parameters)


def _describe_plan(job_id: str, parameters: PlanParameters) -> JobDescription:
    from turing.forms.planning import describe_settings  # forms need the models, which are not loaded yet

    return JobDescription(
        # the page of a job has the seed
        facts=[(label, words) for name, label, words in describe_settings(parameters) if name != "seed"],
        page_title="The plan",
        page_address=reverse("turing:plan_detail", args=[job_id]),
    )


@register_job(PLANNING_KIND, parameters=PlanParameters, queue="cpu", resumable=True, describe=_describe_plan)
def plan_study_job(context: JobContext, parameters: PlanParameters) -> dict[str, Any]:
    return run_planning(context, parameters)


@register_job(REPORT_KIND, parameters=ReportParameters, queue="cpu")
def make_report_job(context: JobContext, parameters: ReportParameters) -> dict[str, Any]:
    from turing.reports.making_job import run_report

    return run_report(context, parameters)
