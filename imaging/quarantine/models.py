"""What waits in quarantine, and the sign-off of each decision, which nobody can change (a trigger sees to it)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.projects.managers import InSight
from imaging.models import Dataset, Picture


class QuarantinedImage(Picture):
    """A picture that waits for a person to look at it. It becomes an `Image` of `dataset` when it is released."""

    class Reason(models.TextChoices):
        YES = "yes", "Marked as having something written into it"
        UNKNOWN = "unknown", "Nothing says whether something is written into it"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="quarantined")
    reason = models.CharField(max_length=16, choices=Reason)

    project_paths = ("dataset__project",)
    objects = InSight["QuarantinedImage"]()
    anywhere = models.Manager["QuarantinedImage"]()  # of all projects

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "pixel_sha256"], name="quarantined_unique_in_dataset"),
            models.CheckConstraint(name="quarantined_bit_depth_known", condition=Q(bit_depth__in=[8, 16])),
            models.CheckConstraint(name="quarantined_has_label", condition=~Q(label="")),
            models.CheckConstraint(name="quarantined_reason_known", condition=Q(reason__in=["yes", "unknown"])),
        ]


class SignOff(models.Model):
    """Who decided what about a picture in quarantine, and when. Inserted once; it goes with its dataset only."""

    class Decision(models.TextChoices):
        RELEASED = "released", "Released as it is"
        MASKED = "masked", "Released masked"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="sign_offs")
    decision = models.CharField(max_length=16, choices=Decision)
    statement = models.CharField(max_length=300)  # the words that were signed
    reason = models.CharField(max_length=16, choices=QuarantinedImage.Reason)  # why it waited
    label = models.CharField(max_length=100)
    source_pseudonym = models.CharField(max_length=32, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    rectangles = models.JSONField(
        default=list, blank=True
    )  # [x, y, width, height] in pixels, from the upper left corner
    sha256_before = models.CharField(max_length=64)
    sha256_after = models.CharField(max_length=64, blank=True)  # "" when rejected
    note = models.CharField(max_length=500, blank=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-signed_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="sign_off_hashes_fit_decision",
                condition=Q(decision="released", sha256_after=F("sha256_before"))
                | (Q(decision="masked") & ~Q(sha256_after="") & ~Q(sha256_after=F("sha256_before")))
                | Q(decision="rejected", sha256_after=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()} {self.sha256_before[:12]}"
