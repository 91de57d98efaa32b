"""The default managers of what belongs to projects: they find what the running code may see (`projects.scope`)."""

from typing import TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Q

from config.projects.scope import current_scope

M = TypeVar("M", bound=models.Model)


class InSight(models.Manager[M]):
    """Only records of the projects in sight.

    The model's `project_paths` lead to its project, ("dataset__project",), unless it has a field `project` itself; with
    several paths one that leads there is enough. A query keeps what was in sight when it was made: do not make
    one while a module is imported; forms take theirs in `__init__`. Housekeeping, for which something in another
    project must not count as gone, uses the models' manager `anywhere`.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        found = super().get_queryset()
        scope = current_scope()
        if scope is None:
            return found
        wanted = Q()
        for path in project_paths(self.model):
            wanted |= Q(**{path: scope[0]}) if len(scope) == 1 else Q(**{f"{path}__in": scope})
        return found.filter(wanted)


def project_paths(model: type[models.Model]) -> tuple[str, ...]:
    return getattr(model, "project_paths", ("project",))


def models_in_projects() -> dict[type[models.Model], tuple[str, ...]]:
    """Every model whose default manager minds projects, with its paths to the project."""
    found = {}
    for model in apps.get_models():
        if isinstance(model._default_manager, InSight):
            found[model] = project_paths(model)
    return found
