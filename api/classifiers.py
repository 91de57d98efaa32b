"""Experiments, their classifiers, scores and screenings."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.datasets import named_errors
from api.fields import Anything, Body, ById, ListQuery, OneOf, Text, Whole, YesNo
from api.from_forms import body_of, form_data, require_valid
from api.idempotency import once
from api.problems import Conflict, refused
from classification.cnn.config import PRESETS
from classification.forms import ExperimentForm, WeightsForm
from classification.models import Classifier, Experiment, ImageScore, Scoring, Screening
from classification.parameters import DEVICES
from classification.scoring.selectors import by_score
from classification.scoring.services import not_closed, start_scoring
from classification.screening.services import start_screening
from classification.selectors import DESIGNS, SYNTHETIC, split_table
from classification.services import start_experiment
from imaging.duplicates.asking import HALT, find_before_training
from imaging.models import Dataset
from turing.models import Study
from turing.results.services import record_scores_viewed
from turing.rules import can_view_results
from worker.compute.settings import MAX_SEED
from worker.setting_fields import fresh_seed


class ExperimentRow(serializers.ModelSerializer):
    classes = serializers.ListField(child=serializers.CharField())
    state = serializers.CharField(source="job.state", help_text="Of its job.")

    class Meta:
        model = Experiment
        fields = (
            "id", "name", "kind", "dataset", "synthetic", "classes", "positive", "limits", "config", "design",
            "is_demonstration", "results", "job", "state", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "positive": {"help_text": "The class that a high score stands for."},
            "results": {"help_text": "What came of it; empty until its job has ended."},
        }


class ClassifierRow(serializers.ModelSerializer):
    class Meta:
        model = Classifier
        fields = ("id", "experiment", "arm", "seed", "sha256", "fine_tuned", "created_at")
        read_only_fields = fields


class ModelView(ApiView):
    read_scope, write_scope = "models:read", "models:write"


ExperimentBody = body_of(
    "ExperimentBody",
    ExperimentForm.base_fields,
    kind=OneOf(Experiment.Kind.choices, help_text="What to find out."),
    dataset=ById(Dataset.objects.filter(origin="real"), help_text="Real images, split into train, tune and test."),
    preset=OneOf([(one.name, one.title) for one in PRESETS.values()], help_text="Settings to begin with."),
    positive=Text(required=False, max_length=100, help_text="What a high score stands for."),
    synthetic=ById(Dataset.objects.filter(origin="synthetic"), required=False),
    external=serializers.ListField(
        child=ById(Dataset.objects.filter(origin="real")), required=False, max_length=20,
        help_text="External test sets: real images of another source.",
    ),
    chooser=ById(Classifier.objects.select_related("experiment"), required=False),
    device=OneOf(list(DEVICES), required=False),
    settings=Anything(required=False, help_text="Of the classifier, other than those of the preset, by name."),
    design=Anything(required=False, help_text="Of the experiment, other than the usual ones, by name."),
    begin_with=Text(required=False, max_length=200, help_text="Of the backbone: `none`, `classifier:ID`, `file:NAME`."),
    limits=serializers.DictField(
        child=Whole(min_value=2, max_value=10_000_000), required=False, help_text="Class: most training images of it."
    ),
    copies_known=YesNo(required=False, help_text="Start although test images look like copies."),
)  # fmt: skip


class ExperimentList(ModelView):
    query = ListQuery
    serializer_class = ExperimentRow
    queryset: Any = Experiment.objects.all()
    can_repeat = True

    @extend_schema(summary="Experiments, newest first", responses=ExperimentRow(many=True))
    def get(self, request: Request) -> Response:
        rows = Experiment.objects.select_related("job").order_by("-created_at", "id")
        return self.paged(self.rows(rows), ExperimentRow)

    @extend_schema(
        summary="Do an experiment",
        description="Starts a job that trains classifiers and tests them on the same images.",
        request=ExperimentBody,
        responses={201: ExperimentRow},
    )
    def post(self, request: Request) -> Response:
        return once(request, lambda: (201, ExperimentRow(self.start(self.sent(ExperimentBody))).data))

    def start(self, sent: dict[str, Any]) -> Experiment:
        kind, dataset, preset = Experiment.Kind(sent.pop("kind")), sent.pop("dataset"), PRESETS[sent.pop("preset")]
        settings, design, limits = sent.pop("settings", {}), sent.pop("design", {}), sent.pop("limits", {})
        known, begin_with = sent.pop("copies_known", False), sent.pop("begin_with", "none")
        table = split_table(dataset)
        classes = sorted({label for counts in table.values() for label in counts})
        begun = ExperimentForm(kind=kind, dataset=dataset, classes=classes)
        surplus = sorted(set(sent) - set(begun.fields))
        if surplus:
            raise refused("This kind of experiment, or this site, has no such choice.", surplus[0])
        data = {"device": DEVICES[0], **form_data(sent, begun)}
        data["device"] = data["device"] or DEVICES[0]
        form = ExperimentForm(data, kind=kind, dataset=dataset, classes=classes)
        require_valid(form)
        weights = WeightsForm({"begin_with": begin_with})
        require_valid(weights)
        configs: dict[str, Any] = {}
        for name, base, changes in (
            ("settings", preset.make(fresh_seed()), settings),
            ("design", DESIGNS[kind](), design),
        ):
            try:
                configs[name] = type(base).from_dict({**base.to_dict(), **changes})
            except (TypeError, ValueError) as error:
                raise named_errors(name, error) from error
        external = list(form.cleaned_data.get("external", []))
        if not known and find_before_training(dataset, external):
            raise refused(HALT, "copies_known")
        try:
            return start_experiment(
                name=form.cleaned_data["name"],
                kind=kind,
                dataset=dataset,
                synthetic=form.cleaned_data.get("synthetic"),
                external=external,
                positive=form.cleaned_data.get("positive", SYNTHETIC),
                limits=limits,
                config=configs["settings"],
                design=configs["design"],
                weights=weights.weights,
                chooser=form.cleaned_data.get("chooser"),
                device=form.cleaned_data["device"],
                is_demonstration=preset.is_demonstration,
                created_by=self.user,
            )
        except ValueError as error:
            raise refused(error) from error


class ExperimentDetail(ModelView):
    serializer_class = ExperimentRow
    queryset: Any = Experiment.objects.all()

    @extend_schema(summary="One experiment")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ExperimentRow(self.find(Experiment.objects.select_related("job"), pk)).data)


class ClassifierList(ModelView):
    query = ListQuery
    serializer_class = ClassifierRow
    queryset: Any = Classifier.objects.all()

    @extend_schema(summary="Trained classifiers, newest first", responses=ClassifierRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(self.rows(Classifier.objects.order_by("-created_at", "id")), ClassifierRow)


class ScoringRow(serializers.ModelSerializer):
    state = serializers.CharField(source="job.state", help_text="Of its job.")

    class Meta:
        model = Scoring
        fields = ("id", "classifier", "study", "dataset", "results", "job", "state", "created_at")
        read_only_fields = fields
        extra_kwargs = {"results": {"help_text": "What came of it; empty until its job has ended."}}


class ScoringBody(Body):
    classifier = ById(Classifier.objects.select_related("experiment"))
    dataset = ById(Dataset.objects.all(), required=False, help_text="This, or `study`.")
    study = ById(Study.objects.all(), required=False, help_text="A closed one.")
    device = OneOf(list(DEVICES), required=False)


class ScoringList(ModelView):
    query = ListQuery
    serializer_class = ScoringRow
    queryset: Any = Scoring.objects.all()
    can_repeat = True

    @extend_schema(summary="Scores of datasets, and of closed studies, newest first", responses=ScoringRow(many=True))
    def get(self, request: Request) -> Response:
        rows = Scoring.objects.select_related("job").exclude(study__status__in=["draft", "open"])
        return self.paged(self.rows(rows.order_by("-created_at", "id")), ScoringRow)

    @extend_schema(
        summary="Score",
        description="Starts a job that applies a classifier to the images of a dataset, or of a closed study.",
        request=ScoringBody,
        responses={201: ScoringRow},
    )
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            sent = self.sent(ScoringBody)
            study = sent.get("study")
            if study is not None and not can_view_results(self.user, study):
                raise Conflict(not_closed(study))
            try:
                scoring = start_scoring(created_by=self.user, **sent)
            except ValueError as error:
                raise refused(error) from error
            return 201, ScoringRow(scoring).data

        return once(request, verb)


class ScoringView(ModelView):
    serializer_class = ScoringRow
    queryset: Any = Scoring.objects.all()

    def scoring(self, pk: UUID) -> Scoring:
        scoring: Scoring = self.find(Scoring.objects.select_related("job", "study"), pk)
        if scoring.study is not None:
            if not can_view_results(self.user, scoring.study):
                raise Conflict(not_closed(scoring.study))
            record_scores_viewed(study=scoring.study, by=self.user)
        return scoring


class ScoringDetail(ScoringView):
    @extend_schema(summary="One scoring")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ScoringRow(self.scoring(pk)).data)


class ScoreRow(serializers.ModelSerializer):
    pixel_sha256 = serializers.CharField(source="image.pixel_sha256")

    class Meta:
        model = ImageScore
        fields = ("image", "pixel_sha256", "score", "was_learnt")
        read_only_fields = fields
        extra_kwargs = {
            "score": {"help_text": "Probability of the classifier's positive class, 0 to 1."},
            "was_learnt": {"help_text": "The classifier learnt from this image or another of its patient."},
        }


class ScoringScores(ScoringView):
    query = ListQuery
    serializer_class = ScoreRow
    queryset: Any = ImageScore.objects.all()

    @extend_schema(summary="Score of each image, highest first", responses=ScoreRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        return self.paged(by_score(self.scoring(pk)), ScoreRow)


class ScreeningRow(serializers.ModelSerializer):
    class Meta:
        model = Screening
        fields = (
            "id", "dataset", "looked_for", "stop_after", "seed", "n_images", "stopped_at", "finished_at", "result",
            "job", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {"result": {"help_text": "The dataset without the excluded images, once it is made."}}


class ScreeningBody(Body):
    dataset = ById(Dataset.objects.all())
    classifier = ById(Classifier.objects.select_related("experiment"), required=False, help_text="None: random order.")
    looked_for = Text(required=False, max_length=100, allow_blank=True, help_text="The class that comes first.")
    stop_after = Whole(required=False, min_value=0, max_value=100_000, help_text="Images kept in a row; 0: never ask.")
    shows_score = YesNo(required=False)
    seed = Whole(required=False, min_value=0, max_value=MAX_SEED)
    device = OneOf(list(DEVICES), required=False)


class ScreeningList(ModelView):
    query = ListQuery
    serializer_class = ScreeningRow
    queryset: Any = Screening.objects.all()
    can_repeat = True

    @extend_schema(summary="Screenings, newest first", responses=ScreeningRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(self.rows(Screening.objects.order_by("-created_at", "id")), ScreeningRow)

    @extend_schema(
        summary="Begin a screening",
        description="Starts a job that makes the queue. You decide in it, on its page.",
        request=ScreeningBody,
        responses={201: ScreeningRow},
    )
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            try:
                made = start_screening(
                    reviewer=self.user, created_by=self.user, **{"stop_after": 50, **self.sent(ScreeningBody)}
                )
            except ValueError as error:
                raise refused(error) from error
            return 201, ScreeningRow(made).data

        return once(request, verb)
