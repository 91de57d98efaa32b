"""Read-only: experiments change through their jobs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from classification.models import Classifier, Experiment, Explanation, ImageScore, Scoring, ScreenedImage, Screening


class _ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Experiment)
class ExperimentAdmin(_ReadOnly):
    list_display = ("name", "kind", "dataset", "synthetic", "is_demonstration", "created_by", "created_at")
    list_filter = ("kind", "is_demonstration")
    search_fields = ("name",)


@admin.register(Classifier)
class ClassifierAdmin(_ReadOnly):
    list_display = ("experiment", "arm", "seed", "created_at")


@admin.register(Scoring)
class ScoringAdmin(_ReadOnly):
    list_display = ("classifier", "study", "dataset", "created_by", "created_at")


@admin.register(ImageScore)
class ImageScoreAdmin(_ReadOnly):
    list_display = ("scoring", "image", "score", "was_learnt")


@admin.register(Explanation)
class ExplanationAdmin(_ReadOnly):
    list_display = ("title", "classifier", "class_name", "layer", "method", "created_by", "created_at")
    list_filter = ("method",)
    search_fields = ("title",)


@admin.register(Screening)
class ScreeningAdmin(_ReadOnly):
    list_display = ("dataset", "looked_for", "reviewer", "created_by", "created_at", "finished_at")


@admin.register(ScreenedImage)
class ScreenedImageAdmin(_ReadOnly):
    list_display = ("screening", "place", "image", "score", "decision", "reason", "decided_by", "decided_at")
    list_filter = ("decision", "reason")
