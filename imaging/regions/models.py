"""Region tasks: who draws which regions on which images, and every drawing that was ever saved.

A drawing is never changed: saving an image again adds a revision, and the assignment names the current one. The
database refuses updates of drawings and regions (their migration).
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from config.projects.models import ProjectField
from worker.models import Job


class RegionTask(models.Model):
    """Named regions to be drawn and labelled on images of a dataset. Its images are fixed when it is made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField(like="dataset")
    name = models.CharField(max_length=200)
    dataset = models.ForeignKey("imaging.Dataset", on_delete=models.PROTECT, related_name="region_tasks")
    region_names = models.JSONField()  # list of words, in the order in which they are drawn
    labels = models.JSONField()  # list of words; key 1 is the first
    instructions = models.TextField(blank=True)
    splits = models.JSONField(default=list, blank=True)  # whose images; []: all
    sample_size = models.PositiveIntegerField(null=True, blank=True)  # drawn by the seed; None: all
    seed = models.PositiveIntegerField(default=0)  # of the sample and of the order of each annotator
    offers_last_boxes = models.BooleanField(default=True)  # of the image before, to begin with
    n_images = models.PositiveIntegerField()
    closed_at = models.DateTimeField(null=True, blank=True)  # nothing is drawn any more; adjudication begins
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("dataset__project",)
    objects = InSight["RegionTask"]()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="region_task_name_in_project"),
            models.CheckConstraint(name="region_task_has_images", condition=Q(n_images__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("imaging:region_task", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class RegionAnnotator(models.Model):
    """Somebody who draws in a task, or adjudicates. Known to the others, and to files, by a code: A, B, ...; J1, ..."""

    class Role(models.TextChoices):
        ANNOTATOR = "annotator", "Annotator"
        ADJUDICATOR = "adjudicator", "Adjudicator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(RegionTask, on_delete=models.CASCADE, related_name="annotators")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    role = models.CharField(max_length=16, choices=Role, default=Role.ANNOTATOR)
    number = models.PositiveSmallIntegerField()  # from 1 in each role: number 1 is the first annotator

    project_paths = ("task__dataset__project",)
    objects = InSight["RegionAnnotator"]()

    class Meta:
        ordering = ["task", "role", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "role", "number"], name="region_annotator_number_once"),
            models.UniqueConstraint(fields=["task", "role", "user"], name="region_annotator_once"),
            models.CheckConstraint(
                name="region_annotator_role_known", condition=Q(role__in=["annotator", "adjudicator"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.code}"

    @property
    def code(self) -> str:
        if self.role == self.Role.ADJUDICATOR:
            return f"J{self.number}"
        return chr(ord("A") + self.number - 1)


class RegionAssignment(models.Model):
    """One image of one annotator, at its place in that annotator's order; or of an adjudicator, once it is decided."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    annotator = models.ForeignKey(RegionAnnotator, on_delete=models.CASCADE, related_name="assignments")
    image = models.ForeignKey("imaging.Image", on_delete=models.CASCADE, related_name="region_assignments")
    position = models.PositiveIntegerField()  # from 1
    current = models.OneToOneField(
        "imaging.RegionDrawing", null=True, blank=True, on_delete=models.SET_NULL, related_name="current_of"
    )

    project_paths = ("annotator__task__dataset__project",)
    objects = InSight["RegionAssignment"]()

    class Meta:
        ordering = ["annotator", "position"]
        constraints = [
            models.UniqueConstraint(fields=["annotator", "image"], name="region_image_once"),
            models.UniqueConstraint(fields=["annotator", "position"], name="region_position_once"),
        ]


class RegionDrawing(models.Model):
    """All regions of an image, as they were saved together. The rows of an assignment are its history."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assignment = models.ForeignKey(RegionAssignment, on_delete=models.CASCADE, related_name="drawings")
    revision = models.PositiveIntegerField()  # from 1
    idempotency_key = models.UUIDField(unique=True)  # the browser sends it again with the same drawing
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["assignment", "revision"]
        constraints = [models.UniqueConstraint(fields=["assignment", "revision"], name="region_revision_once")]


class Region(models.Model):
    """A rectangle in pixels of the stored image, from its upper left corner, with a label; or why there is none."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    drawing = models.ForeignKey(RegionDrawing, on_delete=models.CASCADE, related_name="regions")
    name = models.CharField(max_length=100)
    x = models.PositiveIntegerField(null=True)  # px; covers columns x to x + width - 1
    y = models.PositiveIntegerField(null=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    label = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=200, blank=True)  # why it is not visible
    was_offered = models.BooleanField(default=False)  # the rectangle of the image before, left where it was
    taken_from = models.CharField(max_length=8, blank=True)  # adjudicated: whose it is by code; "": drawn anew

    class Meta:
        ordering = ["drawing", "name"]
        constraints = [
            models.UniqueConstraint(fields=["drawing", "name"], name="region_name_once"),
            models.CheckConstraint(
                name="region_drawn_or_not_visible",
                condition=Q(x__isnull=False, y__isnull=False, width__gt=0, height__gt=0, reason="", label__gt="")
                | (
                    Q(x__isnull=True, y__isnull=True, width__isnull=True, height__isnull=True, label="") & ~Q(reason="")
                ),
            ),
        ]

    @property
    def is_visible(self) -> bool:
        return self.width is not None


class RegionCrops(models.Model):
    """A request for a dataset of crops; `dataset` once it is whole."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(RegionTask, on_delete=models.PROTECT, related_name="crops")
    dataset = models.OneToOneField(
        "imaging.Dataset", null=True, blank=True, on_delete=models.CASCADE, related_name="crops_record"
    )
    dataset_name = models.CharField(max_length=200)
    rule = models.CharField(max_length=16)  # of imaging.regions.final.RULES
    iou_limit = models.FloatField()
    side = models.PositiveIntegerField(null=True)  # px; None: each crop keeps the size of its region
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="region_crops")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("task__dataset__project",)
    objects = InSight["RegionCrops"]()

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = "dataset of crops"
        constraints = [
            models.CheckConstraint(name="region_crops_limit", condition=Q(iou_limit__gte=0) & Q(iou_limit__lte=1)),
            models.CheckConstraint(name="region_crops_side", condition=Q(side__isnull=True) | Q(side__gte=8)),
        ]

    def __str__(self) -> str:
        return self.dataset_name
