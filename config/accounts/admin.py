from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from config.accounts.models import User


@admin.register(User)
class AccountAdmin(UserAdmin):
    list_display = ("username", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Turing Reader", {"fields": ("role",)}))
    add_fieldsets = (*UserAdmin.add_fieldsets, ("Turing Reader", {"fields": ("role",)}))
