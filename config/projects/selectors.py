"""Reads of projects and memberships."""

import uuid
from typing import Any

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, UUIDField

from config.accounts.models import User
from config.projects.models import Membership, Project


def projects_of(user: User) -> QuerySet[Project]:
    """Those that the user may work in: an administrator in all, everybody else where they are a member."""
    if not user.is_active:
        return Project.objects.none()
    if user.is_administrator:
        return Project.objects.all()
    return Project.objects.filter(Exists(Membership.objects.filter(project=OuterRef("pk"), user=user)))


def is_owner(user: User, project: Project) -> bool:
    return user.is_administrator or project.memberships.filter(user=user, role=Membership.Role.OWNER).exists()


def listed_projects(user: User) -> QuerySet[Any]:
    """For the page of projects: those of the user, with `n_members` and `is_mine` (owned)."""
    own = Membership.objects.filter(project=OuterRef("pk"), user=user, role=Membership.Role.OWNER)
    return (
        projects_of(user).annotate(n_members=Count("memberships", distinct=True), is_owned=Exists(own)).order_by("name")
    )


def members_of(project: Project) -> QuerySet[Membership]:
    return project.memberships.select_related("user").order_by("user__username")


def find_members_to_add(project: Project) -> QuerySet[User]:
    """People with work in a project to do who are not in this one."""
    inside = Q(pk__in=project.memberships.values("user"))
    return User.objects.filter(is_active=True).exclude(role=User.Role.READER).exclude(inside).order_by("username")


def project_of_address(
    user: User, values: dict[str, Any], scoped_models: dict[type[Model], tuple[str, ...]]
) -> uuid.UUID | None:
    """The project, one of the user's, in which an id of an address is found; None: in none of them.

    `scoped_models`: each model with its paths to the project. Called only when a page was not found.
    """
    ids = [value for value in values.values() if isinstance(value, uuid.UUID)]
    if not ids:
        return None
    own = projects_of(user)
    for model, paths in scoped_models.items():
        for path in paths if isinstance(model._meta.pk, UUIDField) else ():
            found = model._base_manager.filter(pk__in=ids, **{f"{path}__in": own}).values_list(path, flat=True).first()
            if found is not None:
                return found
    return None
