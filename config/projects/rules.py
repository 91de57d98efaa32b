"""Who may do what with a project, as predicates that read as sentences."""

from typing import Any

import rules

from config.accounts.rules import is_investigator
from config.projects.models import Project
from config.projects.selectors import is_owner, projects_of


@rules.predicate
def is_in_project(user: Any, project: Project) -> bool:
    return user.is_authenticated and projects_of(user).filter(pk=project.pk).exists()


@rules.predicate
def owns_project(user: Any, project: Project) -> bool:
    return user.is_authenticated and is_owner(user, project)


can_make_project = is_investigator
can_view_project = is_in_project & is_investigator
can_choose_members = is_in_project & is_investigator & owns_project
