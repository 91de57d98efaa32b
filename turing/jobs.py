"""The kinds of job of this app. What draws a report is loaded by the process that makes one, not by the web server."""

from typing import Any

from turing.opening_job import KIND, OpenParameters, run_opening
from turing.planning_job import KIND as PLANNING_KIND
from turing.planning_job import PlanParameters, run_planning
from turing.reports.parameters import KIND as REPORT_KIND
from turing.reports.parameters import ReportParameters
from worker.registry import JobContext, register_job


@register_job(KIND, parameters=OpenParameters, queue="light")
def open_study_job(context: JobContext, parameters: OpenParameters) -> dict[str, Any]:
    return run_opening(context, parameters)


@register_job(PLANNING_KIND, parameters=PlanParameters, queue="light", resumable=True)
def plan_study_job(context: JobContext, parameters: PlanParameters) -> dict[str, Any]:
    return run_planning(context, parameters)


@register_job(REPORT_KIND, parameters=ReportParameters, queue="light")
def make_report_job(context: JobContext, parameters: ReportParameters) -> dict[str, Any]:
    from turing.reports.making_job import run_report

    return run_report(context, parameters)
