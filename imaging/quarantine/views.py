"""Pages of the quarantine. Its pictures are never kept by a browser: what a person removes here must be gone."""

from typing import Any
from uuid import UUID

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging import storage
from imaging.models import Dataset
from imaging.quarantine.forms import MASKED, RELEASED, DecisionForm
from imaging.quarantine.masking import MaskError
from imaging.quarantine.models import QuarantinedImage, SignOff
from imaging.quarantine.selectors import next_waiting, other_holders
from imaging.quarantine.services import (
    STATEMENTS,
    QuarantineError,
    move_quarantine,
    reject_image,
    release_image,
)
from imaging.rendering import render_square, to_8_bit
from imaging.services import DatasetError

PER_PAGE = 24
SIGN_OFFS_PER_PAGE = 50
THUMBNAIL_SIZE = 160  # px


@investigator_required
def quarantine_list(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    return _list_page(request, dataset)


def _list_page(request: HttpRequest, dataset: Dataset, status: int = 200, **more: Any) -> HttpResponse:
    page = Paginator(dataset.quarantined.all(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "page_obj": page,
        "first": next_waiting(dataset=dataset),
        "signed": dataset.sign_offs.count(),
        "name": f"{dataset.name}, from quarantine"[:200],
        **more,
    }
    return render(request, "imaging/quarantine/list.html", context, status=status)


@investigator_required
@require_POST
def quarantine_move(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What waits for a frozen dataset goes on waiting for a new one."""
    dataset = get_object_or_404(Dataset, pk=pk)
    name = request.POST.get("name", "")
    try:
        made = move_quarantine(dataset=dataset, name=name, created_by=_user(request))
    except DatasetError as error:
        return _list_page(request, dataset, 400, name=name, name_error=str(error))
    messages.success(request, f"What waited in “{dataset.name}” now waits here. Nothing was released.")
    return redirect("imaging:quarantine_list", pk=made.pk)


@investigator_required
@require_GET
def sign_off_list(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    rows = dataset.sign_offs.select_related("signed_by")
    page = Paginator(rows, SIGN_OFFS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "imaging/quarantine/sign_offs.html", {"dataset": dataset, "page_obj": page})


@investigator_required
def quarantine_item(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET shows the picture; POST decides, and goes on to the next one."""
    waiting = _waiting().select_related("dataset").filter(pk=pk).first()
    if waiting is None:
        if request.method != "POST":
            raise Http404("This image no longer waits here")
        messages.error(request, "This image no longer waits: somebody else has decided about it.")
        return redirect("imaging:dataset_list")
    form = DecisionForm(request.POST if request.method == "POST" else None, waiting=waiting)
    if request.method == "POST" and form.is_valid():
        following = next_waiting(dataset=waiting.dataset, after=waiting)
        try:
            signed = _decide(waiting, form, _user(request))
        except MaskError as error:
            form.add_error("rectangles", str(error))
        except QuarantineError as error:
            form.add_error(None, str(error))
        except (OSError, ValueError):
            form.add_error(
                None, "Its pixels cannot be read from the storage. Restore them from a backup, or reject it."
            )
        else:
            messages.success(request, f"{signed.get_decision_display()}, and signed.")
            if following is None:
                return redirect("imaging:quarantine_list", pk=waiting.dataset_id)
            return redirect("imaging:quarantine_item", pk=following.pk)
    context = {
        "waiting": waiting,
        "dataset": waiting.dataset,
        "form": form,
        "n_waiting": waiting.dataset.quarantined.count(),
        "following": next_waiting(dataset=waiting.dataset, after=waiting),
        "others": other_holders(waiting),
        "darkest": _darkest(waiting),
        "statements": {str(decision): words for decision, words in STATEMENTS.items()},
    }
    return render(request, "imaging/quarantine/item.html", context, status=400 if form.errors else 200)


def _decide(waiting: QuarantinedImage, form: DecisionForm, user: User) -> SignOff:
    values = form.cleaned_data
    if values["decision"] in (RELEASED, MASKED):
        rectangles = values["rectangles"] if values["decision"] == MASKED else ()
        return release_image(waiting=waiting, signed_by=user, rectangles=rectangles, note=values["note"])
    return reject_image(waiting=waiting, signed_by=user, note=values["note"])


@investigator_required
@require_GET
def quarantine_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole picture in 8 bits, at full resolution."""
    return _png(to_8_bit(_pixels(pk)))


@investigator_required
@require_GET
def quarantine_thumbnail(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _png(render_square(_pixels(pk), THUMBNAIL_SIZE))


def _waiting() -> QuerySet[QuarantinedImage]:
    """Not of deleted datasets: their pages are gone too, until they are restored."""
    return QuarantinedImage.objects.filter(dataset__state=Dataset.State.READY)


def _pixels(pk: UUID) -> np.ndarray:
    try:
        return storage.load_pixels(get_object_or_404(_waiting(), pk=pk).pixel_sha256)
    except FileNotFoundError:
        raise Http404(f"The pixels of {pk} are missing") from None


def _darkest(waiting: QuarantinedImage) -> int:
    """As the page shows it: 16 bits are stretched, so that it is black."""
    if waiting.bit_depth == 16:
        return 0
    try:
        return int(storage.load_pixels(waiting.pixel_sha256).min())
    except (OSError, ValueError):  # the page says so when somebody releases it
        return 0


def _png(pixels: np.ndarray) -> HttpResponse:
    return HttpResponse(storage.encode_png(pixels), content_type="image/png", headers={"Cache-Control": "no-store"})


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("investigator_required lets users in alone")
    return request.user
