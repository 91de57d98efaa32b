"""Answers from elsewhere: upload, columns and words, the table with its reports. Each person's own only."""

import csv
import io
import uuid
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.access import investigator_required
from turing.analysis import AnswersError
from turing.analysis.tables import Table, read_table
from turing.errors import StudyError
from turing.reports.access import get_table, reports_of, tables_of
from turing.reports.files import pending_path, sweep_files, write_whole
from turing.reports.forms import SettingsForm
from turing.reports.services import remove_table, start_report, store_table
from turing.reports.table_forms import MAX_MEGABYTES, MappingForm, UploadForm
from turing.reports.views import report_rows, with_usual
from turing.views._shared import SignedInRequest

PENDING = "answers_pending"  # in the session: token -> file name, of uploads that are no table yet
FIRST_ROWS = 6


@require_http_methods(["GET", "POST"])
@investigator_required
@cache_control(no_store=True)
def answer_tables(request: SignedInRequest) -> HttpResponse:
    """One's tables, and the upload of another; a file that is a table goes on to its columns."""
    form = UploadForm(request.POST or None, request.FILES or None) if request.method == "POST" else UploadForm()
    problems: list[Any] = []
    if form.is_bound and form.is_valid():
        upload = form.cleaned_data["file"]
        content = upload.read()
        try:
            read_table(content, name=upload.name)
        except AnswersError as error:
            problems = list(error.problems)
        else:
            sweep_files()
            token = str(uuid.uuid4())
            write_whole(pending_path(token), content)
            request.session[PENDING] = {**request.session.get(PENDING, {}), token: upload.name}
            return redirect("turing:answer_table_columns", token)
    context = {
        "form": form, "problems": problems, "tables": tables_of(request.user), "max_megabytes": MAX_MEGABYTES,
    }  # fmt: skip
    return render(request, "turing/reports/answer_tables.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@investigator_required
@cache_control(no_store=True)
def answer_table_columns(request: SignedInRequest, token: UUID) -> HttpResponse:
    """What columns and words mean. The table becomes a record once all of it can be read."""
    table, content = _pending(request, token)
    form = MappingForm(request.POST if request.method == "POST" else None, table=table)
    problems: list[Any] = []
    n_problems = 0
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            reading = form.reading()
            answers = reading.read(content, name=name)
            stored = store_table(
                name=name, file_name=table.source, content=content, reading=reading, answers=answers, by=request.user
            )
        except AnswersError as error:
            problems, n_problems = list(error.problems), error.n_problems
        except (StudyError, ValueError) as error:
            form.add_error(None, str(error))
        else:
            _forget(request, token)
            messages.success(request, f"“{stored}” was read without problems.")
            return redirect(stored)
    context = {
        "form": form,
        "table": table,
        "token": token,
        "first_rows": table.rows[:FIRST_ROWS],
        "problems": problems,
        "n_more": n_problems - len(problems),
    }
    return render(request, "turing/reports/answer_table_columns.html", context, status=422 if form.is_bound else 200)


@require_POST
@investigator_required
def answer_table_forget(request: SignedInRequest, token: UUID) -> HttpResponse:
    """Drop an upload instead of mapping its columns."""
    _pending(request, token)
    _forget(request, token)
    messages.success(request, "The upload is forgotten. Nothing was kept.")
    return redirect("turing:answer_tables")


@require_http_methods(["GET", "POST"])
@investigator_required
@cache_control(no_store=True)
def answer_table(request: SignedInRequest, table_id: UUID) -> HttpResponse:
    """A table with its reports; POST makes one."""
    table = get_table(request.user, table_id)
    form = SettingsForm(with_usual(request.POST, SettingsForm()) if request.method == "POST" else None)
    if form.is_valid():
        return redirect(start_report(about=table, settings=form.settings, by=request.user))
    columns = [(role, column) for role, column in table.reading.get("columns", {}).items() if column]
    context = {
        "table": table,
        "columns": columns,
        "labels": list(table.reading.get("labels", {}).items()),
        "form": form,
        "rows": report_rows(list(reports_of(request.user).filter(table=table, other_study=None, other_table=None))),
    }
    return render(request, "turing/reports/answer_table.html", context, status=422 if form.is_bound else 200)


@require_POST
@investigator_required
def answer_table_remove(request: SignedInRequest, table_id: UUID) -> HttpResponse:
    table = get_table(request.user, table_id)
    name = str(table)
    remove_table(table=table, by=request.user)
    messages.success(request, f"“{name}” and its reports are removed.")
    return redirect("turing:answer_tables")


@require_GET
@investigator_required
def answer_table_example(request: SignedInRequest) -> HttpResponse:
    """A file that can be uploaded as it is: made-up answers of four readers to twenty images."""
    response = HttpResponse(example_csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="example-answers.csv"'
    return response


def example_csv() -> str:
    generator = np.random.default_rng(1)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["reader", "image", "truth", "answer", "experience", "seconds"])
    for reader in range(4):
        experience, share = (("less", 0.6), ("more", 0.75))[reader % 2]
        for image in range(20):
            truth, other = ("real", "synthetic") if image % 2 else ("synthetic", "real")
            answer = truth if generator.random() < share else other
            seconds = f"{generator.lognormal(2, 0.5):.1f}"
            writer.writerow([f"R{reader + 1:02}", f"I{image + 1:03}", truth, answer, experience, seconds])
    return buffer.getvalue()


def _pending(request: SignedInRequest, token: UUID) -> tuple[Table, bytes]:
    """Of this session; 404 for anybody else's, and for one that was forgotten."""
    name = request.session.get(PENDING, {}).get(str(token))
    path = pending_path(token)
    if name is None or not path.is_file():
        raise Http404("This upload is not there any more: upload the file again.")
    content = path.read_bytes()
    return read_table(content, name=name), content


def _forget(request: SignedInRequest, token: UUID) -> None:
    pending_path(token).unlink(missing_ok=True)
    request.session[PENDING] = {
        key: name for key, name in request.session.get(PENDING, {}).items() if key != str(token)
    }
