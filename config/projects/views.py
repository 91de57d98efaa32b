"""The pages of projects: which there are, who works in them."""

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from config.projects import rules, selectors
from config.projects.forms import MemberForm, ProjectForm
from config.projects.models import Membership, Project
from config.projects.services import ProjectError, add_member, change_project, create_project, remove_member

PER_PAGE = 50


@investigator_required
def project_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.listed_projects(_user(request)), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "projects/project_list.html", {"page": page})


@investigator_required
def project_new(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = create_project(by=_user(request), **form.cleaned_data)
        except ProjectError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"Made the project “{project}”. You are its owner.")
            return redirect(f"/p/{project.slug}/projects/{project.pk}/")
    return render(request, "projects/project_new.html", {"form": form}, status=422 if form.errors else 200)


@investigator_required
def project_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    project = _project(request, pk)
    may_choose = rules.can_choose_members(request.user, project)
    if request.method == "POST" and not may_choose:
        raise PermissionDenied("Only an owner of the project can change it.")
    form = ProjectForm(request.POST or None, initial={"name": project.name, "description": project.description})
    if request.method == "POST" and form.is_valid():
        try:
            change_project(project=project, **form.cleaned_data)
        except ProjectError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Changed the project.")
            return redirect(project)
    context = {
        "shown": project,
        "members": selectors.members_of(project),
        "may_choose": may_choose,
        "form": form,
        "member_form": MemberForm(project) if may_choose else None,
        "roles": Membership.Role.choices,
    }
    return render(request, "projects/project_detail.html", context, status=422 if form.errors else 200)


@investigator_required
@require_POST
def member_add(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    project = _own_project(request, pk)
    form = MemberForm(project, request.POST)
    if form.is_valid():
        user, role = form.cleaned_data["user"], form.cleaned_data["role"]
        _try(
            request,
            partial(add_member, project=project, user=user, role=role, by=_user(request)),
            f"“{user}” works here now.",
        )
    else:
        messages.error(request, "Choose a person and a role.")
    return redirect(project)


@investigator_required
@require_POST
def member_change(request: HttpRequest, pk: uuid.UUID, user_id: int) -> HttpResponse:
    project = _own_project(request, pk)
    user = get_object_or_404(User, pk=user_id, memberships__project=project)
    role = request.POST.get("role", "")
    _try(
        request,
        partial(add_member, project=project, user=user, role=role, by=_user(request)),
        f"“{user}” is {role} now.",
    )
    return redirect(project)


@investigator_required
@require_POST
def member_remove(request: HttpRequest, pk: uuid.UUID, user_id: int) -> HttpResponse:
    """An owner removes anybody; everybody may leave."""
    project = _project(request, pk)
    if user_id != request.user.pk and not rules.can_choose_members(request.user, project):
        raise PermissionDenied("Only an owner of the project can remove somebody else.")
    user = get_object_or_404(User, pk=user_id, memberships__project=project)
    _try(request, partial(remove_member, project=project, user=user), f"“{user}” is no longer in “{project}”.")
    return redirect(project if rules.can_view_project(request.user, project) else "/projects/")


def _try(request: HttpRequest, verb: Callable[[], object], done: str) -> None:
    try:
        verb()
    except ProjectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)


def _project(request: HttpRequest, pk: uuid.UUID) -> Project:
    project = get_object_or_404(Project, pk=pk)
    if not rules.can_view_project(request.user, project):
        raise Http404("No such project")
    return project


def _own_project(request: HttpRequest, pk: uuid.UUID) -> Project:
    project = _project(request, pk)
    if not rules.can_choose_members(request.user, project):
        raise PermissionDenied("Only an owner of the project can choose its members.")
    return project


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the decorator let nobody else in
    return request.user
