"""Projects and their members. What belongs to a project names it by a `ProjectField`."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import models
from django.urls import reverse

from config.projects.scope import current_scope


class Project(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=50, unique=True)  # in addresses: /p/<slug>/
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="projects_made"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("projects:project_detail", args=[self.pk])


class Membership(models.Model):
    """That somebody works in a project. What they may do there follows from their role on the site."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"  # also chooses the members
        MEMBER = "member", "Member"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=["owner", "member"]), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


class ProjectField(models.ForeignKey):
    """The project that a record belongs to.

    Unless it is said: that of the record in its field `like`, or that of the running code, or the site's first one.
    """

    def __init__(self, *, like: str = "", **options: Any) -> None:
        self.like = like
        super().__init__(
            **{"to": Project, "on_delete": models.PROTECT, "editable": False, "related_name": "+", **options}
        )

    def deconstruct(self) -> Any:
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", arguments, options

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if add and value is None:
            related = getattr(model_instance, self.like) if self.like else None
            value = current_project_id() if related is None else related.project_id
            setattr(model_instance, self.attname, value)
        return value


def current_project_id() -> uuid.UUID:
    """Where the running code makes things: its project, and the site's first one where it has none.

    Raises PermissionDenied where no project is in sight.
    """
    scope = current_scope()
    if scope is None:
        return first_project().pk
    if not scope:
        raise PermissionDenied("You are in no project yet: make one, or ask the owner of one to add you.")
    return scope[0]


def first_project() -> Project:
    """The oldest one; a site that has none gets it."""
    return Project.objects.first() or Project.objects.get_or_create(slug="main", defaults={"name": "Main project"})[0]
