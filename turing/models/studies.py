"""Studies, their fixed order of trials, and the invitations to them.

Nothing in here says what an image really is: a Trial knows only the pixels that are shown (a rendered file under a
random name). Truth stands in `turing.models.truth`. Datasets are named by string, so that this module imports nothing
of `imaging`.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from turing.texts import DEFAULT_QUESTION

# of turing.blinding, which this module may not import: readers' code imports this one
DEFAULT_LEAK_LIMIT = 0.75


class Origin(models.TextChoices):
    """Truth of an image, and the answer about it."""

    REAL = "real", "Real"
    SYNTHETIC = "synthetic", "Synthetic"


class Study(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open for reading"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    question = models.CharField(max_length=300, default=DEFAULT_QUESTION)
    instructions = models.TextField(blank=True)  # Markdown
    positive_class = models.CharField(max_length=16, choices=Origin, default=Origin.REAL)

    real_dataset = models.ForeignKey("imaging.Dataset", on_delete=models.PROTECT, related_name="studies_as_real")
    synthetic_dataset = models.ForeignKey(
        "imaging.Dataset", on_delete=models.PROTECT, related_name="studies_as_synthetic"
    )
    real_filters = models.JSONField(default=dict, blank=True)
    synthetic_filters = models.JSONField(default=dict, blank=True)
    n_real = models.PositiveIntegerField()
    n_synthetic = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    image_size = models.PositiveIntegerField()  # px; every image is rendered to this square
    is_example = models.BooleanField(default=False)  # made by the demo, with simulated readers
    # AUC; a study whose sides are told apart better than this, by anything but the picture, is not opened
    leak_limit = models.FloatField(default=DEFAULT_LEAK_LIMIT)

    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    # set at opening, then never changed (migration 0002 refuses it): see turing.protocol
    protocol = models.JSONField(default=dict, blank=True)  # the document that protocol_sha256 is of; holds versions too
    protocol_sha256 = models.CharField(max_length=64, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(name="study_status_known", condition=Q(status__in=["draft", "open", "closed"])),
            models.CheckConstraint(name="study_positive_class_known", condition=Q(positive_class__in=Origin.values)),
            models.CheckConstraint(
                name="study_frozen_when_open",
                condition=Q(status="draft") | (~Q(protocol_sha256="") & ~Q(manifest_sha256="")),
            ),
            models.CheckConstraint(
                name="study_has_images", condition=Q(n_real__gte=1, n_synthetic__gte=1, image_size__gte=1)
            ),
            models.CheckConstraint(
                name="study_leak_limit_in_range", condition=Q(leak_limit__gt=0.5, leak_limit__lte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("turing:study_detail", args=[self.pk])


class Trial(models.Model):
    """One position in the locked order."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    position = models.PositiveIntegerField()  # from 1
    stimulus_file = models.CharField(max_length=200)  # random name under MEDIA_ROOT/stimuli; raw grey pixels
    stimulus_sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="trial_position_unique"),
            models.UniqueConstraint(fields=["study", "stimulus_sha256"], name="trial_stimulus_unique"),
            models.CheckConstraint(name="trial_position_from_one", condition=Q(position__gte=1)),
        ]


class Invitation(models.Model):
    """A link for one reader. Only the hash of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    secret_sha256 = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=200, blank=True)  # for the investigator: whom the link is for
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.note or f"Invitation {self.pk}"

    @property
    def state(self) -> str:
        """One of used, revoked, expired, waiting."""
        if self.accepted_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= timezone.now():
            return "expired"
        return "waiting"
