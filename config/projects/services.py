"""Verbs on projects: make, rename, choose the members."""

import secrets

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from config.accounts.models import User
from config.projects.models import Membership, Project, first_project


class ProjectError(ValueError):
    """What was asked cannot be done; the text says why and what to do."""


@transaction.atomic
def create_project(*, name: str, by: User | None, description: str = "") -> Project:
    """A project whose owner is the one who makes it. Raises ProjectError when the name is taken or empty."""
    name = name.strip()
    if not name:
        raise ProjectError("A project needs a name.")
    try:
        with transaction.atomic():
            project = Project.objects.create(
                name=name, slug=_free_slug(name), description=description.strip(), created_by=by
            )
    except IntegrityError as error:
        raise ProjectError(f"There is a project “{name}” already. Choose another name.") from error
    if by is not None:
        add_member(project=project, user=by, role=Membership.Role.OWNER, by=by)
    return project


@transaction.atomic
def change_project(*, project: Project, name: str, description: str) -> Project:
    """Its address stays as it is. Raises ProjectError when the name is taken or empty."""
    if not name.strip():
        raise ProjectError("A project needs a name.")
    if Project.objects.filter(name=name.strip()).exclude(pk=project.pk).exists():
        raise ProjectError(f"There is a project “{name.strip()}” already. Choose another name.")
    project.name, project.description = name.strip(), description.strip()
    project.save(update_fields=["name", "description"])
    return project


@transaction.atomic
def add_member(*, project: Project, user: User, role: str = Membership.Role.MEMBER, by: User | None) -> Membership:
    """Adding a member again changes their role. Readers are no members: it would tell them what they are asked."""
    if user.role == User.Role.READER and not user.is_superuser:
        raise ProjectError(f"“{user}” is a reader. Readers are invited to a study; they never see a project.")
    if role not in Membership.Role.values:
        raise ProjectError(f"A member is owner or member, not “{role}”.")
    if role == Membership.Role.OWNER and not user.is_investigator:
        raise ProjectError(f"“{user}” is an annotator: only an investigator can own a project.")
    found = Membership.objects.select_for_update().filter(project=project, user=user).first()
    if found is not None:
        if found.role == Membership.Role.OWNER != role:
            _refuse_last_owner(project, user)
        found.role = role
        found.save(update_fields=["role"])
        return found
    return Membership.objects.create(project=project, user=user, role=role, added_by=by)


def join_only_project(*, user: User) -> None:
    """Of a site where one group works: who can work in projects becomes a member of its only one, who made it an owner.

    On a site with several projects their owners choose.
    """
    if not user.works_in_projects or Project.objects.count() > 1:
        return
    project = first_project()
    owned = project.memberships.filter(role=Membership.Role.OWNER).exists()
    role = Membership.Role.MEMBER if owned or not user.is_investigator else Membership.Role.OWNER
    add_member(project=project, user=user, role=role, by=None)


@transaction.atomic
def remove_member(*, project: Project, user: User) -> None:
    """What they made stays in the project. Raises ProjectError for its last owner."""
    found = Membership.objects.select_for_update().filter(project=project, user=user).first()
    if found is None:
        raise ProjectError(f"“{user}” is not a member of “{project}”.")
    if found.role == Membership.Role.OWNER:
        _refuse_last_owner(project, user)
    found.delete()


def _refuse_last_owner(project: Project, user: User) -> None:
    Project.objects.select_for_update().get(pk=project.pk)  # two owners at once must not both leave
    if not project.memberships.filter(role=Membership.Role.OWNER).exclude(user=user).exists():
        raise ProjectError(f"“{user}” is the only owner of “{project}”. Make somebody else an owner first.")


def _free_slug(name: str) -> str:
    slug = slugify(name)[:40] or "project"
    return slug if not Project.objects.filter(slug=slug).exists() else f"{slug}-{secrets.token_hex(3)}"
