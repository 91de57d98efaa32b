from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from api.models import StoredResult, Token


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Token)
class TokenAdmin(ReadOnly):
    list_display = ("prefix", "name", "user", "expires_at", "last_used_at", "revoked_at")
    exclude = ("secret_sha256",)


@admin.register(StoredResult)
class StoredResultAdmin(ReadOnly):
    list_display = ("key", "user", "status", "created_at")
