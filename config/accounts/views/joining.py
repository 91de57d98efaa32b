"""Invitations: made and withdrawn by an administrator, accepted by the person who has the link."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from config.accounts import selectors
from config.accounts.access import administrator_required
from config.accounts.errors import AccountError
from config.accounts.forms import InviteForm, JoinForm
from config.accounts.invitations import (
    accept_invitation,
    can_send_emails,
    find_invitation,
    invitation_problem,
    invite_user,
    revoke_invitation,
    send_invitation,
)
from config.accounts.models import AccountInvitation, User

PER_PAGE = 25
AUTHENTICATION_BACKEND = "config.accounts.signed_in.AuthenticationBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
@cache_control(no_store=True)
def invitations(request: HttpRequest) -> HttpResponse:
    """A link that is not e-mailed stands in the answer to the request that made it, and nowhere else."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _invite(request, form.cleaned_data)
        except AccountError as error:
            form.add_error("email" if "has an account" in str(error) else None, str(error))
    page = Paginator(selectors.list_invitations(), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page_obj": page, "can_send": can_send_emails()}
    return render(request, "accounts/invitations.html", context, status=422 if form.errors else 200)


@sensitive_variables("secret", "link")
def _invite(request: HttpRequest, wanted: dict[str, Any]) -> HttpResponse:
    invitation, secret = invite_user(by=cast(User, request.user), **wanted)
    link = request.build_absolute_uri(reverse("accounts:join", args=[secret]))
    problem = ""
    if invitation.email:
        try:
            send_invitation(invitation=invitation, link=link)
        except AccountError as error:
            problem = str(error)
        else:
            invitation.was_sent = True
            invitation.save(update_fields=["was_sent"])
            messages.success(request, f"The invitation is on its way to {invitation.email}.")
            return redirect("accounts:invitations")
    context = {"invitation": invitation, "link": link, "problem": problem}
    return render(request, "accounts/invitation_link.html", context)


@require_POST
@administrator_required
def invitation_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    try:
        revoke_invitation(
            invitation=get_object_or_404(AccountInvitation, pk=invitation_id), by=cast(User, request.user)
        )
        messages.success(request, "The invitation is withdrawn: its link does not work any more.")
    except AccountError as error:
        messages.error(request, str(error))
    return redirect("accounts:invitations")


@sensitive_variables("secret")
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(no_store=True)
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Opening the link changes nothing (mail programs open links too); the account is made by POST."""
    invitation = find_invitation(secret)
    problem = invitation_problem(invitation)
    if not problem and request.user.is_authenticated:
        problem = f"You are signed in as {request.user.get_username()}. Sign out and open the link again."
    if invitation is None or problem:
        status = 404 if invitation is None else 410
        return render(request, "accounts/join_problem.html", {"problem": problem}, status=status)
    form = JoinForm(request.POST or None, initial={"email": invitation.email})
    if form.is_valid():
        try:
            user = _join(form, secret)
        except AccountError as error:
            return render(request, "accounts/join_problem.html", {"problem": str(error)}, status=410)
        if user is not None:
            login(request, user, backend=AUTHENTICATION_BACKEND)
            messages.success(request, f"Welcome, {user.username}. Your account has been made.")
            return redirect("home")
    context = {"form": form, "role": invitation.get_role_display()}
    return render(request, "accounts/join.html", context, status=422 if form.errors else 200)


@sensitive_variables("secret")
def _join(form: JoinForm, secret: str) -> User | None:
    """The new account; None with the errors in the form."""
    data = form.cleaned_data
    try:
        return accept_invitation(
            secret=secret, username=data["username"], password=data["password"], email=data["email"]
        )
    except ValidationError as error:
        for field, problems in getattr(error, "error_dict", {"password": error.error_list}).items():
            form.add_error(field if field in form.fields else None, problems)
        return None
