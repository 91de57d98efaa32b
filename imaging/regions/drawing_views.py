"""The page that an annotator or an adjudicator draws on, and what it asks the server: images, and saving.

An annotator's addresses serve own drawings alone: what others drew is nowhere in them.
"""

import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

import numpy as np
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from config.accounts.access import annotator_required, investigator_required
from config.accounts.models import User
from config.accounts.rules import is_investigator, works_in_projects
from imaging import storage
from imaging.models import Image, RegionAnnotator, RegionAssignment, RegionDrawing, RegionTask
from imaging.regions.agreement import disagreement
from imaging.regions.agreement_views import chosen_pair
from imaging.regions.drawn import RegionError
from imaging.regions.rules import can_see_pixels_to_draw
from imaging.regions.selectors import (
    Role,
    Seen,
    adjudicated_regions,
    annotator_of,
    current_regions,
)
from imaging.regions.services import adjudicate, save_drawing

LARGEST_BODY = 100_000  # bytes: nine regions with reasons are a few thousand
CACHE = "private, max-age=86400, immutable"


def investigator_api(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """As `investigator_required`, but a script is told so instead of being sent to the sign-in page."""
    return _api(view, is_investigator)


def annotator_api(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """As `investigator_api`, for annotators too: the view looks whose task it is."""
    return _api(view, works_in_projects)


def _api(view: Callable[..., HttpResponse], allowed: Callable[[Any], bool]) -> Callable[..., HttpResponseBase]:

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return JsonResponse({"code": "signed-out", "error": "You are signed out. Sign in again."}, status=401)
        if not allowed(request.user):
            raise PermissionDenied
        try:
            return view(request, *args, **kwargs)
        except RegionError as error:
            return JsonResponse({"code": error.code, "error": str(error)}, status=409 if error.code else 400)

    return guarded


@annotator_required
@require_GET
def region_draw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The annotator's page; ?image= is a position in the annotator's own order, else the first that is not drawn."""
    task = _task(pk)
    annotator = _annotator(task, request)
    leave = task.get_absolute_url() if is_investigator(request.user) else reverse("imaging:my_regions")
    if not task.is_open:
        return redirect(leave)
    assignments = annotator.assignments.all()
    positions = list(range(1, assignments.count() + 1))
    done = list(assignments.filter(current__isnull=False).order_by("position").values_list("position", flat=True))
    todo = sorted(set(positions) - set(done))
    config = _config(task, "draw", positions, done, start=_asked(request, positions, todo))
    config |= {
        "image": reverse("imaging:region_image", args=[pk, 0]),
        "kept": f"turing-reader.regions.{annotator.pk}",
        "offersLast": task.offers_last_boxes,
        "leave": leave,
    }
    return render(request, "imaging/regions/draw.html", {"task": task, "config": config, "annotator": annotator})


@annotator_api
@require_http_methods(["GET", "POST"])
def region_image(request: HttpRequest, pk: UUID, position: int) -> HttpResponse:
    """GET: the image at a position of one's own order, with what one drew on it. POST: a drawing of it."""
    task = _task(pk)
    annotator = _annotator(task, request)
    assignment = get_object_or_404(
        RegionAssignment.objects.select_related("image", "current"), annotator=annotator, position=position
    )
    if request.method == "POST":
        key, regions = _body(request)
        drawing = save_drawing(annotator=annotator, position=position, key=key, regions=regions)
        return _saved(drawing)
    before = RegionAssignment.objects.select_related("current").filter(annotator=annotator, position=position - 1)
    last = before.first()
    return JsonResponse(
        _image(assignment.image, position)
        | {
            "regions": _drawn(assignment.current, task),
            "last": _drawn(last.current, task) if last is not None else None,
            "lastSize": [last.image.width, last.image.height] if last is not None else None,
        },
        headers={"Cache-Control": "no-store"},
    )


@investigator_required
@require_GET
def region_adjudicate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The adjudicator's page: images on which two annotators disagree, or with ?image= one of them all."""
    task = _task(pk)
    if task.is_open:
        return redirect("imaging:region_agreement", pk=pk)
    pair = chosen_pair(request, task)
    if pair is None:
        return redirect("imaging:region_agreement", pk=pk)
    first, second, limit = pair
    everything = "all" in request.GET
    positions = _to_adjudicate(task, first, second, limit, everything=everything)
    asked = request.GET.get("image", "")
    if asked.isdecimal() and int(asked) not in positions:
        positions = sorted({*positions, int(asked)} & set(_positions(task).values()))
    if not positions:
        return redirect("imaging:region_agreement", pk=pk)
    judged = adjudicated_regions(task)
    done = [position for image, position in _positions(task).items() if image in judged and position in set(positions)]
    todo = sorted(set(positions) - set(done))
    config = _config(task, "adjudicate", positions, sorted(done), start=_asked(request, positions, todo))
    query = f"?first={first.code}&second={second.code}&limit={limit:g}"
    config |= {
        "image": reverse("imaging:region_adjudicate_image", args=[pk, 0]) + query,
        "kept": f"turing-reader.regions.{task.pk}.adjudicator.{request.user.pk}",
        "offersLast": False,
        "codes": [first.code, second.code],
        "leave": reverse("imaging:region_agreement", args=[pk]) + query,
    }
    is_own = first.user_id == request.user.pk or second.user_id == request.user.pk
    context = {"task": task, "config": config, "first": first, "second": second, "is_own": is_own}
    return render(request, "imaging/regions/draw.html", context)


@investigator_api
@require_http_methods(["GET", "POST"])
def region_adjudicate_image(request: HttpRequest, pk: UUID, position: int) -> HttpResponse:
    """GET: an image, by its position in the first annotator's order, with what both drew. POST: the decision on it."""
    task = _task(pk)
    assignment = get_object_or_404(
        RegionAssignment.objects.select_related("image"),
        annotator__task=task,
        annotator__role=Role.ANNOTATOR,
        annotator__number=1,
        position=position,
    )
    image = assignment.image
    if request.method == "POST":
        key, regions = _body(request)
        return _saved(adjudicate(task=task, user=_user(request), image=image, key=key, regions=regions))
    if task.is_open:
        raise RegionError("Close the task first.", code="open")
    pair = chosen_pair(request, task)
    if pair is None:
        raise Http404
    first, second, limit = pair
    of_first = current_regions(first, image=image).get(image.pk)
    of_second = current_regions(second, image=image).get(image.pk)
    decided = adjudicated_regions(task, image=image).get(image.pk)
    return JsonResponse(
        _image(image, position)
        | {
            "regions": None if decided is None else [_region(name, decided[name]) for name in task.region_names],
            "others": [
                {
                    "code": one.code,
                    "regions": [_region(name, seen[name]) for name in task.region_names] if seen else None,
                }
                for one, seen in ((first, of_first), (second, of_second))
            ],
            "agreed": [
                name
                for name in task.region_names
                if of_first
                and of_second
                and disagreement(image.pk, name, of_first[name], of_second[name], limit) is None
            ],
        },
        headers={"Cache-Control": "no-store"},
    )


@annotator_api
@require_GET
def region_pixels(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The pixels of an image, row by row, 8 bits or 16 with the low byte first: browsers read a PNG in 8 bits only."""
    image = get_object_or_404(Image, pk=pk)
    if not can_see_pixels_to_draw(request.user, image):
        raise Http404(f"No image {pk} to draw on")
    try:
        pixels = storage.load_pixels(image)
    except FileNotFoundError:
        raise Http404(f"The pixels of image {pk} are missing") from None
    return HttpResponse(
        np.ascontiguousarray(pixels).tobytes(),
        content_type="application/octet-stream",
        headers={"Cache-Control": CACHE},
    )


def _to_adjudicate(
    task: RegionTask, first: RegionAnnotator, second: RegionAnnotator, limit: float, *, everything: bool
) -> list[int]:
    """Positions of images that both have drawn and disagree on; with `everything` all that both have drawn."""
    one, other = current_regions(first), current_regions(second)
    return sorted(
        position
        for image, position in _positions(task).items()
        if image in one
        and image in other
        and (
            everything
            or any(disagreement(image, name, one[image][name], other[image][name], limit) for name in task.region_names)
        )
    )


def _positions(task: RegionTask) -> dict[UUID, int]:
    """Image -> its position in the order of the first annotator."""
    first = RegionAssignment.objects.filter(annotator__task=task, annotator__role=Role.ANNOTATOR, annotator__number=1)
    return dict(first.order_by("position").values_list("image_id", "position"))


def _asked(request: HttpRequest, positions: list[int], todo: list[int]) -> int:
    asked = request.GET.get("image", "")
    if asked.isdecimal() and int(asked) in positions:
        return int(asked)
    return (todo or positions)[0]


def _config(task: RegionTask, mode: str, positions: list[int], done: list[int], *, start: int) -> dict[str, Any]:
    return {
        "mode": mode,
        "names": task.region_names,
        "labels": task.labels,
        "positions": positions,
        "done": done,
        "start": start,
        "leave": task.get_absolute_url(),
    }


def _image(image: Image, position: int) -> dict[str, Any]:
    return {
        "position": position,
        "width": image.width,
        "height": image.height,
        "bits": image.bit_depth,
        "pixels": reverse("imaging:region_pixels", args=[image.pk]),
    }


def _drawn(drawing: RegionDrawing | None, task: RegionTask) -> list[dict[str, Any]] | None:
    if drawing is None:
        return None
    found = {region.name: region for region in drawing.regions.all()}
    columns = ("name", "x", "y", "width", "height", "label", "reason", "was_offered")
    return [{column: getattr(found[name], column) for column in columns} for name in task.region_names]


def _region(name: str, seen: Seen) -> dict[str, Any]:
    box = seen.rectangle
    place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height} if box else {}
    return {"name": name, "label": seen.label, "reason": seen.reason, "taken_from": seen.taken_from, **place}


def _saved(drawing: RegionDrawing) -> JsonResponse:
    return JsonResponse({"revision": drawing.revision, "saved_at": drawing.saved_at.isoformat()})


def _body(request: HttpRequest) -> tuple[uuid.UUID, list[dict[str, Any]]]:
    if len(request.body) > LARGEST_BODY:
        raise RegionError("The drawing is too large.")
    try:
        values = json.loads(request.body)
        return uuid.UUID(values["key"]), values["regions"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegionError("A drawing is JSON with a key and the regions.") from error


def _task(pk: UUID) -> RegionTask:
    return get_object_or_404(RegionTask.objects.select_related("dataset"), pk=pk)


def _annotator(task: RegionTask, request: HttpRequest) -> RegionAnnotator:
    annotator = annotator_of(task, _user(request))
    if annotator is None and not is_investigator(request.user):
        raise Http404(f"No task {task.pk} of yours")
    if annotator is None:
        raise PermissionDenied("You are not an annotator of this task.")
    return annotator


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the guards say so
    return request.user
