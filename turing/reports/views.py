"""Pages of reports: those of a study, one of them with its downloads, its files."""

from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.access import investigator_required
from turing import rules
from turing.models import AnswerTable, Report
from turing.reports.access import get_report, reports_of
from turing.reports.files import find_file, report_folder
from turing.reports.forms import SettingsForm
from turing.reports.parameters import BODY
from turing.reports.services import note_look, remove_report, start_report
from turing.reports.settings import ReportSettings
from turing.selectors import reader_progress
from turing.views._shared import SignedInRequest, get_study

DOWNLOADS = (  # name, how it is called, what it is good for
    ("report.html", "HTML", "one file for a browser, figures inside"),
    ("report.pdf", "PDF", "to print and to send"),
    ("report.docx", "Word", "to take tables and methods into a manuscript"),
    ("report-latex.zip", "LaTeX", "tables for booktabs, with the figures as PDF"),
    ("tables-csv.zip", "Tables as CSV", "every table, not rounded"),
    ("figures.zip", "Figures", "SVG and PDF, each with its numbers and its text alternative"),
    ("results.json", "All numbers as JSON", "for programs"),
    ("replication.zip", "Replication bundle", "answers, codebook, results and an R script that computes them again"),
    ("image-measures.zip", "Measures of the images", "FID, memorisation and more, of the datasets that were measured"),
)
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".tex": "application/x-tex",
    ".zip": "application/zip",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
# of a picture that is opened by itself: matplotlib writes style attributes; no script, nothing from elsewhere
PICTURE_POLICY = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "sandbox": []}


@require_http_methods(["GET", "POST"])
@investigator_required
@cache_control(no_store=True)
def study_reports(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """The reports of a study. POST makes one: with the settings of the form, from a mere button the usual ones."""
    study = get_study(study_id)
    if not rules.can_view_results(request.user, study):
        context: dict[str, Any] = {"study": study, "readers": reader_progress(study)}
        return render(request, "turing/results/not_yet.html", context, status=403)
    usual = SettingsForm(study=study)
    form = SettingsForm(with_usual(request.POST, usual) if request.method == "POST" else None, study=study)
    if form.is_valid():
        return redirect(start_report(about=study, settings=form.settings, by=request.user))
    context = {
        "study": study,
        "form": form,
        "rows": report_rows(list(reports_of(request.user).filter(study=study, other_study=None, other_table=None))),
        "has_answers": study.sessions.filter(answers__isnull=False).exists(),
    }
    return render(request, "turing/reports/study_reports.html", context, status=422 if form.is_bound else 200)


def with_usual(data: Any, usual: SettingsForm) -> Any:
    """One click sends no settings: the usual ones then stand for them."""
    if any(name in data for name in usual.fields):
        return data
    return {name: usual.get_initial_for_field(field, name) for name, field in usual.fields.items()}


def report_rows(reports: list[Report]) -> list[dict[str, Any]]:
    """For a list of reports: each with its settings in words."""
    return [{"report": report, "settings": dict(_words(report))} for report in reports]


def _words(report: Report) -> list[tuple[str, str]]:
    return ReportSettings.from_dict(report.settings).in_words(of_comparison=report.is_comparison)


@require_GET
@investigator_required
@cache_control(no_store=True)
def report_detail(request: SignedInRequest, report_id: UUID) -> HttpResponse:
    report = get_report(request.user, report_id)
    context: dict[str, Any] = {
        "report": report,
        "job": report.job,
        "settings": _words(report),
        "back": report.study or report.table,
    }
    if report.made_at is not None:
        body = report_folder(report.pk) / BODY
        context |= {
            # written by turing.report, which escapes every text in it
            "body": mark_safe(body.read_text(encoding="utf-8")) if body.is_file() else "",  # noqa: S308
            "downloads": [
                {"name": name, "title": title, "text": text, "size": path.stat().st_size}
                for name, title, text in DOWNLOADS
                if (path := find_file(report, name)) is not None
            ],
        }
        note_look(report=report, by=request.user)
    return render(request, "turing/reports/report_detail.html", context)


@require_GET
@investigator_required
@cache_control(private=True, max_age=3600)
@csp_replace(PICTURE_POLICY)  # type: ignore[arg-type]  # its types know no arguments of views
def report_file(request: SignedInRequest, report_id: UUID, name: str) -> FileResponse:
    """A picture, shown; any other file, to be taken along."""
    report = get_report(request.user, report_id)
    path = find_file(report, name)
    if path is None:
        raise Http404("This report has no such file.")
    suffix = PurePosixPath(name).suffix
    is_picture = suffix == ".svg"
    if not is_picture:
        note_look(report=report, by=request.user, file=name)
    return FileResponse(
        path.open("rb"),
        as_attachment=not is_picture,
        filename=f"{slugify(report.title)[:60] or 'report'}-{path.name}",
        content_type=CONTENT_TYPES.get(suffix, "application/octet-stream"),
    )


@require_POST
@investigator_required
def report_remove(request: SignedInRequest, report_id: UUID) -> HttpResponse:
    report = get_report(request.user, report_id)
    about, is_comparison = report.study or report.table, report.is_comparison
    remove_report(report=report, by=request.user)
    messages.success(request, "The report is removed.")
    if is_comparison:
        return redirect("turing:comparisons")
    if isinstance(about, AnswerTable):
        return redirect(about)
    return redirect("turing:study_reports", report.study_id)
