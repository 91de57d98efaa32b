"""What `upload.js` asks for: begin, part, discard. Everybody sees and continues only their own uploads."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.models import Upload
from imaging.resumable import (
    PART_BYTES,
    OutOfStepError,
    UploadError,
    append_part,
    begin_upload,
    discard_upload,
    received_bytes,
)


@investigator_required
@require_POST
def upload_begin(request: HttpRequest) -> HttpResponse:
    size = _whole(request.POST.get("size"))
    key, name = request.POST.get("key", ""), request.POST.get("name", "")
    if size is None or not key or len(key) > 100 or "\0" in key + name:
        return JsonResponse({"error": "The size and the key of the upload are missing."}, status=400)
    try:
        upload = begin_upload(user=_user(request), name=name, key=key, size=size)
    except UploadError as error:
        return JsonResponse({"error": str(error)}, status=413)
    return JsonResponse({"id": str(upload.pk), "received": received_bytes(upload), "part_bytes": PART_BYTES})


@investigator_required
@require_POST
def upload_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The body is the part itself; `offset` and `crc32` (CRC-32 of the body) stand in the address."""
    upload = get_object_or_404(Upload, pk=pk, created_by=_user(request))
    offset, crc32 = _whole(request.GET.get("offset")), _whole(request.GET.get("crc32"))
    if offset is None or crc32 is None:
        return JsonResponse({"error": "offset and crc32 must be whole numbers."}, status=400)
    data = request.read(PART_BYTES + 1)
    if len(data) > PART_BYTES:
        return JsonResponse({"error": f"A part has at most {PART_BYTES} bytes."}, status=413)
    try:
        received = append_part(upload=upload, offset=offset, data=data, crc32=crc32)
    except OutOfStepError as error:
        return JsonResponse({"received": error.received}, status=409)
    except UploadError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"received": received})


@investigator_required
@require_POST
def upload_discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    discard_upload(upload=get_object_or_404(Upload, pk=pk, created_by=_user(request)))
    return redirect("imaging:import_new")


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  investigators are signed in
    return request.user
