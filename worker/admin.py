"""Jobs and workers in the administration pages: to look at. Jobs are steered on their own pages, where
the rules hold.
"""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from worker.models import Job, WorkerRecord


class LookOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(LookOnly):
    list_display = ("title", "kind", "state", "queue", "attempt", "created_by", "created_at")
    list_filter = ("state", "queue", "kind")
    search_fields = ("title", "id")


@admin.register(WorkerRecord)
class WorkerRecordAdmin(LookOnly):
    list_display = ("name", "host", "queues", "concurrency", "version", "started_at", "seen_at")
