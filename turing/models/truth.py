"""What each image of a study really is, and what gives it away. Only building a study and its results read it.

Code that serves a reader must not import this module (an import contract checks it), nor follow `Trial.truth`
(a test watches the queries).
"""

from django.db import models
from django.db.models import Q

from turing.models.studies import Origin, Study, Trial


class TrialTruth(models.Model):
    """What the image really is; of a pair, what the left one is, the right one being the other. Only results code reads
    this table.
    """

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, primary_key=True, related_name="truth")
    origin = models.CharField(max_length=16, choices=Origin)
    label = models.CharField(max_length=100)
    image = models.ForeignKey("imaging.Image", on_delete=models.PROTECT, related_name="trial_truths")
    right_label = models.CharField(max_length=100, blank=True)
    right_image = models.ForeignKey(
        "imaging.Image", null=True, blank=True, on_delete=models.PROTECT, related_name="trial_truths_as_right"
    )
    # the same picture, of which this trial is the hidden repeat; pairs repeat with their sides kept
    repeat_of = models.ForeignKey(Trial, null=True, blank=True, on_delete=models.CASCADE, related_name="repeats")

    class Meta:
        constraints = [
            models.CheckConstraint(name="truth_origin_known", condition=Q(origin__in=Origin.values)),
            models.CheckConstraint(
                name="truth_no_repeat_of_itself", condition=Q(repeat_of__isnull=True) | ~Q(repeat_of=models.F("trial"))
            ),
        ]


class LeakReport(models.Model):
    """The leak audit at the opening of a study. Insert-only (migration 0004), as what it was made of."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, primary_key=True, related_name="leak_report")
    report = models.JSONField()  # of turing.blinding.audit.LeakAudit.to_document, with versions
    blocked = models.BooleanField()  # the audit's verdict; such a study is open only for a written reason
    override_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="leak_override_has_reason",
                condition=Q(blocked=False, override_reason="") | (Q(blocked=True) & ~Q(override_reason="")),
            )
        ]
