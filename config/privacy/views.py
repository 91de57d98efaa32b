"""One's own data, and what administrators do for people who ask: export, erasure, retention."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from config.accounts.access import administrator_required
from config.accounts.errors import AccountError
from config.accounts.models import User
from config.privacy.erasing import erase_on_request
from config.privacy.exporting import export_person
from config.privacy.jobs import start_retention
from config.privacy.retention import readers_to_erase


@require_POST
@login_required
@cache_control(no_store=True)
def own_export(request: HttpRequest) -> HttpResponse:
    return _archive(cast(User, request.user))


@require_POST
@administrator_required
@cache_control(no_store=True)
def person_export(request: HttpRequest, user_id: int) -> HttpResponse:
    return _archive(get_object_or_404(User, pk=user_id))


def _archive(user: User) -> HttpResponse:
    name = f"my-data-{timezone.localdate():%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(export_person(user=user), content_type="application/zip", headers=headers)


@require_POST
@administrator_required
def person_erase(request: HttpRequest, user_id: int) -> HttpResponse:
    user = get_object_or_404(User, pk=user_id)
    try:
        erased = erase_on_request(user=user, by=cast(User, request.user), typed=request.POST.get("username", ""))
        messages.success(request, f"Erased. The account is “{erased.username}” now, and leads to nobody.")
    except AccountError as error:
        messages.error(request, str(error))
    return redirect("accounts:person", user_id)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
@cache_control(no_store=True)
def retention(request: HttpRequest) -> HttpResponse:
    """What is due, and a job that removes it."""
    if request.method == "POST":
        return redirect(start_retention(by=cast(User, request.user)))
    context = {"days": settings.RETENTION_DAYS, "due": readers_to_erase()}
    return render(request, "privacy/retention.html", context)
