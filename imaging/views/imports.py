"""Upload, progress and outcome of an import.

The same address serves a plain form and `import.js`, which asks for JSON so that it can show how far the upload is.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.forms import ImportForm
from imaging.intake.parameters import KIND
from imaging.models import Dataset, Upload
from imaging.resumable import UploadError, finish_upload, received_bytes
from imaging.services import DatasetError, checked_dataset_name, retry_import, start_import
from imaging.uploads import UploadTooLargeError, keep_upload, refuse_too_large, stream_to_disk
from worker.models import Job

POLLING_ENDS = 286  # htmx: show this, and stop asking


def streaming_upload(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Upload handlers must be set before the CSRF check reads the form, so that check comes after."""
    protected = csrf_protect(view)

    @csrf_exempt
    @investigator_required
    @wraps(view)
    def streaming(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        stream_to_disk(request)
        return protected(request, *args, **kwargs)

    return streaming


@streaming_upload
def import_new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        is_synthetic = request.GET.get("origin") == "synthetic"
        return _import_page(request, ImportForm(initial={"origin": "synthetic" if is_synthetic else "real"}))
    form = ImportForm(request.POST, request.FILES)
    try:
        refuse_too_large(request)
    except UploadTooLargeError as error:
        form = ImportForm(request.POST)
        form.errors.pop("archive", None)
        form.add_error("archive", str(error))
        return _refusal(request, form, status=413)
    if not form.is_valid():
        return _refusal(request, form, status=400)
    values = form.cleaned_data
    archive, upload_id = values.pop("archive"), values.pop("upload")
    try:
        source, source_name = _in_parts(request, upload_id) if upload_id else (keep_upload(archive), archive.name)
    except UploadError as error:
        form.add_error("archive", str(error))
        return _refusal(request, form, status=400)
    job = start_import(source=source, source_name=source_name, delete_source=True, created_by=_user(request), **values)
    address = reverse("imaging:import_result", args=[job.pk])
    return JsonResponse({"url": address}) if _wants_json(request) else redirect(address)


def _in_parts(request: HttpRequest, upload_id: UUID) -> tuple[Path, str]:
    upload = Upload.objects.filter(pk=upload_id, created_by=_user(request)).first()
    if upload is None:
        raise UploadError("This upload is no longer on the server. Choose the file again.")
    return finish_upload(upload=upload), upload.name


@investigator_required
@require_GET
def check_name(request: HttpRequest) -> HttpResponse:
    """Asked before a long upload, not after it."""
    try:
        checked_dataset_name(request.GET.get("name", ""))
    except DatasetError as error:
        return JsonResponse({"error": str(error)})
    return JsonResponse({"error": ""})


@investigator_required
@require_GET
def import_result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page of one import; for htmx, its lower half, until the job has ended."""
    job = get_object_or_404(Job, pk=pk, kind=KIND)
    context = _result_context(job)
    if request.headers.get("HX-Request"):
        status = POLLING_ENDS if job.is_final else 200
        return render(request, "imaging/_import_result.html", context, status=status)
    return render(request, "imaging/import_result.html", context)


@investigator_required
@require_POST
def import_retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(Job, pk=pk, kind=KIND)
    try:
        again = retry_import(
            job=job,
            skip_bad="skip_bad" in request.POST,
            created_by=_user(request),
            dataset_name=request.POST.get("dataset_name", ""),
        )
    except ValueError as error:  # DatasetError is one
        context = _result_context(job) | {"retry_error": str(error), "retry_name": request.POST.get("dataset_name")}
        return render(request, "imaging/import_result.html", context, status=400)
    return redirect("imaging:import_result", pk=again.pk)


def _result_context(job: Job) -> dict[str, Any]:
    result = job.result
    return {
        "job": job,
        "result": result,
        "dataset": Dataset.objects.filter(pk=result.get("dataset_id")).first() if result.get("dataset_id") else None,
        "hidden_problems": result.get("problem_count", 0) - len(result.get("problems", [])),
        "can_retry": job.state in (Job.State.FAILED, Job.State.CANCELLED) and Path(job.parameters["source"]).exists(),
        "can_skip": bool(result.get("problem_count")) and not result.get("fatal_count"),
        "retry_name": job.parameters["dataset_name"],
    }


def _import_page(request: HttpRequest, form: ImportForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "has_datasets": Dataset.objects.exists(),
        "unfinished": [(upload, received_bytes(upload)) for upload in Upload.objects.filter(created_by=_user(request))],
    }
    return render(request, "imaging/import_new.html", context, status=status)


def _refusal(request: HttpRequest, form: ImportForm, status: int) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(
            {"errors": {name: list(map(str, found)) for name, found in form.errors.items()}}, status=status
        )
    return _import_page(request, form, status)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
