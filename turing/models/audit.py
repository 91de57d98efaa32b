"""The audit chain: what was done to studies, by whom, and what it wrote, each event bound to the one before by a hash.

Append-only: triggers refuse any change or removal (migration 0003). Written by `turing.audit.services` alone, which
holds the rule for the hash; checked by `turing.audit.verification`.
"""

from django.db import models
from django.db.models import Q


class AuditEvent(models.Model):
    sequence = models.PositiveBigIntegerField(primary_key=True)  # from 1, without gaps
    at = models.DateTimeField()
    actor = models.BigIntegerField(null=True)  # key of a user, never a name; no foreign key: accounts may be deleted
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)  # a table
    object_id = models.CharField(max_length=64)
    details = models.TextField()  # canonical JSON; text, so that every byte of it is under the hash
    # unique, as the sequence is: two events cannot follow the same one, so the chain cannot fork
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["sequence"]
        constraints = [models.CheckConstraint(name="audit_sequence_from_one", condition=Q(sequence__gte=1))]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"
