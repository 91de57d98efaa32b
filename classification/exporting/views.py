"""Downloads of an experiment that has ended: single files, and the ZIP of all of them. Investigators only."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from classification.exporting.files import archive_bytes, file_bytes, file_stem
from classification.models import Experiment
from classification.results import Results, read_results
from classification.selectors import list_experiments
from config.accounts.access import investigator_required

TYPES = {"csv": "text/csv; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json"}


@investigator_required
@require_safe
def experiment_file(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponse:
    experiment, results = _ended(pk)
    data = file_bytes(experiment, results, name)
    if data is None:
        raise Http404(f"This experiment has no file {name}")
    return _download(data, TYPES[name.rpartition(".")[2]], f"{file_stem(experiment)}-{name}")


@investigator_required
@require_safe
def experiment_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    experiment, results = _ended(pk)
    return _download(archive_bytes(experiment, results), "application/zip", f"{file_stem(experiment)}.zip")


def _ended(pk: uuid.UUID) -> tuple[Experiment, Results]:
    experiment = get_object_or_404(list_experiments(), pk=pk)
    if not experiment.results:
        raise Http404("This experiment has no results yet")
    try:
        return experiment, read_results(experiment.results)
    except ValueError as error:
        raise Http404(str(error)) from error


def _download(data: bytes, kind: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(data, content_type=kind, headers=headers)
