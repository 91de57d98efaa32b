"""Pages of generators that somebody else made: upload, trial drawing, acceptance, samples."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation import selectors
from generation.forms import SampleForm
from generation.gan.foreign_settings import CLASS_INPUTS, FORMATS, LATENTS
from generation.importing.forms import ForeignForm
from generation.importing.services import accept_generator, discard_generator, take_in_generator
from generation.models import Checkpoint, ForeignGenerator
from generation.services import start_sampling
from generation.tool_forms import ToolForm
from imaging.uploads import UploadTooLargeError, keep_upload, refuse_too_large
from imaging.views.imports import streaming_upload


@streaming_upload
def foreign_new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _upload_page(request, ForeignForm())
    try:
        refuse_too_large(request)
    except UploadTooLargeError as error:
        form = ForeignForm(request.POST)
        form.errors.pop("file", None)
        form.add_error("file", str(error))
        return _upload_page(request, form, status=413)
    form = ForeignForm(request.POST, request.FILES)
    if not form.is_valid() or form.declaration is None:
        return _upload_page(request, form, status=400)
    values = form.cleaned_data
    source = keep_upload(values["file"])
    try:
        foreign = take_in_generator(
            source=source,
            file_name=values["file"].name,
            name=values["name"],
            made_with=values["made_with"],
            licence=values["licence"],
            citation=values["citation"],
            declaration=form.declaration,
            created_by=_user(request),
            delete_source=True,
        )
    except ValueError as error:
        source.unlink(missing_ok=True)
        form.add_error("file", str(error))
        return _upload_page(request, form, status=400)
    return redirect(foreign)


@investigator_required
def foreign_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return foreign_page(request, _foreign(pk))


@investigator_required
@require_POST
def foreign_accept(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    foreign = _foreign(pk)
    try:
        accept_generator(foreign=foreign)
    except ValueError as error:
        messages.error(request, str(error))
    return redirect(foreign)


@investigator_required
@require_POST
def foreign_discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    foreign = _foreign(pk)
    try:
        discard_generator(foreign=foreign)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(foreign)
    messages.success(request, f"“{foreign.name}” was discarded.")
    return redirect("generation:run_list")


@investigator_required
def foreign_sample(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Starts sampling; a form that is not valid is shown again."""
    foreign = _foreign(pk)
    checkpoint = Checkpoint.objects.filter(foreign=foreign).first()
    if request.method != "POST" or checkpoint is None:
        return redirect(foreign)
    form = SampleForm(request.POST, run=foreign, checkpoints=[checkpoint])
    if not form.is_valid():
        return foreign_page(request, foreign, form)
    try:
        sample_run = start_sampling(
            checkpoint=checkpoint,
            per_class=form.per_class,
            seed=form.cleaned_data["seed"],
            dataset_name=form.cleaned_data["dataset_name"],
            options=form.options,
            created_by=_user(request),
        )
    except ValueError as error:
        form.add_error(None, str(error))
        return foreign_page(request, foreign, form)
    messages.success(request, f"Drawing “{sample_run.dataset_name}”.")
    return redirect(f"{foreign.get_absolute_url()}#samples")


def foreign_page(
    request: HttpRequest,
    foreign: ForeignGenerator,
    form: SampleForm | None = None,
    tools_form: ToolForm | None = None,
) -> HttpResponse:
    """The page of a generator from elsewhere, with a form as it was sent and what is wrong with it."""
    checkpoint = Checkpoint.objects.filter(foreign=foreign).first()
    checkpoints = [checkpoint] if checkpoint else []
    declaration = foreign.declaration
    is_ours = declaration["format"] == "safetensors"
    sample_runs = []
    if checkpoint is not None:
        sample_runs = list(checkpoint.sample_runs.select_related("job", "job__made_dataset", "dataset"))
    context: dict[str, Any] = {
        "foreign": foreign,
        "checkpoint": checkpoint,
        "format": FORMATS[declaration["format"]],
        "latents": "" if is_ours else LATENTS[declaration["latent"]],
        "class_input": "" if is_ours else CLASS_INPUTS[declaration["class_input"]],
        "picture": foreign.job.artefacts.filter(kind="grid").first(),
        "sample_runs": sample_runs,
        "kept_samples": selectors.kept_samples(sample_runs),
        "form": form or (SampleForm(run=foreign, checkpoints=checkpoints) if checkpoints else None),
        "tools_form": tools_form
        or (ToolForm(origin=foreign, checkpoints=checkpoints) if checkpoints and is_ours else None),
        "tool_jobs": selectors.tool_jobs(checkpoints),
    }
    return render(request, "generation/foreign_detail.html", context)


def _upload_page(request: HttpRequest, form: ForeignForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "max_mb": settings.MAX_UPLOAD_BYTES // 2**20}
    return render(request, "generation/foreign_new.html", context, status=status)


def _foreign(pk: uuid.UUID) -> ForeignGenerator:
    return get_object_or_404(ForeignGenerator.objects.select_related("job", "created_by"), pk=pk)


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
