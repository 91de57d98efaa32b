"""Stored reports, and the answers from elsewhere that some of them are about. No part of a study's record: removable.

Files lie under MEDIA_ROOT (see `turing.reports.files`) and are served by views that check rights.
"""

import uuid

from django.conf import settings as site
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from config.projects.models import ProjectField
from turing.models.studies import Study


class AnswerTable(models.Model):
    """A CSV file of answers that were collected elsewhere, read and found valid. Its owner alone sees it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField()
    name = models.CharField(max_length=200)
    file_name = models.CharField(max_length=200)  # as it was uploaded
    sha256 = models.CharField(max_length=64)
    reading = models.JSONField(default=dict)  # how columns and words are understood: turing.reports.reading
    n_readers = models.PositiveIntegerField()
    n_images = models.PositiveIntegerField()
    n_answers = models.PositiveIntegerField()
    created_by = models.ForeignKey(site.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="answer_tables")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InSight["AnswerTable"]()
    anywhere = models.Manager["AnswerTable"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("turing:answer_table", args=[self.pk])


class Report(models.Model):
    """One report: of a study or a table of answers, or of the difference to another. Made by its job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, null=True, blank=True, on_delete=models.CASCADE, related_name="reports")
    table = models.ForeignKey(AnswerTable, null=True, blank=True, on_delete=models.CASCADE, related_name="reports")
    # of a comparison: what the first is compared with
    other_study = models.ForeignKey(Study, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    other_table = models.ForeignKey(AnswerTable, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=420)
    settings = models.JSONField(default=dict)  # of the analysis: turing.reports.settings
    files = models.JSONField(default=list, blank=True)  # names below its folder; empty until it is made
    made_at = models.DateTimeField(null=True, blank=True)
    job = models.ForeignKey("worker.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(
        site.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("study__project", "table__project")
    objects = InSight["Report"]()
    anywhere = models.Manager["Report"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="report_about_one",
                condition=Q(study__isnull=False, table__isnull=True) | Q(study__isnull=True, table__isnull=False),
            ),
            models.CheckConstraint(
                name="report_one_other", condition=Q(other_study__isnull=True) | Q(other_table__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("turing:report_detail", args=[self.pk])

    @property
    def is_comparison(self) -> bool:
        return self.other_study_id is not None or self.other_table_id is not None
