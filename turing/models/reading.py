"""What readers do: their session in a study, the image being shown, and their final answers."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from turing.models.studies import Grade, Response, Study, Trial


class ReadingSession(models.Model):
    """One reader in one study."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="sessions")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="reading_sessions"
    )
    reader_code = models.CharField(max_length=16)  # R01, R02, ...: all that results ever name
    is_simulated = models.BooleanField(default=False)  # answers drawn by a program; labelled wherever they show
    # Trial.position of each trial, in the order in which this reader meets them. Drawn when the reader joins; a trigger
    # refuses any change (migration 0006).
    trial_order = models.JSONField(default=list)
    available_from = models.DateTimeField(null=True, blank=True)  # of a second session: the end of the washout
    consented_at = models.DateTimeField(null=True, blank=True)
    # as declared at the start, when the study has groups; the group by the rule that was fixed at opening
    years_experience = models.FloatField(null=True, blank=True)
    grade = models.CharField(max_length=16, choices=Grade, blank=True)
    reader_group = models.CharField(max_length=40, blank=True)
    instructions_read_at = models.DateTimeField(null=True, blank=True)
    phase_read = models.PositiveIntegerField(default=1)  # the last phase whose instructions the reader has read
    # written when the study closes, and only for readers whose study shows a score
    n_correct = models.PositiveIntegerField(null=True, blank=True)
    n_scored = models.PositiveIntegerField(null=True, blank=True)
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

    @property
    def is_available(self) -> bool:
        """Reading may start: there is no washout, or it is over. Of a second session it waits for the first to end."""
        if self.study.follows_id is None:
            return True
        return self.available_from is not None and self.available_from <= timezone.now()


def new_presentation_token() -> str:
    return secrets.token_urlsafe(24)


class Presentation(models.Model):
    """A trial that a reader is at, or comes to next: the opaque address of its pixels, and the server's own clock.

    At most one has `became_current_at` and no answer: the current one. The one after it may exist without, so that its
    pixels can be fetched ahead; it cannot be answered.
    """

    session = models.ForeignKey(ReadingSession, on_delete=models.PROTECT, related_name="presentations")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()  # from 1, in the order of the session
    token = models.CharField(max_length=64, unique=True, default=new_presentation_token)
    created_at = models.DateTimeField(auto_now_add=True)
    became_current_at = models.DateTimeField(null=True, blank=True)  # the answer before was stored
    sent_ahead_at = models.DateTimeField(null=True, blank=True)  # pixels sent before that, for the first time
    # When the reader could first see it: pixels sent while current, or becoming current with pixels sent ahead.
    first_served_at = models.DateTimeField(null=True, blank=True)
    last_served_at = models.DateTimeField(null=True, blank=True)
    # Showings: being sent while current, or becoming current with pixels sent ahead. Above 1: reloaded, or second tab.
    times_served = models.PositiveIntegerField(default=0)
    after_break = models.BooleanField(default=False)  # sent ahead, then the reader stopped before it became current

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "trial"], name="presentation_unique"),
            models.UniqueConstraint(fields=["session", "position"], name="presentation_position_unique"),
        ]


class Attendance(models.Model):
    """One load of the reading page. The newest of a session may answer; a page of an older one says that reading goes
    on elsewhere. Keeps what the page told about its screen; None where a browser does not say.
    """

    session = models.ForeignKey(ReadingSession, on_delete=models.PROTECT, related_name="attendances")
    token = models.CharField(max_length=64, unique=True, default=new_presentation_token)
    started_at = models.DateTimeField(auto_now_add=True)
    browser = models.CharField(max_length=300, blank=True)  # user agent
    screen_width = models.PositiveIntegerField(null=True, blank=True)  # CSS px
    screen_height = models.PositiveIntegerField(null=True, blank=True)  # CSS px
    pixel_ratio = models.FloatField(null=True, blank=True)  # screen px for one CSS px; browser zoom is part of it
    zoom_percent = models.PositiveIntegerField(null=True, blank=True)  # browser zoom, as far as a page can tell
    stage_side = models.PositiveIntegerField(null=True, blank=True)  # screen px: side of the largest square it can show
    # the one-off display check; None when this page load did not ask
    sees_dark_patch = models.BooleanField(null=True, blank=True)
    sees_light_patch = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ["id"]


class Answer(models.Model):
    """Final. Insert-only: triggers in the database refuse any change or removal (migration 0002)."""

    session = models.ForeignKey(ReadingSession, on_delete=models.PROTECT, related_name="answers")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()  # from 1, in the order of the session
    value = models.CharField(max_length=16, choices=Response)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)  # on the scale of the study; higher: synthetic
    marks = models.JSONField(default=list, blank=True)  # see turing.marks
    comment = models.TextField(blank=True)
    idempotency_key = models.UUIDField()
    reading_ms = models.PositiveIntegerField(null=True, blank=True)  # page's monotonic clock, first paint to response
    hidden_ms = models.PositiveIntegerField(default=0)  # part of it with the tab hidden
    paused_ms = models.PositiveIntegerField(default=0)  # not part of it: image taken off the screen by the pause button
    server_ms = models.PositiveIntegerField()  # server's clock, from first_served_at to answer received
    flags = models.JSONField(default=list, blank=True)  # why the time may be wrong; see turing.timing
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "trial"], name="answer_unique"),
            models.UniqueConstraint(fields=["session", "idempotency_key"], name="answer_key_unique"),
            models.UniqueConstraint(fields=["session", "position"], name="answer_position_unique"),
            models.CheckConstraint(name="answer_value_known", condition=Q(value__in=Response.values)),
            models.CheckConstraint(
                name="answer_rating_in_range", condition=Q(rating__isnull=True) | Q(rating__lte=100)
            ),
        ]
