"""Jobs: how far they are, what they said and made; cancel and resume."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView, file_response
from api.fields import Body, ListQuery, Query
from api.problems import Conflict
from worker.models import Job, JobArtefact
from worker.selectors import MAX_LOG_LINES, MAX_POINTS, log_after, metric_series
from worker.services import request_cancel, resume_job

ON_THE_SERVER = frozenset({"source"})  # parameters that say where something lies on the server's disk
STATES = [*Job.State.values]


class JobBrief(serializers.ModelSerializer):
    percent = serializers.IntegerField(allow_null=True, help_text="0 to 100, rounded down; null: not known yet.")

    class Meta:
        model = Job
        fields: tuple[str, ...] = ("id", "kind", "title", "state", "percent", "created_at", "finished_at")
        read_only_fields: tuple[str, ...] = fields


class JobFull(JobBrief):
    seconds_left = serializers.FloatField(
        source="eta_seconds", allow_null=True, help_text="Seconds; null: not running, or not known yet."
    )
    run_seconds = serializers.FloatField(allow_null=True, help_text="Of the last attempt, in seconds.")
    parameters = serializers.SerializerMethodField(help_text="What was asked for.")

    class Meta(JobBrief.Meta):
        fields = (
            *JobBrief.Meta.fields, "queue", "priority", "seed", "progress_done", "progress_total", "progress_unit",
            "seconds_left", "message", "error", "result", "attempt", "device", "versions", "started_at", "run_seconds",
            "parameters",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "progress_done": {"help_text": "In `progress_unit`."},
            "progress_total": {"help_text": "In `progress_unit`; 0: not known yet."},
            "error": {"help_text": "What was wrong and what to do, in words."},
            "result": {"help_text": "What came of it, by kind; empty until it has ended."},
        }

    def get_parameters(self, job: Job) -> dict[str, Any]:
        return {name: value for name, value in job.parameters.items() if name not in ON_THE_SERVER}


class JobsQuery(ListQuery):
    state = serializers.ChoiceField(STATES, required=False, help_text="Only jobs in this state.")
    kind = serializers.CharField(required=False, help_text="Only jobs of this kind, such as `generation.train`.")


class JobList(ApiView):
    read_scope = write_scope = "jobs:read"
    serializer_class = JobBrief
    queryset: Any = Job.objects.all()
    query = JobsQuery

    @extend_schema(summary="Jobs, newest first", responses=JobBrief(many=True))
    def get(self, request: Request) -> Response:
        wanted = {name: self.asked[name] for name in ("state", "kind") if name in self.asked}
        jobs = self.rows(Job.objects.filter(**wanted).order_by("-created_at", "pk"))
        return self.paged(jobs, JobBrief)


class JobView(ApiView):
    read_scope, write_scope = "jobs:read", "jobs:write"
    serializer_class = JobFull
    queryset: Any = Job.objects.all()

    def job(self, pk: UUID) -> Job:
        job: Job = self.find(Job.objects.all(), pk)
        return job


class JobDetail(JobView):
    @extend_schema(summary="One job")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(JobFull(self.job(pk)).data)


class JobCancel(JobView):
    @extend_schema(
        summary="Cancel",
        description="A queued job is cancelled at once; a running one saves what it has and can be resumed.",
        request=Body,
        responses=JobFull,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return self.steer(pk, request_cancel)

    def steer(self, pk: UUID, verb: Any) -> Response:
        self.sent(Body)
        job = self.job(pk)
        try:
            verb(job=job)
        except ValueError as error:
            raise Conflict(str(error)) from error
        return Response(JobFull(job).data)


class JobResume(JobCancel):
    @extend_schema(summary="Resume", description="Of a failed or cancelled job.", request=Body, responses=JobFull)
    def post(self, request: Request, pk: UUID) -> Response:
        return self.steer(pk, resume_job)


class LogQuery(Query):
    after = serializers.IntegerField(
        min_value=0, max_value=2**62, required=False, help_text="`last_id` of the part before; 0: from the beginning."
    )


class LogLine(serializers.Serializer):
    at = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    level = serializers.CharField(help_text="info, warning or error")
    text = serializers.CharField(allow_blank=True)


class Log(serializers.Serializer):
    lines = LogLine(many=True)
    last_id = serializers.IntegerField(help_text="Ask with `after` for what follows.")
    has_more = serializers.BooleanField()


class JobLog(JobView):
    query = LogQuery

    @extend_schema(summary="Log", description=f"At most {MAX_LOG_LINES} lines at once.", responses=Log)
    def get(self, request: Request, pk: UUID) -> Response:
        part = log_after(job=self.job(pk), line_id=self.asked.get("after", 0))
        return Response(Log(part).data)


class MetricsQuery(Query):
    from_step = serializers.IntegerField(min_value=0, max_value=2**62, required=False)


class Metrics(serializers.Serializer):
    steps = serializers.ListField(child=serializers.IntegerField(), help_text="Where the curves have their points.")
    values = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="Name of a curve: its value at each step, null where it has none.",
    )


class JobMetrics(JobView):
    query = MetricsQuery

    @extend_schema(
        summary="Curves",
        description=f"More than {MAX_POINTS} steps are thinned evenly; the last one is always there.",
        responses=Metrics,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(metric_series(job=self.job(pk), from_step=self.asked.get("from_step", 0)))


class ArtefactRow(serializers.ModelSerializer):
    class Meta:
        model = JobArtefact
        fields = ("id", "name", "kind", "step", "created_at")
        read_only_fields = fields


class JobArtefacts(JobView):
    query = ListQuery
    serializer_class = ArtefactRow
    queryset: Any = JobArtefact.objects.all()

    @extend_schema(summary="Files that a job has made", responses=ArtefactRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        return self.paged(self.job(pk).artefacts.order_by("pk"), ArtefactRow)


class JobArtefactFile(JobView):
    @extend_schema(summary="One of its files", responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Request, pk: UUID, artefact: int) -> FileResponse:
        found = self.job(pk).artefacts.filter(pk=artefact).first() if artefact < 2**63 else None
        if found is None:
            raise Http404
        directory = found.job.directory.resolve()
        path = (directory / found.name).resolve()
        if not path.is_relative_to(directory):
            raise Http404
        return file_response(path, content_type="application/octet-stream", name=path.name)
