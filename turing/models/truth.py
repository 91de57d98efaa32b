"""What each image of a study really is. Only building a study and its results read this table.

Code that serves a reader must not import this module (an import contract checks it), nor follow `Trial.truth`
(a test watches the queries).
"""

from django.db import models
from django.db.models import Q

from turing.models.studies import Origin, Trial


class TrialTruth(models.Model):
    """What the image really is. Only results code reads this table."""

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE, primary_key=True, related_name="truth")
    origin = models.CharField(max_length=16, choices=Origin)
    label = models.CharField(max_length=100)
    image = models.ForeignKey("imaging.Image", on_delete=models.PROTECT, related_name="trial_truths")

    class Meta:
        constraints = [models.CheckConstraint(name="truth_origin_known", condition=Q(origin__in=Origin.values))]
