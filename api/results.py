"""Results of closed studies, and reports. Looking is recorded, as it is for the pages."""

import csv
import dataclasses
import io
import math
from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView, file_response
from api.fields import ListQuery, Whole
from api.from_forms import body_of, form_data, require_valid
from api.idempotency import once
from api.problems import Conflict, refused
from turing.errors import StudyError
from turing.models import Report, Study
from turing.reports.access import reports_of
from turing.reports.files import find_file
from turing.reports.forms import SettingsForm
from turing.reports.services import note_look, remove_report, start_report
from turing.results.services import export_answers, view_results
from turing.rules import can_view_results


class ResultsView(ApiView):
    read_scope, write_scope = "results:read", "results:write"
    queryset: Any = Study.objects.all()

    def closed_study(self, pk: UUID) -> Study:
        """404 where there is none to see; 409, with the reason, before it is closed."""
        study: Study = self.find(Study.objects.select_related("follows"), pk)
        if not can_view_results(self.user, study):
            raise Conflict(f"“{study}” is not closed. Results can be seen once it is: close it first.")
        return study


class Results(serializers.Serializer):
    positive_class = serializers.CharField(help_text="Whose share of right answers is called sensitivity.")
    whole = serializers.JSONField(
        help_text="All phases: readers, groups, all readers pooled, agreement. Shares lie in 0 to 1, times are "
        "seconds; null: not defined."
    )
    phases = serializers.JSONField(help_text="The same of each phase, of a study with several.")
    retests = serializers.JSONField(help_text="Hidden repeats: each reader's agreement with himself or herself.")
    second_session = serializers.JSONField(help_text="Against the study that this one follows.")
    marks = serializers.JSONField(help_text="What each reader marked and wrote, in numbers.")
    n_practice = serializers.IntegerField(help_text="Practice images.")
    n_repeats = serializers.IntegerField(help_text="Images shown twice.")
    record_problems = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: protocol and images are those of the opening."
    )
    audit_event = serializers.CharField(allow_blank=True, help_text="For `manage.py verify_audit --expect`.")


class StudyResultsView(ResultsView):
    serializer_class = Results

    @extend_schema(summary="Results of a closed study", operation_id="studies_results_retrieve")
    def get(self, request: Request, pk: UUID) -> Response:
        study = self.closed_study(pk)
        found = plain(view_results(study=study, by=self.user))
        return Response({**found, "positive_class": study.positive_class})


def plain(value: Any) -> Any:
    """Numbers, words, lists and objects of a result. What is not defined (NaN) is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class AnswersTable(serializers.Serializer):
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField(allow_blank=True)))


class StudyAnswers(ResultsView):
    serializer_class = AnswersTable

    @extend_schema(
        summary="Answers of a closed study",
        description="One row for each answer, readers by code. Columns and units: docs/users.md.",
        operation_id="studies_answers_retrieve",
    )
    def get(self, request: Request, pk: UUID) -> Response:
        columns, *rows = csv.reader(io.StringIO(export_answers(study=self.closed_study(pk), by=self.user), newline=""))
        return Response({"columns": columns, "rows": rows})


class StudyAnswersCsv(ResultsView):
    serializer_class = AnswersTable

    @extend_schema(
        summary="Answers of a closed study, as CSV",
        responses={(200, "text/csv"): bytes},
        operation_id="studies_answers_csv_retrieve",
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        text = export_answers(study=self.closed_study(pk), by=self.user)
        return HttpResponse(
            text,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="answers.csv"'},
        )


class ReportRow(serializers.ModelSerializer):
    files = serializers.ListField(child=serializers.CharField(), help_text="Names; empty until it is made.")

    class Meta:
        model = Report
        fields = ("id", "study", "table", "title", "settings", "files", "made_at", "job", "created_at")
        read_only_fields = fields


ReportBody = body_of(
    "ReportBody",
    SettingsForm.base_fields,
    optional=True,
    phase=Whole(required=False, min_value=0, max_value=100, help_text="Of a study with several; 0: all together."),
)


class StudyReports(ResultsView):
    query = ListQuery
    serializer_class = ReportRow
    can_repeat = True

    @extend_schema(summary="Reports of a closed study, newest first", responses=ReportRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        rows = reports_of(self.user).filter(study=self.closed_study(pk), other_study=None, other_table=None)
        return self.paged(self.rows(rows.order_by("-created_at", "id")), ReportRow)

    @extend_schema(
        summary="Make a report",
        description="Starts a job. What is not sent is as the protocol declared it, or usual.",
        request=ReportBody,
        responses={201: ReportRow},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        def verb() -> tuple[int, Any]:
            study, sent = self.closed_study(pk), self.sent(ReportBody)
            begun = SettingsForm(study=study)
            surplus = sorted(set(sent) - set(begun.fields))
            if surplus:
                raise refused("This study has no such choice.", surplus[0])
            form = SettingsForm(form_data(sent, begun), study=study)
            require_valid(form)
            try:
                report = start_report(about=study, settings=form.settings, by=self.user)
            except StudyError as error:
                raise Conflict(str(error)) from error
            return 201, ReportRow(report).data

        return once(request, verb)


class ReportView(ResultsView):
    serializer_class = ReportRow
    queryset: Any = Report.objects.all()

    def report(self, pk: UUID) -> Report:
        report: Report = self.find(reports_of(self.user), pk)
        return report


class ReportDetail(ReportView):
    @extend_schema(summary="One report")
    def get(self, request: Request, pk: UUID) -> Response:
        report = self.report(pk)
        if report.made_at is not None:
            note_look(report=report, by=self.user)
        return Response(ReportRow(report).data)

    @extend_schema(summary="Remove a report", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        remove_report(report=self.report(pk), by=self.user)
        return Response(status=204)


class ReportFile(ReportView):
    @extend_schema(
        summary="A file of a report",
        responses={(200, "application/octet-stream"): bytes},
        operation_id="reports_files_retrieve",
    )
    def get(self, request: Request, pk: UUID, name: str) -> FileResponse:
        report = self.report(pk)
        path = None if "\0" in name else find_file(report, name)
        if path is None:
            raise Http404
        note_look(report=report, by=self.user, file=name)
        return file_response(path, content_type="application/octet-stream", name=path.name)
