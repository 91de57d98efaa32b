"""Read-only: datasets change through imports and generators, images never."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from imaging.models import (
    CardChange,
    Dataset,
    DatasetReport,
    Fingerprint,
    QuarantinedImage,
    RegionAnnotator,
    RegionCrops,
    RegionTask,
    SignOff,
    Upload,
)


class _ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Dataset)
class DatasetAdmin(_ReadOnly):
    list_display = ("name", "origin", "is_phantom", "created_by", "created_at", "frozen_at")
    list_filter = ("origin", "is_phantom")
    search_fields = ("name", "description")


@admin.register(DatasetReport)
class DatasetReportAdmin(_ReadOnly):
    list_display = ("title", "kind", "dataset", "created_by", "created_at")
    list_filter = ("kind",)
    search_fields = ("title", "dataset__name")


@admin.register(Fingerprint)
class FingerprintAdmin(_ReadOnly):
    list_display = ("pixel_sha256",)
    search_fields = ("pixel_sha256",)


@admin.register(RegionTask)
class RegionTaskAdmin(_ReadOnly):
    list_display = ("name", "dataset", "n_images", "created_by", "created_at", "closed_at")
    search_fields = ("name", "dataset__name")


@admin.register(RegionAnnotator)
class RegionAnnotatorAdmin(_ReadOnly):
    list_display = ("task", "role", "code", "user")
    list_filter = ("role",)
    search_fields = ("task__name", "user__username")


@admin.register(RegionCrops)
class RegionCropsAdmin(_ReadOnly):
    list_display = ("dataset_name", "task", "rule", "side", "created_by", "created_at")
    search_fields = ("dataset_name", "task__name")


@admin.register(QuarantinedImage)
class QuarantinedImageAdmin(_ReadOnly):
    list_display = ("dataset", "label", "reason", "created_at")
    list_filter = ("reason",)
    search_fields = ("dataset__name",)


@admin.register(SignOff)
class SignOffAdmin(_ReadOnly):
    list_display = ("dataset", "decision", "label", "signed_by", "signed_at")
    list_filter = ("decision", "reason")
    search_fields = ("dataset__name", "note")


@admin.register(Upload)
class UploadAdmin(_ReadOnly):
    list_display = ("name", "size", "created_by", "created_at")


@admin.register(CardChange)
class CardChangeAdmin(_ReadOnly):
    list_display = ("dataset", "field", "changed_by", "changed_at")
