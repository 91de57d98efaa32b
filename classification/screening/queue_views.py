"""The queue of a screening: one image at a time, each decision a form of its own, saved at once.

Every press leads to the page anew, so that it works without a script; with one, htmx exchanges the middle of the page.
"""

import uuid
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from classification.models import ScreenedImage, Screening
from classification.screening import selectors, services
from classification.screening.views import get_screening
from config.accounts.access import investigator_required
from config.accounts.models import User

ACTIONS = {"undo": services.take_back, "go-on": services.go_on, "stop": services.stop}


@investigator_required
@require_GET
@cache_control(no_store=True)
def screening_queue(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The image that comes next, or with `?at=` an earlier one."""
    screening = get_screening(pk)
    queue = selectors.queue_of(screening)
    may_decide = screening.reviewer_id == request.user.pk and screening.finished_at is None
    if not screening.is_ready or not may_decide:
        return _leave(request, screening)
    asked = request.GET.get("at", "")
    at = int(asked) if asked.isdecimal() and len(asked) < 9 else queue.n_decided + 1
    at = max(1, min(at, queue.n_decided + 1))
    is_next = at == queue.n_decided + 1
    if is_next and selectors.is_looked_through(screening, queue):
        return _leave(request, screening)
    following = selectors.image_at(screening, queue, at + 1)
    context = {
        "screening": screening,
        "dataset": screening.dataset,
        "queue": queue,
        "row": selectors.image_at(screening, queue, at),
        "at": at,
        "is_next": is_next,
        "asks_to_stop": is_next and selectors.asks_to_stop(screening, queue),
        "kept_in_a_row": selectors.kept_in_a_row(screening, queue),
        "following": following,
        "reasons": list(enumerate(ScreenedImage.Reason.choices, start=1)),
    }
    return render(request, "classification/screening/queue.html", context)


@investigator_required
@require_POST
def screening_decide(request: HttpRequest, pk: uuid.UUID, row: int) -> HttpResponse:
    """Keep ("decision") or exclude ("reason") an image; then the one after it."""
    screening = get_screening(pk)
    image = get_object_or_404(ScreenedImage, pk=row, screening=screening)
    reason = request.POST.get("reason", "")
    decision = "exclude" if reason else request.POST.get("decision", "")
    try:
        services.decide(screening=screening, image=image, decision=decision, reason=reason, by=cast(User, request.user))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("classification:screening_queue", pk)
    place = image.check_place or image.place
    return redirect(f"{reverse('classification:screening_queue', args=[pk])}?at={place + 1}")


@investigator_required
@require_POST
def screening_act(request: HttpRequest, pk: uuid.UUID, action: str) -> HttpResponse:
    """Take the last decision back, go on although asked to stop, or stop."""
    if action not in ACTIONS:
        raise Http404(f"There is no {action}")
    screening = get_screening(pk)
    try:
        ACTIONS[action](screening=screening, by=cast(User, request.user))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(screening)
    return redirect("classification:screening_queue", pk)


def _leave(request: HttpRequest, screening: Screening) -> HttpResponse:
    """To the page of the screening; htmx is to load it whole."""
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(screening.get_absolute_url())
    return redirect(screening)
