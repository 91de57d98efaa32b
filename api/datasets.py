"""Datasets: what is in them, and the verbs on them."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.fields import Body, ListQuery, Number, OneOf, Query, Text, Whole, YesNo
from api.idempotency import once
from api.problems import Conflict, refused
from imaging import storage
from imaging.deleting import put_away_dataset
from imaging.including import include_images, make_record, plan_inclusion
from imaging.inclusion import TITLES, InclusionRules
from imaging.models import Dataset, Image, RegionTask
from imaging.regions.export import region_rows
from imaging.rendering import to_8_bit
from imaging.selectors import datasets_with_counts, filter_images, split_counts
from imaging.services import DatasetError, freeze_dataset, plan_splits, split_dataset
from worker.compute.settings import MAX_SEED


class DatasetRow(serializers.ModelSerializer):
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Class: number of images.")
    total = serializers.IntegerField(help_text="Number of images.")

    class Meta:
        model = Dataset
        fields = (
            "id", "name", "origin", "description", "licence", "citation", "known_limits", "is_phantom", "created_at",
            "frozen_at", "version_of", "version_number", "counts", "total",
        )  # fmt: skip
        read_only_fields = fields


class DatasetsQuery(ListQuery):
    origin = serializers.ChoiceField(Dataset.Origin.choices, required=False)
    name = serializers.CharField(required=False, help_text="Only the dataset that is called so.")


class DatasetView(ApiView):
    read_scope, write_scope = "datasets:read", "datasets:write"
    serializer_class = DatasetRow
    queryset: Any = Dataset.objects.all()

    def dataset(self, pk: UUID) -> Dataset:
        dataset: Dataset = self.find(Dataset.objects.all(), pk)
        return dataset


def dataset_data(dataset: Dataset) -> dict[str, Any]:
    return dict(DatasetRow(datasets_with_counts([dataset])[0]).data)


class DatasetList(DatasetView):
    query = DatasetsQuery

    @extend_schema(summary="Datasets, newest first", responses=DatasetRow(many=True))
    def get(self, request: Request) -> Response:
        wanted = {name: self.asked[name] for name in ("origin", "name") if name in self.asked}
        rows = self.rows(Dataset.objects.filter(**wanted).order_by("-created_at", "pk"))
        return self.paged(rows, DatasetRow, datasets_with_counts)


class DatasetDetail(DatasetView):
    @extend_schema(summary="One dataset")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(dataset_data(self.dataset(pk)))

    @extend_schema(
        summary="Delete",
        description="Puts it away: it can be restored for 30 days on the page “Deleted datasets”. Refused (409) as "
        "long as results rest on it.",
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        try:
            put_away_dataset(dataset=self.dataset(pk), by=self.user)
        except DatasetError as error:
            raise Conflict(str(error)) from error
        return Response(status=204)


class ImageRow(serializers.ModelSerializer):
    sex = serializers.CharField(help_text="F, M or O; empty: not known.")
    split = serializers.CharField(help_text="train, tune or test; empty: in none.")

    class Meta:
        model = Image
        fields = (
            "id", "dataset", "pixel_sha256", "width", "height", "bit_depth", "label", "split", "patient_pseudonym",
            "age_years", "sex", "view_position", "manufacturer", "modality", "body_part", "study_year",
            "pixel_spacing_mm", "follow_up", "provenance", "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "width": {"help_text": "Pixels."},
            "height": {"help_text": "Pixels."},
            "bit_depth": {"help_text": "Bits of a pixel, 8 or 16."},
            "age_years": {"help_text": "Years; ages above 89 are stored as 90."},
            "pixel_spacing_mm": {"help_text": "Millimetres from pixel to pixel."},
            "patient_pseudonym": {"help_text": "A keyed pseudonym; the identifier itself is not kept."},
            "provenance": {"help_text": "Of synthetic images: checkpoint, seed, class."},
        }


class FiltersBody(Body):
    """Which images of a dataset; what is not given does not filter."""

    labels = serializers.ListField(child=Text(max_length=100), required=False, max_length=200, help_text="Classes.")
    view_positions = serializers.ListField(child=Text(max_length=16), required=False, max_length=50)
    sex = serializers.ListField(child=OneOf(["F", "M", "O"]), required=False, max_length=3)
    splits = serializers.ListField(
        child=OneOf(["train", "tune", "test", ""]), required=False, max_length=4, help_text="“”: outside every split."
    )
    manufacturers = serializers.ListField(child=Text(max_length=100), required=False, max_length=200)
    modalities = serializers.ListField(child=Text(max_length=16), required=False, max_length=50)
    body_parts = serializers.ListField(child=Text(max_length=32), required=False, max_length=50)
    age_min = Number(required=False, min_value=0, max_value=120, help_text="Years, included.")
    age_max = Number(required=False, min_value=0, max_value=120, help_text="Years, included.")


class ImagesQuery(ListQuery):
    label = serializers.CharField(required=False, help_text="Only images of this class.")
    split = serializers.ChoiceField(["train", "tune", "test", "none"], required=False)


class DatasetImages(DatasetView):
    query = ImagesQuery
    serializer_class = ImageRow
    queryset: Any = Image.objects.all()

    @extend_schema(summary="Its images", responses=ImageRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        filters: dict[str, Any] = {}
        if "label" in self.asked:
            filters["labels"] = [self.asked["label"]]
        if "split" in self.asked:
            filters["splits"] = [self.asked["split"].replace("none", "")]
        return self.paged(filter_images(self.dataset(pk), filters).order_by("created_at", "id"), ImageRow)


class ImageDetail(DatasetView):
    serializer_class = ImageRow
    queryset: Any = Image.objects.all()

    @extend_schema(summary="One image", responses=ImageRow)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ImageRow(self.find(Image.objects.all(), pk)).data)


class PixelsQuery(Query):
    depth = serializers.ChoiceField(
        ["stored", "8"], required=False, help_text="stored: the file as it is, 8 or 16 bits; 8: brought to 8 bits."
    )


class ImagePixels(DatasetView):
    query = PixelsQuery
    serializer_class = ImageRow
    queryset: Any = Image.objects.all()

    @extend_schema(summary="Its pixels, as grey PNG", responses={(200, "image/png"): bytes})
    def get(self, request: Request, pk: UUID) -> FileResponse | HttpResponse:
        image = self.find(Image.objects.all(), pk)
        try:
            if self.asked.get("depth") == "8":
                data = storage.encode_png(to_8_bit(storage.load_pixels(image)))
                return HttpResponse(data, content_type="image/png")
            return FileResponse(storage.open_pixels(image.pixel_sha256), content_type="image/png")
        except FileNotFoundError:
            raise Http404 from None


class SplitRow(serializers.Serializer):
    split = serializers.CharField(allow_blank=True, help_text="train, tune, test, or “”: in none.")
    label = serializers.CharField()
    images = serializers.IntegerField()
    patients = serializers.IntegerField(help_text="0 where no image has a patient.")


class SplitBody(Body):
    train = Number(min_value=0, max_value=1, help_text="Share of the images; the three add up to 1.")
    tune = Number(min_value=0, max_value=1, help_text="Share.")
    test = Number(min_value=0, max_value=1, help_text="Share.")
    seed = Whole(min_value=0, max_value=MAX_SEED, help_text="The same seed gives the same splits.")
    keep_test = YesNo(required=False, help_text="The test images stay as they are; the share of test is 0 then.")
    preview = YesNo(required=False, help_text="Tell the numbers, and change nothing.")


class DatasetSplit(DatasetView):
    pagination_class = None
    serializer_class = SplitRow

    @extend_schema(summary="How its images are split", responses=SplitRow(many=True), filters=False)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(self.table(self.dataset(pk)))

    @extend_schema(
        summary="Split",
        description="By class, all images of a patient in one split. May be repeated until the dataset is used.",
        request=SplitBody,
        responses={200: SplitRow(many=True)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        dataset, sent = self.dataset(pk), self.sent(SplitBody)
        values: dict[str, Any] = {
            "shares": {name: sent[name] for name in ("train", "tune", "test")},
            "seed": sent["seed"],
            "keep_test": sent.get("keep_test", False),
        }
        try:
            if sent.get("preview"):
                return Response(_planned(dataset, plan_splits(dataset=dataset, **values)))
            split_dataset(dataset=dataset, **values)
        except DatasetError as error:
            raise Conflict(str(error)) from error
        except ValueError as error:
            raise refused(error) from error
        return Response(self.table(dataset))

    def table(self, dataset: Dataset) -> list[dict[str, Any]]:
        return [
            {"split": split, "label": one.label, "images": one.images, "patients": one.patients}
            for split, rows in split_counts(dataset).items()
            for one in rows
        ]


def _planned(dataset: Dataset, planned: dict[UUID, str]) -> list[dict[str, Any]]:
    rows = dataset.images.values_list("pk", "label", "split", "patient_pseudonym")
    found: dict[tuple[str, str], tuple[int, set[str]]] = {}
    for pk, label, split, patient in rows:
        key = (planned.get(pk, split), label)
        images, patients = found.get(key, (0, set()))
        found[key] = (images + 1, patients | ({patient} - {""}))
    return [
        {"split": split, "label": label, "images": images, "patients": len(patients)}
        for (split, label), (images, patients) in sorted(found.items())
    ]


class IncludeBody(Body):
    name = Text(max_length=200, help_text="Of the new dataset. Not used by a preview.")
    youngest = Number(required=False, min_value=0, max_value=120, help_text="Years, included.")
    oldest = Number(required=False, min_value=0, max_value=120, help_text="Years, included.")
    sexes = serializers.ListField(child=OneOf(["F", "M", "O"]), required=False, max_length=3)
    views = serializers.ListField(child=Text(max_length=16), required=False, max_length=50)
    manufacturers = serializers.ListField(
        child=Text(max_length=100), required=False, max_length=50, help_text="First words of the name."
    )
    modalities = serializers.ListField(child=Text(max_length=16), required=False, max_length=50)
    body_parts = serializers.ListField(child=Text(max_length=32), required=False, max_length=50)
    first_year = Whole(required=False, min_value=1890, max_value=2100)
    last_year = Whole(required=False, min_value=1890, max_value=2100)
    labels = serializers.ListField(child=Text(max_length=100), required=False, max_length=200, help_text="Classes.")
    missing_passes = serializers.ListField(
        child=OneOf(list(TITLES)), required=False, max_length=20, help_text="Included also where this is not known."
    )
    preview = YesNo(required=False, help_text="Tell the numbers after each rule, and make nothing.")


class InclusionStep(serializers.Serializer):
    title = serializers.CharField()
    words = serializers.CharField(help_text="The rule.")
    excluded = serializers.IntegerField(help_text="Images that it left out ...")
    missing = serializers.IntegerField(help_text="... of these, because it is not known.")
    left = serializers.IntegerField(help_text="Images after it.")


class Inclusion(serializers.Serializer):
    total = serializers.IntegerField(help_text="Images before the first rule.")
    steps = InclusionStep(many=True)
    dataset = DatasetRow(allow_null=True, help_text="The new dataset; null of a preview.")


class DatasetInclude(DatasetView):
    can_repeat = True

    @extend_schema(
        summary="Include",
        description="A new dataset of those images that pass the rules; it shares their pixels.",
        request=IncludeBody,
        responses={201: Inclusion, 200: Inclusion},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        dataset, sent = self.dataset(pk), self.sent(IncludeBody)
        name, preview = sent.pop("name"), sent.pop("preview", False)
        try:
            rules = InclusionRules.from_dict(sent)
        except ValueError as error:
            raise refused(error) from error

        def verb() -> tuple[int, Any]:
            try:
                record = make_record(dataset, rules, plan_inclusion(dataset, rules), total=dataset.images.count())
                if preview:
                    return 200, dict(Inclusion({**record, "dataset": None}).data)
                made = include_images(dataset=dataset, rules=rules, name=name, created_by=self.user)
            except DatasetError as error:
                raise refused(error, "name" if "called" in str(error) or "name" in str(error) else "") from error
            (counted,) = datasets_with_counts([made])
            return 201, dict(Inclusion({**record, "dataset": counted}).data)

        return once(request, verb)


class DatasetFreeze(DatasetView):
    @extend_schema(
        summary="Freeze",
        description="Its images, classes and splits stay as they are. Freezing again keeps the first date.",
        request=Body,
        responses=DatasetRow,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.sent(Body)
        dataset = self.dataset(pk)
        freeze_dataset(dataset=dataset)
        return Response(dataset_data(dataset))


class RegionTaskRow(serializers.ModelSerializer):
    region_names = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = RegionTask
        fields = ("id", "name", "dataset", "region_names", "labels", "n_images", "closed_at", "created_at")
        read_only_fields = fields


class RegionTaskList(DatasetView):
    query = ListQuery
    serializer_class = RegionTaskRow
    queryset: Any = RegionTask.objects.all()

    @extend_schema(summary="Tasks of drawing regions, newest first", responses=RegionTaskRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(self.rows(RegionTask.objects.order_by("-created_at", "pk")), RegionTaskRow)


class RegionRow(serializers.Serializer):
    image = serializers.UUIDField()
    image_sha256 = serializers.CharField()
    region = serializers.CharField()
    x = serializers.IntegerField(allow_null=True, help_text="Pixels from the left; null: not visible.")
    y = serializers.IntegerField(allow_null=True, help_text="Pixels from the top.")
    width = serializers.IntegerField(allow_null=True, help_text="Pixels.")
    height = serializers.IntegerField(allow_null=True, help_text="Pixels.")
    label = serializers.CharField(allow_blank=True)
    not_visible_because = serializers.CharField(allow_blank=True)
    annotator = serializers.CharField(help_text="A code: A, B, ...; J1, ... decide between them.")
    role = serializers.CharField()
    revision = serializers.IntegerField()
    time = serializers.DateTimeField()


class RegionList(DatasetView):
    query = ListQuery
    serializer_class = RegionRow
    queryset: Any = RegionTask.objects.all()

    @extend_schema(
        summary="Regions of a task, as they stand",
        description="Without those that you may not see before you have drawn your own.",
        responses=RegionRow(many=True),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        task = self.find(RegionTask.objects.all(), pk)
        return self.paged(list(region_rows(task, user=self.user)), RegionRow)


def named_errors(prefix: str, error: Exception) -> ValidationError:
    """A refusal of one member, whose message begins with its name."""
    name, _, _ = str(error).partition(" ")
    where = f"{prefix}.{name}" if name.replace("_", "").isalnum() and name.islower() else prefix
    return ValidationError({where: [ErrorDetail(str(error), code="refused")]})
