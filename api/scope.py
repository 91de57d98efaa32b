"""The one place through which every view gets its rows: what lies in the projects that the request works in."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import exceptions
from rest_framework.request import Request

from api.problems import refused
from config.projects.managers import models_in_projects, project_paths
from config.projects.models import Project
from config.projects.scope import current_scope
from config.projects.selectors import project_of_address, projects_of

HEADER = "X-Project"


def visible(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Rows in sight, also of a query that was made before any project was. What is left out is not there: 404."""
    scope = current_scope()
    if scope is None or queryset.model not in models_in_projects():
        return queryset
    wanted = Q()
    for path in project_paths(queryset.model):
        wanted |= Q(**{f"{path}__in": scope})
    return queryset.filter(wanted)


def projects_for(request: Request, values: dict[str, Any]) -> list[Any]:
    """Ids of the projects that a request works in; what it makes belongs to the first.

    The one that the header names; of an address with an id that of what it names; else all of the user's. Raises
    NotFound for a project that is not the user's, and ValidationError (422) where something is made and nobody can know
    in which of several projects.
    """
    own = projects_of(request.user)
    wanted = request.headers.get(HEADER)
    if wanted is not None:
        found = own.filter(slug=wanted).first() if "\0" not in wanted else None
        if found is None:
            raise exceptions.NotFound(f"You are in no project “{wanted[:50]}”. See /api/v1/projects/.")
        return [found.pk]
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return list(own.values_list("pk", flat=True))
    if "pk" in values:
        there = project_of_address(request.user, values, models_in_projects())
        return [there] if there is not None else list(own.values_list("pk", flat=True))
    projects: list[Project] = list(own[:2])
    if len(projects) > 1:
        raise refused("You are in several projects: say by its short name in which one to make this.", HEADER)
    return [one.pk for one in projects]
