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

from config.projects.managers import InSight
from config.projects.models import ProjectField
from turing.texts import DEFAULT_QUESTION

# of turing.blinding, which this module may not import: readers' code imports this one
DEFAULT_LEAK_LIMIT = 0.75


class Origin(models.TextChoices):
    """Truth of an image, and the answer about it."""

    REAL = "real", "Real"
    SYNTHETIC = "synthetic", "Synthetic"


class Response(models.TextChoices):
    """What an answer can say: of one image what it is, of a pair which side is of the class that is asked for."""

    REAL = Origin.REAL.value, "Real"
    SYNTHETIC = Origin.SYNTHETIC.value, "Synthetic"
    LEFT = "left", "Left"
    RIGHT = "right", "Right"
    NONE = "none", "No answer in time"


class Scale(models.TextChoices):
    """How a reader answers; see turing.scales."""

    BINARY = "binary", "Real or synthetic"
    CONFIDENCE = "confidence", "Six steps, from surely real to surely synthetic"
    PERCENT = "percent", "0 to 100: how likely it is synthetic"
    PAIR = "pair", "Two images side by side, one of each kind: which is it? (2AFC)"


class TrialOrder(models.TextChoices):
    SAME = "same", "The same for all readers"
    PER_READER = "per_reader", "Drawn anew for each reader"
    BLOCKS = "blocks", "In blocks: their order, and the order within each, drawn anew for each reader"


class MarkKind(models.TextChoices):
    NONE = "", "No marks"
    POINT = "point", "Points"
    BOX = "box", "Boxes"


class GroupBy(models.TextChoices):
    NOTHING = "", "No groups"
    YEARS = "years", "Years of experience in radiology"
    GRADE = "grade", "Grade"


class Grade(models.TextChoices):
    STUDENT = "student", "Student"
    RESIDENT = "resident", "Resident"
    FELLOW = "fellow", "Fellow"
    RADIOLOGIST = "radiologist", "Board-certified radiologist"
    OTHER = "other", "Other"


class Study(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open for reading"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField(like="real_dataset")
    name = models.CharField(max_length=200)
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
    bit_depth = models.PositiveSmallIntegerField(default=8)  # of what readers receive: 8 or 16
    is_example = models.BooleanField(default=False)  # made by the demo, with simulated readers
    # AUC; a study whose sides are told apart better than this, by anything but the picture, is not opened
    leak_limit = models.FloatField(default=DEFAULT_LEAK_LIMIT)

    # How it is read. Each is off, or the plainest, unless chosen.
    scale = models.CharField(max_length=16, choices=Scale, default=Scale.BINARY)
    # words of the two answers, for a phase whose readers shall not know what is asked; unused by pairs
    real_label = models.CharField(max_length=40, default=Origin.REAL.label)
    synthetic_label = models.CharField(max_length=40, default=Origin.SYNTHETIC.label)
    mark_kind = models.CharField(max_length=8, choices=MarkKind, default=MarkKind.NONE, blank=True)
    asks_comment = models.BooleanField(default=False)
    n_practice = models.PositiveIntegerField(default=0)  # trials before the first that counts; half of each kind
    practice_feedback = models.BooleanField(default=False)  # after each of them, what it was
    n_repeats = models.PositiveIntegerField(default=0)  # trials shown a second time, unannounced; half of each kind
    order = models.CharField(max_length=16, choices=TrialOrder, default=TrialOrder.SAME)
    block_size = models.PositiveIntegerField(default=0)  # trials; for order in blocks
    break_every = models.PositiveIntegerField(default=0)  # trials; 0: no breaks
    exposure_limit_ms = models.PositiveIntegerField(null=True, blank=True)  # then the image goes; None: no limit
    time_limit_ms = models.PositiveIntegerField(null=True, blank=True)  # then the next comes; None: no limit
    shows_total = models.BooleanField(default=True)  # readers are told how many images there are
    shows_score = models.BooleanField(default=False)  # to readers who finished, once the study is closed
    consent = models.TextField(blank=True)  # Markdown, to be agreed to before anything else; empty: not asked
    closing_text = models.TextField(blank=True)  # Markdown, after the last image
    group_by = models.CharField(max_length=8, choices=GroupBy, default=GroupBy.NOTHING, blank=True)
    groups = models.JSONField(default=list, blank=True)  # see turing.grouping
    # a second session: the images of that study in a new order, for its readers, so long after they finished it
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followed_by")
    washout_days = models.PositiveIntegerField(default=0)

    # What the analysis has to have declared before it; None: not declared. See turing.declared.
    equivalence_margin = models.FloatField(null=True, blank=True)  # around an accuracy of 0.5: 0.1 means 40 % to 60 %
    confidence_level = models.FloatField(null=True, blank=True)  # of intervals; tests of equivalence have the rest
    # a reading time beyond these is an outlier: the answer counts, and models of time are fitted without it, too
    shortest_time_ms = models.PositiveIntegerField(null=True, blank=True)
    longest_time_ms = models.PositiveIntegerField(null=True, blank=True)
    outlier_mads = models.FloatField(null=True, blank=True)  # so is one that far from the reader's own median

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

    objects = InSight["Study"]()
    anywhere = models.Manager["Study"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "studies"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="study_name_in_project"),
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
            models.CheckConstraint(name="study_bit_depth_known", condition=Q(bit_depth__in=[8, 16])),
            models.CheckConstraint(name="study_scale_known", condition=Q(scale__in=Scale.values)),
            models.CheckConstraint(name="study_mark_kind_known", condition=Q(mark_kind__in=MarkKind.values)),
            models.CheckConstraint(name="study_group_by_known", condition=Q(group_by__in=GroupBy.values)),
            models.CheckConstraint(
                name="study_order_known",
                condition=Q(order__in=[TrialOrder.SAME, TrialOrder.PER_READER], block_size=0)
                | Q(order=TrialOrder.BLOCKS, block_size__gte=2),
            ),
            models.CheckConstraint(
                name="study_pairs_are_even", condition=~Q(scale=Scale.PAIR) | Q(n_real=models.F("n_synthetic"))
            ),
            models.CheckConstraint(
                name="study_washout_has_first", condition=Q(washout_days=0) | Q(follows__isnull=False)
            ),
            models.CheckConstraint(
                name="study_margin_in_range",
                condition=Q(equivalence_margin=None) | Q(equivalence_margin__gt=0, equivalence_margin__lt=0.5),
            ),
            models.CheckConstraint(
                name="study_confidence_in_range",
                condition=Q(confidence_level=None) | Q(confidence_level__gt=0.5, confidence_level__lt=1),
            ),
            models.CheckConstraint(
                name="study_margin_has_confidence",
                condition=Q(equivalence_margin=None) | Q(confidence_level__isnull=False),
            ),
            models.CheckConstraint(
                name="study_times_leave_some",
                condition=Q(shortest_time_ms=None)
                | Q(longest_time_ms=None)
                | Q(shortest_time_ms__lt=models.F("longest_time_ms")),
            ),
            models.CheckConstraint(
                name="study_outlier_mads_positive", condition=Q(outlier_mads=None) | Q(outlier_mads__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("turing:study_detail", args=[self.pk])


class Phase(models.Model):
    """A later phase of a study, with images, words and instructions of its own. The first phase is the study itself.

    Frozen once the study is open: triggers refuse any change (migration 0006).
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="later_phases")
    number = models.PositiveIntegerField()  # from 2
    title = models.CharField(max_length=100)  # for the investigator; readers see "Part 2"
    question = models.CharField(max_length=300)
    instructions = models.TextField(blank=True)  # Markdown, shown before its first image
    real_label = models.CharField(max_length=40, default=Origin.REAL.label)
    synthetic_label = models.CharField(max_length=40, default=Origin.SYNTHETIC.label)
    real_dataset = models.ForeignKey("imaging.Dataset", on_delete=models.PROTECT, related_name="phases_as_real")
    synthetic_dataset = models.ForeignKey(
        "imaging.Dataset", on_delete=models.PROTECT, related_name="phases_as_synthetic"
    )
    real_filters = models.JSONField(default=dict, blank=True)
    synthetic_filters = models.JSONField(default=dict, blank=True)
    n_real = models.PositiveIntegerField()
    n_synthetic = models.PositiveIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="phase_number_unique"),
            models.CheckConstraint(name="phase_number_from_two", condition=Q(number__gte=2)),
            models.CheckConstraint(name="phase_has_images", condition=Q(n_real__gte=1, n_synthetic__gte=1)),
        ]


class Trial(models.Model):
    """One image, or pair of images, to be answered. In which order a reader meets them stands in the session."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    position = models.PositiveIntegerField()  # from 1; the order of the reader whose study has the same for all
    phase = models.PositiveIntegerField(default=1)  # from 1
    block = models.PositiveIntegerField(default=0)  # from 1 in each phase; 0: the order has no blocks
    is_practice = models.BooleanField(default=False)  # not part of the analysis; before all others
    # random name under MEDIA_ROOT/stimuli; raw grey pixels. Of a pair, the left image.
    stimulus_file = models.CharField(max_length=200)
    stimulus_sha256 = models.CharField(max_length=64)
    right_file = models.CharField(max_length=200, blank=True)  # of a pair; else empty
    right_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="trial_position_unique"),
            models.CheckConstraint(name="trial_position_from_one", condition=Q(position__gte=1)),
            models.CheckConstraint(
                name="trial_pair_has_both",
                condition=Q(right_file="", right_sha256="") | (~Q(right_file="") & ~Q(right_sha256="")),
            ),
        ]


class PracticeFeedback(models.Model):
    """What a practice trial was, of a study that tells its readers: the only truth that code serving them can reach.

    Insert-only, and refused for trials that are no practice, by trigger (migration 0006).
    """

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, primary_key=True, related_name="feedback")
    value = models.CharField(max_length=16, choices=Response)  # the right answer


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

    project_paths = ("study__project",)
    objects = InSight["Invitation"]()

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
