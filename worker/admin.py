"""Jobs in the administration pages: to look at. They are steered on their own pages, where the rules hold."""

from django.contrib import admin
from django.http import HttpRequest

from worker.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ("title", "kind", "state", "queue", "attempt", "created_by", "created_at")
    list_filter = ("state", "queue", "kind")
    search_fields = ("title", "id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
