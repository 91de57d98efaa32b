"""The project of the page, for its navigation."""

from typing import Any

from django.http import HttpRequest


def projects(request: HttpRequest) -> dict[str, Any]:
    return {"project": getattr(request, "project", None), "projects": getattr(request, "projects", [])}
