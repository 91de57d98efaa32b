"""Generators: training runs, their checkpoints, samples and measures; those from elsewhere."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView, file_response
from api.datasets import FiltersBody, named_errors
from api.fields import Anything, Body, ById, ListQuery, Number, OneOf, Text, Whole, YesNo
from api.from_forms import body_of, form_data, require_valid
from api.idempotency import once
from api.jobs import JobFull
from api.problems import refused
from generation import selectors
from generation.forms import NormalForm, RunForm, SampleForm
from generation.gan.registry import get_generator
from generation.gan.sampling_options import MAX_TRUNCATION, PRECISIONS
from generation.measuring.forms import MeasureForm
from generation.measuring.parameters import MEASURE
from generation.measuring.services import start_measuring
from generation.models import Checkpoint, ForeignGenerator, SampleRun, TrainingRun
from generation.parameters import MAX_IMAGES
from generation.preset_choices import get_preset, is_demonstration, list_presets
from generation.services import start_sampling, start_training
from imaging.duplicates.asking import HALT, find_before_generator
from imaging.models import Dataset, DatasetReport
from imaging.reports import find_report_file
from imaging.selectors import dataset_counts
from worker.compute.settings import MAX_SEED
from worker.setting_fields import fresh_seed

PRESETS = [(preset.name, preset.title) for _, presets in list_presets() for preset in presets]


class RunRow(serializers.ModelSerializer):
    classes = serializers.ListField(child=serializers.CharField(), help_text="In the order of the class index.")
    state = serializers.CharField(source="job.state", help_text="Of its job.")

    class Meta:
        model = TrainingRun
        fields = (
            "id", "name", "generator", "dataset", "classes", "config", "filters", "limits", "keep_best", "best_by",
            "is_demonstration", "job", "state", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "config": {"help_text": "Every setting of the generator."},
            "limits": {"help_text": "Class: most images of it."},
            "best_by": {"help_text": "The measure that the best checkpoints are kept by; empty: none."},
        }


class CheckpointRow(serializers.ModelSerializer):
    class Meta:
        model = Checkpoint
        fields = (
            "id", "run", "foreign", "iteration", "images_seen", "measures", "is_milestone", "sha256", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "iteration": {"help_text": "Steps done."},
            "images_seen": {"help_text": "Real images, over all steps."},
            "measures": {"help_text": "Name of a measure: its value; less is better."},
        }


class SampleRow(serializers.ModelSerializer):
    state = serializers.CharField(source="job.state", help_text="Of its job.")

    class Meta:
        model = SampleRun
        fields = (
            "id", "checkpoint", "per_class", "seed", "precision", "truncation", "dataset_name", "dataset", "job",
            "state", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "per_class": {"help_text": "Class: number of images."},
            "dataset": {"help_text": "The images, once all of them are drawn."},
        }


class ForeignRow(serializers.ModelSerializer):
    classes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ForeignGenerator
        fields = ("id", "name", "made_with", "licence", "citation", "sha256", "classes", "accepted_at", "created_at")
        read_only_fields = fields


class GeneratorView(ApiView):
    read_scope, write_scope = "models:read", "models:write"

    def runs(self) -> QuerySet[TrainingRun]:
        return self.rows(TrainingRun.objects.select_related("job", "dataset").order_by("-created_at", "id"))


RunBody = body_of(
    "RunBody",
    RunForm.base_fields,
    dataset=ById(Dataset.objects.filter(origin="real"), help_text="Real images; frozen when training starts."),
    preset=OneOf(PRESETS, help_text="Generator, and settings to begin with."),
    settings=Anything(required=False, help_text="Settings other than those of the preset, by name."),
    filters=FiltersBody(required=False, help_text="Which images it learns from; all unless given."),
    limits=serializers.DictField(
        child=Whole(min_value=1, max_value=10_000_000), required=False, help_text="Class: most images of it."
    ),
    normal=Text(
        required=False, max_length=100,
        help_text="The normal class, for presets that choose classes by their role and do not find it by its name.",
    ),
    copies_known=YesNo(required=False, help_text="Start although left-out test images look like copies."),
)  # fmt: skip


class RunList(GeneratorView):
    query = ListQuery
    serializer_class = RunRow
    queryset = TrainingRun.objects.all()
    can_repeat = True

    @extend_schema(summary="Training runs, newest first", responses=RunRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(self.runs(), RunRow)

    @extend_schema(
        summary="Train a generator",
        description="Starts a job. Checkpoints are listed with the run as they are made.",
        request=RunBody,
        responses={201: RunRow},
    )
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            return 201, RunRow(self.start(self.sent(RunBody))).data

        return once(request, verb)

    def start(self, sent: dict[str, Any]) -> TrainingRun:
        dataset, preset = sent.pop("dataset"), get_preset(sent.pop("preset"))
        settings, filters, limits = sent.pop("settings", {}), sent.pop("filters", None), sent.pop("limits", None)
        known, normal = sent.pop("copies_known", False), sent.pop("normal", None)
        form = RunForm(form_data(sent, RunForm()))
        require_valid(form)
        if preset.mix is not None and filters is None and limits is None:
            chosen = NormalForm(
                {} if normal is None else {"normal": normal}, counts=dataset_counts(dataset), mix=preset.mix
            )
            if not chosen.is_valid():
                words = " ".join(str(one) for errors in chosen.errors.values() for one in errors)
                raise refused(words or "Say which class is the normal one.", "normal")
            filters = {"labels": chosen.labels} if len(chosen.labels) < len(chosen.all_labels) else {}
            limits = chosen.limits
        try:
            config = preset.make(settings.pop("seed", fresh_seed()))
            config = type(config).from_dict({**config.to_dict(), **settings})
        except (TypeError, ValueError) as error:
            raise named_errors("settings", error) from error
        try:
            if not known and find_before_generator(dataset, filters or {}):
                raise refused(HALT, "copies_known")
            return start_training(
                name=form.cleaned_data["name"],
                dataset=dataset,
                generator=preset.generator,
                config=config,
                filters=dict(filters or {}),
                limits=limits or {},
                created_by=self.user,
                is_demonstration=is_demonstration(preset, config),
                device=form.cleaned_data["device"],
                processes=form.cleaned_data["gpus"],
                best_by=form.cleaned_data["best_by"],
                keep_best=form.cleaned_data["keep_best"],
            )
        except ValueError as error:
            raise refused(error) from error


class RunDetail(GeneratorView):
    serializer_class = RunRow
    queryset = TrainingRun.objects.all()

    @extend_schema(summary="One training run")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(RunRow(self.find(self.runs(), pk)).data)


class RunCheckpoints(GeneratorView):
    query = ListQuery
    serializer_class = CheckpointRow
    queryset = Checkpoint.objects.all()

    @extend_schema(summary="Checkpoints of a run, by iteration", responses=CheckpointRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        run = self.find(self.runs(), pk)
        return self.paged(run.checkpoints.order_by("iteration"), CheckpointRow)


class ForeignList(GeneratorView):
    query = ListQuery
    serializer_class = ForeignRow
    queryset = ForeignGenerator.objects.all()

    @extend_schema(
        summary="Generators from elsewhere",
        description="They are brought in, looked at and accepted on their page.",
        responses=ForeignRow(many=True),
    )
    def get(self, request: Request) -> Response:
        return self.paged(self.rows(selectors.foreign_generators()), ForeignRow)


class SampleBody(Body):
    checkpoint = ById(Checkpoint.objects.select_related("run", "foreign"))
    dataset_name = Text(max_length=200, help_text="Of the new dataset.")
    per_class = serializers.DictField(
        child=Whole(min_value=0, max_value=MAX_IMAGES), help_text="Class: number of images; 0 unless given."
    )
    seed = Whole(
        min_value=0, max_value=MAX_SEED, help_text="The same checkpoint, numbers and seed give the same images."
    )
    precision = OneOf(list(PRECISIONS.items()), required=False)
    truncation = Number(
        min_value=0, max_value=MAX_TRUNCATION, required=False,
        help_text="1: as varied as the generator makes them; below, down to 0: more ordinary. Not every generator.",
    )  # fmt: skip


class SampleList(GeneratorView):
    query = ListQuery
    serializer_class = SampleRow
    queryset = SampleRun.objects.all()
    can_repeat = True

    @extend_schema(summary="Samples, newest first", responses=SampleRow(many=True))
    def get(self, request: Request) -> Response:
        rows = SampleRun.objects.select_related("job").order_by("-created_at", "id")
        return self.paged(self.rows(rows), SampleRow)

    @extend_schema(
        summary="Draw samples",
        description="Starts a job that draws a new synthetic dataset.",
        request=SampleBody,
        responses={201: SampleRow},
    )
    def post(self, request: Request) -> Response:
        return once(request, lambda: (201, SampleRow(self.start(self.sent(SampleBody))).data))

    def start(self, sent: dict[str, Any]) -> SampleRun:
        checkpoint, per_class = sent.pop("checkpoint"), sent.pop("per_class")
        unknown = sorted(set(per_class) - set(checkpoint.classes))
        if unknown:
            words = f"There is no class {unknown[0]}. Classes: {', '.join(checkpoint.classes)}."
            raise refused(words, f"per_class.{unknown[0]}")
        numbers = {f"class_{place}": per_class.get(name, 0) for place, name in enumerate(checkpoint.classes)}
        begun = SampleForm(run=checkpoint.origin, checkpoints=[checkpoint])
        surplus = sorted(set(sent) - set(begun.fields))
        if surplus:
            raise refused("This generator has no such choice.", surplus[0])
        data = form_data({**sent, **numbers, "checkpoint": checkpoint}, begun)
        form = SampleForm(data, run=checkpoint.origin, checkpoints=[checkpoint])
        require_valid(form, {f"class_{place}": f"per_class.{name}" for place, name in enumerate(checkpoint.classes)})
        try:
            return start_sampling(
                checkpoint=checkpoint,
                per_class=form.per_class,
                seed=form.cleaned_data["seed"],
                dataset_name=form.cleaned_data["dataset_name"],
                created_by=self.user,
                options=form.options,
            )
        except ValueError as error:
            raise refused(error) from error


class SampleDetail(GeneratorView):
    serializer_class = SampleRow
    queryset = SampleRun.objects.all()

    @extend_schema(summary="One drawing of samples")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(SampleRow(self.find(SampleRun.objects.select_related("job"), pk)).data)


class MeasureRow(serializers.ModelSerializer):
    files = serializers.ListField(child=serializers.CharField(), help_text="Names of its files.")

    class Meta:
        model = DatasetReport
        fields = ("id", "dataset", "title", "values", "files", "created_at")
        read_only_fields = fields
        extra_kwargs = {"values": {"help_text": "What was measured; `summary`: in sentences."}}


MeasureBody = body_of(
    "MeasureBody",
    MeasureForm.base_fields,
    dataset=ById(Dataset.objects.filter(origin="synthetic"), help_text="Synthetic images to be measured."),
)


class MeasureList(GeneratorView):
    query = ListQuery
    serializer_class = MeasureRow
    queryset = DatasetReport.objects.all()
    can_repeat = True

    @extend_schema(summary="Measures of synthetic datasets, newest first", responses=MeasureRow(many=True))
    def get(self, request: Request) -> Response:
        rows = DatasetReport.objects.filter(kind=MEASURE, dataset__state=Dataset.State.READY)
        return self.paged(self.rows(rows.order_by("-created_at", "id")), MeasureRow)

    @extend_schema(summary="Measure", description="Starts a job.", request=MeasureBody, responses={201: JobFull})
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            sent = self.sent(MeasureBody)
            dataset = sent.pop("dataset")
            form = MeasureForm(form_data(sent, MeasureForm(dataset=dataset)), dataset=dataset)
            require_valid(form)
            try:
                job = start_measuring(
                    dataset=dataset,
                    training=form.cleaned_data["training"],
                    training_filters=form.training_filters,
                    held_out=form.cleaned_data["held_out"],
                    held_out_filters=form.held_out_filters,
                    settings=form.settings,
                    device=form.cleaned_data["device"],
                    created_by=self.user,
                )
            except ValueError as error:
                raise refused(error) from error
            return 201, JobFull(job).data

        return once(request, verb)


class MeasureFile(GeneratorView):
    serializer_class = MeasureRow
    queryset = DatasetReport.objects.all()

    @extend_schema(summary="A file of a measurement", responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Request, pk: UUID, name: str) -> FileResponse:
        rows = DatasetReport.objects.filter(kind=MEASURE, dataset__state=Dataset.State.READY)
        path = find_report_file(self.find(rows, pk), name)
        if path is None:
            raise Http404
        return file_response(path, content_type="application/octet-stream", name=name)


class PresetRow(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    generator = serializers.CharField()
    is_demonstration = serializers.BooleanField()
    settings = serializers.JSONField(help_text="Every setting, as the preset has it.")


class PresetList(GeneratorView):
    serializer_class = PresetRow
    query = ListQuery

    @extend_schema(summary="Settings that a training can begin with", responses=PresetRow(many=True))
    def get(self, request: Request) -> Response:
        rows = [
            {
                "name": preset.name,
                "title": preset.title,
                "generator": get_generator(preset.generator).name,
                "is_demonstration": preset.is_demonstration,
                "settings": preset.make(0).to_dict(),
            }
            for _, presets in list_presets()
            for preset in presets
        ]
        return self.paged(rows, PresetRow)
