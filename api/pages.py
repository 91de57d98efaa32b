"""Pages about the API: one's own tokens, and what the API can do."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from api.forms import TokenForm
from api.models import Token
from api.problems import CONTENT_TYPE, TITLES
from api.tokens import TokenError, create_token, revoke_token
from config.accounts.models import User

TOKENS_PER_PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(no_store=True)
def token_list(request: HttpRequest) -> HttpResponse:
    """One's own tokens. A new one's secret stands in the answer to the request that made it, and nowhere else."""
    user = cast(User, request.user)
    form = TokenForm(request.POST if request.method == "POST" else None, user=user)
    secret = ""
    if form.is_valid():
        try:
            _, secret = create_token(user=user, **form.cleaned_data)
        except TokenError as error:
            form.add_error(None, str(error))
        else:
            form = TokenForm(user=user)
    context: dict[str, Any] = {
        "form": form,
        "secret": secret,
        "page_obj": Paginator(Token.objects.filter(user=user), TOKENS_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "api/token_list.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    token = get_object_or_404(Token, pk=pk, user=cast(User, request.user))
    revoke_token(token=token)
    messages.success(request, f"The token “{token.name}” is revoked: programs that use it are refused from now on.")
    return redirect("api:token_list")


@csrf_exempt
def not_there(request: HttpRequest) -> JsonResponse:
    """For addresses below /api/ that do not exist: programs get what programs can read."""
    body = {
        "type": "urn:turing-reader:problem:not-found",
        "title": TITLES[404],
        "status": 404,
        "detail": "There is nothing at this address. The addresses are listed at /api/.",
        "errors": [],
    }
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)
