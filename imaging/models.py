"""Datasets and images. Pixels are stored once, under the SHA-256 of what they are, without any metadata.

Neither file names nor patient identifiers are kept: both become keyed pseudonyms (see `imaging.pseudonyms`).
A dataset that a job fills little by little is seen by nobody before it is whole (see `imaging.making`), and a
deleted one by nobody until it is restored (see `imaging.deleting`): `objects`, and with it every list and every related
manager, leaves them out; `everything` has them. Both show the projects in sight alone (see `config.projects.scope`);
`anywhere` has what there is, for housekeeping.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from config.projects.models import ProjectField
from imaging.regions.models import (
    Region,
    RegionAnnotator,
    RegionAssignment,
    RegionCrops,
    RegionDrawing,
    RegionTask,
)
from worker.models import Job

__all__ = [
    "Dataset",
    "DatasetReport",
    "Image",
    "Region",
    "RegionAnnotator",
    "RegionAssignment",
    "RegionCrops",
    "RegionDrawing",
    "RegionTask",
]


class ReadyDatasets(InSight["Dataset"]):
    def get_queryset(self) -> models.QuerySet["Dataset"]:
        return super().get_queryset().filter(state=Dataset.State.READY)


class ImagesOfReadyDatasets(InSight["Image"]):
    def get_queryset(self) -> models.QuerySet["Image"]:
        return super().get_queryset().filter(dataset__state=Dataset.State.READY)


class Dataset(models.Model):
    class Origin(models.TextChoices):
        REAL = "real", "Real"
        SYNTHETIC = "synthetic", "Synthetic"

    class State(models.TextChoices):
        MAKING = "making", "Being made"
        READY = "ready", "Ready"
        DELETED = "deleted", "Deleted, and can be restored"
        REMOVING = "removing", "Being removed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField()
    name = models.CharField(max_length=200)
    origin = models.CharField(max_length=16, choices=Origin)
    description = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    citation = models.TextField(blank=True)
    known_limits = models.TextField(blank=True)  # what a user of the images has to know, in the investigators' words
    is_phantom = models.BooleanField(default=False)  # made by imaging.phantoms: shown as such everywhere
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True, blank=True)  # first use by a run or a study
    # how images were split here: shares, seed, whether the test images were kept; {}: as imported
    split_record = models.JSONField(default=dict, blank=True)
    # how the pictures were prepared at their import (imaging.intake.preparing); {}: not imported, or before that
    import_record = models.JSONField(default=dict, blank=True)
    # rules, counts after each step and the dataset they were applied to; {}: everything that was imported
    inclusion_record = models.JSONField(default=dict, blank=True)
    # the dataset that this one is a later version of; numbers begin with 1, which most datasets stay
    version_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="versions")
    version_number = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="deleted_datasets"
    )
    # the job that fills it, or filled it; None: written in one transaction
    made_by = models.OneToOneField(
        Job, null=True, blank=True, on_delete=models.PROTECT, related_name="made_dataset", editable=False
    )

    objects = ReadyDatasets()  # the first one is the default: forms, lists and related managers are made of it
    everything = InSight["Dataset"]()
    anywhere = models.Manager["Dataset"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="dataset_name_in_project"),
            models.CheckConstraint(name="dataset_origin_known", condition=Q(origin__in=["real", "synthetic"])),
            models.CheckConstraint(
                name="dataset_state_known", condition=Q(state__in=["making", "ready", "deleted", "removing"])
            ),
            models.CheckConstraint(
                name="dataset_made_by_a_job", condition=~Q(state="making") | Q(made_by__isnull=False)
            ),
            models.CheckConstraint(
                name="dataset_used_only_when_ready",
                condition=Q(state__in=["ready", "deleted", "removing"]) | Q(frozen_at__isnull=True),
            ),
            models.CheckConstraint(
                name="dataset_deleted_at_a_time", condition=~Q(state="deleted") | Q(deleted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("imaging:dataset_detail", args=[self.pk])


class Sex(models.TextChoices):
    FEMALE = "F", "Female"
    MALE = "M", "Male"
    OTHER = "O", "Other"


class Split(models.TextChoices):
    NONE = "", "None"
    TRAIN = "train", "Train"
    TUNE = "tune", "Tune"
    TEST = "test", "Test"


class Picture(models.Model):
    """Stored pixels and what is known of them: of an image, or of one that waits in quarantine."""

    Sex = Sex
    Split = Split

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pixel_sha256 = models.CharField(max_length=64, db_index=True)  # of width, height, bit depth and raw pixels
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bit_depth = models.PositiveSmallIntegerField()  # 8 or 16
    label = models.CharField(max_length=100)  # the class
    split = models.CharField(max_length=8, choices=Split, default=Split.NONE, blank=True)

    patient_pseudonym = models.CharField(max_length=32, blank=True)
    source_pseudonym = models.CharField(max_length=32, blank=True)  # of the file name
    age_years = models.FloatField(null=True, blank=True)
    sex = models.CharField(max_length=1, choices=Sex, blank=True)
    view_position = models.CharField(max_length=16, blank=True)
    manufacturer = models.CharField(max_length=100, blank=True)
    modality = models.CharField(max_length=16, blank=True)  # DX, CR, ... (DICOM)
    body_part = models.CharField(max_length=32, blank=True)
    study_year = models.PositiveSmallIntegerField(null=True, blank=True)
    pixel_spacing_mm = models.FloatField(null=True, blank=True)
    follow_up = models.PositiveIntegerField(null=True, blank=True)

    provenance = models.JSONField(default=dict, blank=True)  # synthetic: checkpoint, seed, class, index
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.label} {self.pixel_sha256[:12]}"


class Image(Picture):
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="images")

    project_paths = ("dataset__project",)
    objects = ImagesOfReadyDatasets()
    everything = InSight["Image"]()
    anywhere = models.Manager["Image"]()  # of all projects

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [  # what pages of 100,000 images ask for, answered from the index alone (benchmarks/lists.py)
            models.Index(
                fields=[
                    "dataset", "label", "split", "sex", "view_position", "manufacturer", "modality", "body_part",
                ],
                name="image_facets",
            ),
            models.Index(fields=["dataset", "created_at", "id"], name="image_page"),
            models.Index(fields=["dataset", "age_years"], name="image_age"),
            models.Index(fields=["dataset", "patient_pseudonym", "split", "label"], name="image_patient"),
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["dataset", "pixel_sha256"], name="image_unique_in_dataset"),
            models.CheckConstraint(name="image_bit_depth_known", condition=Q(bit_depth__in=[8, 16])),
            models.CheckConstraint(name="image_has_label", condition=~Q(label="")),
        ]


class Fingerprint(models.Model):
    """What a picture looks like, in 256 bits: near copies have nearly the same (see `imaging.duplicates`).

    One for each distinct picture, whichever datasets have it; written once, removed with the pixels.
    """

    pixel_sha256 = models.CharField(max_length=64, primary_key=True)
    bits = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return self.pixel_sha256[:12]


class DatasetReport(models.Model):
    """What was measured on a dataset, written once by whoever measured; nothing of it ever reaches a reader.

    `imaging` keeps it without understanding it, so that a study's export can take it along. `values` has at least
    "summary": what was found, in sentences.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=32)  # who wrote it, and so what `values` holds: "generation.measure"
    title = models.CharField(max_length=300)
    values = models.JSONField()
    files = models.JSONField(default=list)  # names in `imaging.reports.report_folder`
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("dataset__project",)
    objects = InSight["DatasetReport"]()
    anywhere = models.Manager["DatasetReport"]()  # of all projects

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["dataset", "kind"], name="dataset_report_kind")]

    def __str__(self) -> str:
        return self.title


class CardChange(models.Model):
    """Who changed what is said about a dataset, and what was said before."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="card_changes")
    field = models.CharField(max_length=32)  # of Dataset: description, licence, citation, known_limits
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.words} of {self.dataset}"

    @property
    def words(self) -> str:
        return self.field.replace("_", " ").capitalize()


class Upload(models.Model):
    """A file that arrives in parts (see `imaging.resumable`); gone once it was handed over to an import."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)
    key = models.CharField(max_length=100)  # made by the browser: tells the file from others
    size = models.PositiveBigIntegerField()  # bytes
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["created_by", "key"], name="upload_user_key")]

    def __str__(self) -> str:
        return self.name


from imaging.quarantine.models import QuarantinedImage, SignOff  # noqa: E402  Django looks for the app's models here

__all__ = ["Dataset", "DatasetReport", "Image", "Picture", "QuarantinedImage", "SignOff", "Upload"]
