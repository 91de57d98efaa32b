"""What everybody has of their own account: one page, and where they are signed in."""

from typing import cast

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from config.accounts.models import User
from config.accounts.second_factor import has_second_factor
from config.accounts.sessions import end_sessions, list_sessions


@require_safe
@login_required
@cache_control(no_store=True)
def account(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    context = {
        "sessions": list_sessions(user=user, current_key=request.session.session_key),
        "has_sso": SocialAccount.objects.filter(user=user).exists(),
        "has_second_factor": has_second_factor(user),
    }
    return render(request, "accounts/account.html", context)


@require_POST
@login_required
def end_session(request: HttpRequest) -> HttpResponse:
    """One (`key`), or all others."""
    user, key = cast(User, request.user), request.POST.get("key", "")
    ended = end_sessions(user=user, key=key, keep=request.session.session_key)
    messages.success(request, "Signed out there." if ended else "That was over already.")
    return redirect("accounts:account")
