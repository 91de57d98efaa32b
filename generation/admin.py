"""Read-only: runs, checkpoints and samples change through their jobs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from generation.models import Checkpoint, SampleRun, TrainingRun


class _ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TrainingRun)
class TrainingRunAdmin(_ReadOnly):
    list_display = ("name", "generator", "dataset", "is_demonstration", "created_by", "created_at")
    list_filter = ("generator", "is_demonstration")
    search_fields = ("name",)


@admin.register(Checkpoint)
class CheckpointAdmin(_ReadOnly):
    list_display = ("run", "iteration", "sha256", "created_at")


@admin.register(SampleRun)
class SampleRunAdmin(_ReadOnly):
    list_display = ("dataset_name", "checkpoint", "seed", "created_by", "created_at")
    search_fields = ("dataset_name",)
