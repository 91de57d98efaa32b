"""Maps of what a classifier looked at in some images: what was asked, and what came of it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from worker.models import Job


class Explanation(models.Model):
    """Grad-CAM of one classifier for some images. Written once, read for ever."""

    class Method(models.TextChoices):
        """As `classification.cnn.grad_cam.METHODS` names them, without loading PyTorch."""

        GRAD_CAM = "grad_cam", "Grad-CAM"
        GRAD_CAM_PLUS_PLUS = "grad_cam_plus_plus", "Grad-CAM++"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    classifier = models.ForeignKey("Classifier", on_delete=models.PROTECT, related_name="explanations")
    image_ids = models.JSONField()  # of imaging.Image, in the order of the page
    class_name = models.CharField(max_length=100)  # what speaks for this class is shown
    layer = models.CharField(max_length=100, blank=True)  # "": the last one whose maps can say where
    method = models.CharField(max_length=32, choices=Method, default=Method.GRAD_CAM)
    results = models.JSONField(default=dict, blank=True)  # {} until the job has ended; classification.explanation_job
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="explanation")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("classifier__experiment__project",)
    objects = InSight["Explanation"]()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="explanation_method_known", condition=Q(method__in=["grad_cam", "grad_cam_plus_plus"])
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("classification:explanation_detail", args=[self.pk])
