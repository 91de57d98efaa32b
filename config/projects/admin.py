from typing import Any

from django.contrib import admin

from config.projects.models import Membership, Project


class _ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(_ReadOnly):
    list_display = ("name", "slug", "created_at")


@admin.register(Membership)
class MembershipAdmin(_ReadOnly):
    list_display = ("project", "user", "role", "added_at")
