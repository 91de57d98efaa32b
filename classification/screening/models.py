"""Screenings of datasets: who looks for what, in which order, and what was decided of each image."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from imaging.models import Dataset
from worker.models import Job


class Screening(models.Model):
    """One person's look through a dataset: in the order of a classifier's score, or in random order without one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="screenings")
    # whose scores give the order; None: random order, drawn by the seed
    scoring = models.ForeignKey("Scoring", null=True, blank=True, on_delete=models.PROTECT, related_name="screenings")
    classifier_sha256 = models.CharField(max_length=64, blank=True)  # of the classifier's file
    looked_for = models.CharField(max_length=100, blank=True)  # the class whose probability the order goes by
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="screenings"
    )
    shows_score = models.BooleanField(default=False)
    stop_after = models.PositiveIntegerField(default=50)  # images kept in a row after which to ask; 0: never
    seed = models.BigIntegerField(default=0)  # of the random order and of the check sample
    n_images = models.PositiveIntegerField(default=0)  # in the queue; 0 until it is whole
    went_on_at = models.PositiveIntegerField(default=0)  # images decided when the reviewer last said to go on
    stopped_at = models.DateTimeField(null=True, blank=True)  # the reviewer left the rest of the queue
    finished_at = models.DateTimeField(null=True, blank=True)  # from then on nothing is decided any more
    result = models.OneToOneField(
        Dataset, null=True, blank=True, on_delete=models.SET_NULL, related_name="screening_it_comes_from"
    )
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="screening")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("dataset__project",)
    objects = InSight["Screening"]()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"Screening of {self.dataset}"

    def get_absolute_url(self) -> str:
        return reverse("classification:screening_detail", args=[self.pk])

    @property
    def is_ready(self) -> bool:
        return self.n_images > 0


class ScreenedImage(models.Model):
    """An image in its place of the queue, and what was decided of it."""

    class Decision(models.TextChoices):
        KEEP = "keep", "Keep"
        EXCLUDE = "exclude", "Exclude"

    class Reason(models.TextChoices):
        DEVICE = "device", "Device"
        WIRE = "wire", "Wire"
        ARTEFACT = "artefact", "Artefact"
        ROTATION = "rotation", "Rotation"
        CUT_OFF = "cut off", "Cut off"
        OTHER = "other", "Other"

    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="images")
    image = models.ForeignKey("imaging.Image", on_delete=models.PROTECT, related_name="screenings")
    place = models.PositiveIntegerField()  # in the queue, from 1
    score = models.FloatField(null=True, blank=True)  # probability of the class looked for; None in random order
    check_place = models.PositiveIntegerField(null=True, blank=True)  # in the check sample of the rest, from 1
    decision = models.CharField(max_length=8, choices=Decision, blank=True)  # "": not yet
    reason = models.CharField(max_length=16, choices=Reason, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["screening", "place"]
        constraints = [
            models.UniqueConstraint(fields=["screening", "place"], name="screened_place_unique"),
            models.UniqueConstraint(fields=["screening", "image"], name="screened_image_unique"),
            models.UniqueConstraint(fields=["screening", "check_place"], name="screened_check_place_unique"),
            models.CheckConstraint(
                name="screened_reason_of_the_excluded",
                condition=Q(
                    decision="exclude", reason__in=["device", "wire", "artefact", "rotation", "cut off", "other"]
                )
                | Q(decision__in=["", "keep"], reason=""),
            ),
            models.CheckConstraint(
                name="screened_decided_at_a_time",
                condition=Q(decision="", decided_at=None) | (~Q(decision="") & Q(decided_at__isnull=False)),
            ),
        ]
