"""Read-only: datasets change through imports and generators, images never."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from imaging.models import CardChange, Dataset, DatasetReport, Fingerprint, Upload


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


@admin.register(Upload)
class UploadAdmin(_ReadOnly):
    list_display = ("name", "size", "created_by", "created_at")


@admin.register(CardChange)
class CardChangeAdmin(_ReadOnly):
    list_display = ("dataset", "field", "changed_by", "changed_at")
