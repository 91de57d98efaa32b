"""Pages of the card, for investigators: read it, change what it says, take it along; and the export of a dataset."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.cards.content import card_parts
from imaging.cards.export_parameters import EXPORT
from imaging.cards.exporting import export_warnings
from imaging.cards.forms import CardForm
from imaging.cards.markdown import card_markdown
from imaging.cards.pdf import card_pdf
from imaging.cards.services import FIELDS, change_card, start_export
from imaging.models import Dataset
from imaging.services import DatasetError
from worker.models import Job, JobArtefact

CHANGES_SHOWN = 50
TYPES = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


@investigator_required
@require_safe
def dataset_card(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = _dataset(pk)
    return render(request, "imaging/cards/card.html", {"dataset": dataset, "parts": card_parts(dataset)})


@investigator_required
@require_safe
def card_file(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """The card as Markdown ("md") or PDF ("pdf")."""
    dataset = _dataset(pk)
    if kind not in TYPES:
        raise Http404
    parts = card_parts(dataset)
    content = card_pdf(dataset.name, parts) if kind == "pdf" else card_markdown(dataset.name, parts)
    name = f"{slugify(dataset.name) or 'dataset'}-card.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=TYPES[kind], headers=headers)


@investigator_required
def card_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = _dataset(pk)
    form = CardForm(request.POST or None, instance=Dataset.objects.get(pk=pk))
    if request.method == "POST" and form.is_valid():
        by = request.user if isinstance(request.user, User) else None
        if change_card(dataset=dataset, values={name: form.cleaned_data[name] for name in FIELDS}, by=by):
            messages.success(request, "The card is changed.")
        return redirect("imaging:dataset_card", pk=pk)
    context = {
        "dataset": dataset,
        "form": form,
        "changes": dataset.card_changes.select_related("changed_by")[:CHANGES_SHOWN],
    }
    return render(request, "imaging/cards/edit.html", context)


@investigator_required
def dataset_export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET shows the archives that were made, POST makes one."""
    dataset = _dataset(pk)
    if request.method == "POST":
        try:
            start_export(dataset=dataset, created_by=request.user if isinstance(request.user, User) else None)
        except DatasetError as error:
            messages.error(request, str(error))
        return redirect("imaging:dataset_export", pk=pk)
    jobs = Job.objects.filter(kind=EXPORT, parameters__dataset_id=str(pk)).order_by("-created_at")
    archives = JobArtefact.objects.filter(job__in=jobs, job__state=Job.State.SUCCEEDED).select_related("job")
    context = {
        "dataset": dataset,
        "jobs": jobs.exclude(state=Job.State.SUCCEEDED)[:5],
        "archives": archives.order_by("-created_at")[:10],
        "warnings": export_warnings(dataset),
    }
    return render(request, "imaging/cards/export.html", context)


def _dataset(pk: UUID) -> Dataset:
    return get_object_or_404(Dataset.objects.select_related("created_by", "version_of"), pk=pk)
