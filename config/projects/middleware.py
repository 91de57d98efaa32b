"""One page, one project: from the address /p/<slug>/..., or the only project that there is for a user.

The prefix goes in front of every address of the investigators' pages, so that two tabs may work in two projects and a
link leads to what was meant. It is taken off before Django looks the address up, and put on by `reverse`, as the
prefix under which a whole site may be mounted is.
"""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, get_script_prefix, resolve, set_script_prefix

from config.accounts.models import User
from config.projects.managers import models_in_projects
from config.projects.models import Project
from config.projects.scope import projects_in_sight
from config.projects.selectors import project_of_address, projects_of

PREFIX = re.compile(r"^/p/(?P<slug>[-\w]{1,50})(?P<rest>/.*)$", re.ASCII)
# What belongs to no project: people's own pages, and all that readers see, whose addresses must not name a project.
OUTSIDE = (
    "accounts",
    "account",
    "people",
    "join",
    "admin",
    "my-studies",
    "invite",
    "read",
    "api",
    "operations",
    "livez",
    "readyz",
    "metrics",
    "static",
)

GetResponse = Callable[[HttpRequest], HttpResponse]


class ProjectMiddleware:
    """Sets `request.project` (None outside projects), `request.projects` and what the page's queries may find."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = PREFIX.match(request.path_info)
        path = found["rest"] if found else request.path_info
        request.project, request.projects = None, []  # type: ignore[attr-defined]
        if _is_outside(path):
            if found and _first_part(path) != "accounts":  # whose forms stand on every page
                return redirect(path) if request.method in ("GET", "HEAD") else _not_found(request)
            request.path_info = path
            return self.get_response(request)
        user = request.user
        if not isinstance(user, User) or not user.works_in_projects:
            return _not_found(request) if found and user.is_authenticated else self._prefixed(request, found)
        return self._in_project(request, user, found)

    def _in_project(self, request: HttpRequest, user: User, found: "re.Match[str] | None") -> HttpResponse:
        projects = list(projects_of(user))
        request.projects = projects  # type: ignore[attr-defined]
        if found:
            project = next((one for one in projects if one.slug == found["slug"]), None)
            if project is None:
                return _not_found(request)
        elif len(projects) > 1 and request.method in ("GET", "HEAD"):
            return redirect(f"/p/{_meant(request, user, projects).slug}{request.get_full_path()}")
        else:
            project = projects[0] if projects else None
        request.project = project  # type: ignore[attr-defined]
        with projects_in_sight(*([project.pk] if project else [])):
            response = self._prefixed(request, found)
        if response.status_code == 404 and project is not None and len(projects) > 1:
            return self._elsewhere(request, user, projects) or response
        return response

    def _prefixed(self, request: HttpRequest, found: "re.Match[str] | None") -> HttpResponse:
        if not found:
            return self.get_response(request)
        before = get_script_prefix()
        request.path_info = found["rest"]
        set_script_prefix(f"{before}p/{found['slug']}/")
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(before)

    def _elsewhere(self, request: HttpRequest, user: User, projects: list[Project]) -> HttpResponse | None:
        """The page that says in which other project of the user something lies."""
        there = _project_of_path(request.path_info, user)
        project = next((one for one in projects if one.pk == there), None)
        if project is None or project == request.project:  # type: ignore[attr-defined]
            return None
        context = {"there": project, "address": f"/p/{project.slug}{request.path_info}"}
        return render(request, "projects/elsewhere.html", context, status=404)


def _meant(request: HttpRequest, user: User, projects: list[Project]) -> Project:
    """Where an address without a project leads: to that of what it names, or to the user's first one."""
    there = _project_of_path(request.path_info, user)
    return next((one for one in projects if one.pk == there), projects[0])


def _project_of_path(path: str, user: User) -> uuid.UUID | None:
    try:
        values = resolve(path).kwargs
    except Resolver404:
        return None
    return project_of_address(user, values, models_in_projects())


def _is_outside(path: str) -> bool:
    return _first_part(path) in OUTSIDE


def _first_part(path: str) -> str:
    """ "" of an address such as "*" or "//read", which is none of ours and must not be redirected to."""
    return path[1:].partition("/")[0]


def _not_found(request: HttpRequest) -> HttpResponse:
    return render(request, "404.html", status=404)
