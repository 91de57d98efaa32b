"""The list of people, and the page of one: for administrators."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from config.accounts import selectors, services
from config.accounts.access import administrator_required
from config.accounts.errors import AccountError
from config.accounts.models import User

PER_PAGE = 25


@require_safe
@administrator_required
@cache_control(no_store=True)
def people(request: HttpRequest) -> HttpResponse:
    wanted = {name: request.GET.get(name, "").strip() for name in ("search", "role", "state")}
    page = Paginator(selectors.list_people(**wanted), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "wanted": wanted,
        "is_filtered": any(wanted.values()),
        "roles": User.Role.choices,
        "states": selectors.STATES.items(),
    }
    return render(request, "accounts/people.html", context)


@require_safe
@administrator_required
@cache_control(no_store=True)
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    return render(request, "accounts/person.html", {"person": get_object_or_404(User, pk=user_id)})


def person_verb(act: Callable[..., Any], done: str) -> Callable[..., HttpResponseBase]:
    """The view of a button on the page of a person: does `act(user=, by=)` and comes back with `done` or the reason
    why not.
    """

    @require_POST
    @administrator_required
    def view(request: HttpRequest, user_id: int) -> HttpResponse:
        found = get_object_or_404(User, pk=user_id)
        try:
            act(user=found, by=cast(User, request.user))
            messages.success(request, done.format(name=found.username))
        except AccountError as error:
            messages.error(request, str(error))
        return redirect("accounts:person", found.pk)

    return view


person_deactivate = person_verb(services.deactivate_user, "“{name}” is deactivated and signed out everywhere.")
person_reactivate = person_verb(services.reactivate_user, "“{name}” can sign in again.")
