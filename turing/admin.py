"""Read-only: a study is changed by services alone, which keep its record whole. Truth and answers are not shown."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from turing.models import ReadingSession, Study


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "created_by", "created_at", "opened_at", "closed_at")
    list_filter = ("status",)


@admin.register(ReadingSession)
class ReadingSessionAdmin(ReadOnlyAdmin):
    list_display = ("study", "reader_code", "is_simulated", "created_at", "finished_at")
    list_filter = ("study",)
    exclude = ("reader",)  # who a code is stands on no page
