"""One image: its page, and its pixels. Pixels never change under their address, so browsers may keep them."""

from uuid import UUID

import numpy as np
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from config.accounts.access import investigator_required
from imaging import storage
from imaging.forms import FilterForm
from imaging.lineage import uses_of
from imaging.models import Image
from imaging.regions.selectors import crops_of, source_of
from imaging.rendering import render_square, to_8_bit
from imaging.selectors import describe_filters, neighbours

THUMBNAIL_SIZE = 160  # px
_CACHE = "private, max-age=86400, immutable"


@investigator_required
def image_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """With the filters of the dataset's page in the address, the images before and after it are those of that page."""
    image = get_object_or_404(Image.objects.select_related("dataset"), pk=pk)
    form = FilterForm(request.GET, dataset=image.dataset)
    filters = form.cleaned_data if form.is_valid() else {}
    context = {
        "image": image,
        "source": source_of(image),
        "crops": crops_of(image),
        "uses": uses_of(image),
        "neighbours": neighbours(image, filters),
        "filters": describe_filters(filters) if filters else "",
        "filter_query": filter_query(request),
    }
    return render(request, "imaging/image_detail.html", context)


def filter_query(request: HttpRequest) -> str:
    """The filters of the address without the number of the page, to go on with them: "labels=normal&sex=F"."""
    kept = request.GET.copy()
    kept.pop("page", None)
    return kept.urlencode()


@investigator_required
def image_original(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The stored file, 8 or 16 bits."""
    image = get_object_or_404(Image, pk=pk)
    try:
        file = storage.open_pixels(image.pixel_sha256)
    except FileNotFoundError:
        raise Http404(f"The pixels of image {pk} are missing") from None
    response = FileResponse(file, content_type="image/png", filename=f"{image.pixel_sha256[:16]}.png")
    response["Cache-Control"] = _CACHE
    return response


@investigator_required
def image_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole picture in 8 bits: browsers show 12-bit data in a 16-bit file as black."""
    return _png(storage.encode_png(to_8_bit(_pixels(pk))))


@investigator_required
def image_thumbnail(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _png(storage.encode_png(render_square(_pixels(pk), THUMBNAIL_SIZE)))


def _pixels(pk: UUID) -> np.ndarray:
    try:
        return storage.load_pixels(get_object_or_404(Image, pk=pk))
    except FileNotFoundError:
        raise Http404(f"The pixels of image {pk} are missing") from None


def _png(data: bytes) -> HttpResponse:
    return HttpResponse(data, content_type="image/png", headers={"Cache-Control": _CACHE})
