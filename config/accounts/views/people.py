"""The list of people, and the page of one: for administrators."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.accounts import lockout, selectors, services
from config.accounts.access import administrator_required
from config.accounts.errors import AccountError
from config.accounts.forms import AddressForm
from config.accounts.models import User
from config.accounts.second_factor import has_second_factor, reset_second_factor
from config.accounts.sessions import list_sessions

PER_PAGE = 25
SHOWN_SIGN_INS = 10


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
    found = get_object_or_404(User, pk=user_id)
    locked = lockout.seconds_locked(found)
    context = {
        "person": found,
        "locked_for": lockout.time_in_words(locked) if locked else "",
        "has_second_factor": has_second_factor(found),
        "sessions": list_sessions(user=found),
        "recent": selectors.list_sign_ins().filter(user=found)[:SHOWN_SIGN_INS],
    }
    return render(request, "accounts/person.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
@cache_control(no_store=True)
def sign_ins(request: HttpRequest) -> HttpResponse:
    """What happened at the sign-in page, and the lock of an address lifted."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        lockout.lift_lockout_of_address(address=form.cleaned_data["address"], by=cast(User, request.user))
        messages.success(request, f"Failed sign-ins from {form.cleaned_data['address']} are forgotten.")
        return redirect("accounts:sign_ins")
    page = Paginator(selectors.list_sign_ins(), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page_obj": page}
    return render(request, "accounts/sign_ins.html", context, status=422 if form.errors else 200)


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
person_lift_lockout = person_verb(lockout.lift_lockout, "The lock is lifted: “{name}” can try again.")
person_reset_second_factor = person_verb(
    reset_second_factor, "“{name}” signs in with the password alone, and can set a second factor up again."
)
person_end_sessions = person_verb(services.sign_out_everywhere, "“{name}” is signed out everywhere.")
