"""Which project the running code works in.

A page works in one project, a job in that of its record, a request of the API in those of its user: it is set there,
once (`config.projects.middleware`, `worker.execution.child`), and every default manager of what belongs to a project
(`config.projects.managers`) leaves out what lies outside. So a page that forgets to ask who may see something shows
nothing, instead of everything. Commands, workers between jobs and readers' pages have no scope: they see all.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Scope = tuple[uuid.UUID, ...]

_scope: ContextVar[Scope | None] = ContextVar("project_scope", default=None)


def current_scope() -> Scope | None:
    """The projects in sight; None: all of them."""
    return _scope.get()


@contextmanager
def projects_in_sight(*projects: uuid.UUID) -> Iterator[None]:
    """Within it nothing of other projects is found. What is made belongs to the first one; without any, nothing is."""
    token = _scope.set(projects)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def all_projects_in_sight() -> Iterator[None]:
    """Within it everything is found again: for housekeeping that a page or a job sets off."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)
