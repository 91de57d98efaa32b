from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from config.accounts.models import AccountInvitation, SignIn, User, WebSession


@admin.register(User)
class AccountAdmin(UserAdmin):
    list_display = ("username", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Turing Reader", {"fields": ("role",)}))
    add_fieldsets = (*UserAdmin.add_fieldsets, ("Turing Reader", {"fields": ("role",)}))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: answers and the audit chain name the account's number. Erasing removes who it was."""
        return False


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccountInvitation)
class AccountInvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "role", "state", "created_by", "created_at", "expires_at", "accepted_by")
    list_filter = ("role",)
    exclude = ("secret_sha256",)


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "outcome", "browser", "address")
    list_filter = ("outcome",)


@admin.register(WebSession)
class WebSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "browser", "address", "began_at", "last_seen_at", "expire_date")
    exclude = ("session_key", "session_data")
