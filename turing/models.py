"""Studies and what readers do in them.

Code that serves a reader reads Study, Trial, ReadingSession, Presentation and Answer. Truth stands in TrialTruth alone,
which that code never joins; a Trial knows only the pixels that are shown (a rendered file under a random name).
"""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from imaging.models import Dataset, Image


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
    question = models.CharField(max_length=300, default="Is this radiograph real or synthetic?")
    instructions = models.TextField(blank=True)  # Markdown
    positive_class = models.CharField(max_length=16, choices=Origin, default=Origin.REAL)

    real_dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="studies_as_real")
    synthetic_dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="studies_as_synthetic")
    real_filters = models.JSONField(default=dict, blank=True)
    synthetic_filters = models.JSONField(default=dict, blank=True)
    n_real = models.PositiveIntegerField()
    n_synthetic = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    image_size = models.PositiveIntegerField()  # px; every image is rendered to this square
    is_example = models.BooleanField(default=False)  # made by the demo, with simulated readers

    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    protocol_sha256 = models.CharField(max_length=64, blank=True)  # set at opening
    manifest_sha256 = models.CharField(max_length=64, blank=True)  # set at opening
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
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
            models.CheckConstraint(name="trial_position_from_one", condition=Q(position__gte=1)),
        ]


class TrialTruth(models.Model):
    """What the image really is. Only results code reads this table."""

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, primary_key=True, related_name="truth")
    origin = models.CharField(max_length=16, choices=Origin)
    label = models.CharField(max_length=100)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="trial_truths")

    class Meta:
        constraints = [models.CheckConstraint(name="truth_origin_known", condition=Q(origin__in=Origin.values))]


class Invitation(models.Model):
    """A link for one reader. Only the hash of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    secret_sha256 = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=200, blank=True)  # for the investigator: whom the link is for
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]


class ReadingSession(models.Model):
    """One reader in one study."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="sessions")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="reading_sessions"
    )
    reader_code = models.CharField(max_length=16)  # R01, R02, ...: all that results ever name
    is_simulated = models.BooleanField(default=False)  # answers drawn by a program; labelled wherever they show
    instructions_read_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["reader_code"]
        constraints = [
            models.UniqueConstraint(fields=["study", "reader"], name="session_reader_unique"),
            models.UniqueConstraint(fields=["study", "reader_code"], name="session_code_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.reader_code} in {self.study}"


def new_presentation_token() -> str:
    return secrets.token_urlsafe(24)


class Presentation(models.Model):
    """A trial being shown to a reader: the opaque address of its pixels, and the server's own clock."""

    session = models.ForeignKey(ReadingSession, on_delete=models.PROTECT, related_name="presentations")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    token = models.CharField(max_length=64, unique=True, default=new_presentation_token)
    created_at = models.DateTimeField(auto_now_add=True)
    first_served_at = models.DateTimeField(null=True, blank=True)  # pixels sent for the first time
    last_served_at = models.DateTimeField(null=True, blank=True)
    times_served = models.PositiveIntegerField(default=0)  # above 1: reloaded, came back, or second tab

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "trial"], name="presentation_unique")]


class Answer(models.Model):
    """Final. Insert-only: triggers in the database refuse any change or removal (migration 0002)."""

    session = models.ForeignKey(ReadingSession, on_delete=models.PROTECT, related_name="answers")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=16, choices=Origin)
    idempotency_key = models.UUIDField()
    reading_ms = models.PositiveIntegerField(null=True, blank=True)  # page's monotonic clock, first paint to response
    hidden_ms = models.PositiveIntegerField(default=0)  # part of it with the tab hidden
    server_ms = models.PositiveIntegerField()  # server's clock, first pixels sent to answer received
    flags = models.JSONField(default=list, blank=True)  # why the time may be wrong; see turing.timing
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "trial"], name="answer_unique"),
            models.UniqueConstraint(fields=["session", "idempotency_key"], name="answer_key_unique"),
            models.CheckConstraint(name="answer_value_known", condition=Q(value__in=Origin.values)),
        ]
