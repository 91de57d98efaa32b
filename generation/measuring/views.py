"""Pages of measurements, for investigators: start one, its table, its memorisation check, its files."""

import uuid
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation.measuring import selectors
from generation.measuring.forms import MeasureForm
from generation.measuring.names import FILES, NEAREST, NEAREST_SMALL, PLOT, PLOT_SMALL, SHEET
from generation.measuring.parameters import MEASURE
from generation.measuring.services import start_measuring
from generation.measuring.words import measure_rows
from imaging.models import Dataset, DatasetReport
from imaging.reports import find_report_file

PAIRS_PER_PAGE = 12
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}


@investigator_required
def dataset_measures(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Of one synthetic dataset: measurements so far, and the form of a new one."""
    dataset = get_object_or_404(Dataset, pk=pk, origin=Dataset.Origin.SYNTHETIC)
    form = MeasureForm(request.POST if request.method == "POST" else None, dataset=dataset)
    if request.method == "POST" and form.is_valid():
        try:
            start_measuring(
                dataset=dataset,
                training=form.cleaned_data["training"],
                training_filters=form.training_filters,
                held_out=form.cleaned_data["held_out"],
                held_out_filters=form.held_out_filters,
                settings=form.settings,
                device=form.cleaned_data["device"],
                created_by=request.user if isinstance(request.user, User) else None,
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect("generation:dataset_measures", pk=dataset.pk)
    context = {
        "dataset": dataset,
        "form": form,
        "reports": list(selectors.measurements(dataset)),
        "jobs": selectors.unfinished_jobs(dataset),
        "has_real_images": Dataset.objects.filter(origin=Dataset.Origin.REAL).exists(),
    }
    return render(request, "generation/measuring/dataset_measures.html", context)


@investigator_required
@require_safe
def report_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    report = _report(pk)
    context = {
        **_context(report),
        "rows": measure_rows(report.values),
        "files": [(name, words) for name, words in FILES if name in report.files],
        "settings": list(report.values["settings"].items()),
    }
    return render(request, "generation/measuring/report_detail.html", context)


@investigator_required
@require_safe
def report_pairs(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Synthetic images beside their nearest training image, the most suspicious first.

    `?show=flagged`: only those. `?by=pictures`: by likeness of small pictures in place of features.
    """
    report = _report(pk)
    show = "flagged" if request.GET.get("show") == "flagged" else ""
    by = "pictures" if request.GET.get("by") == "pictures" and NEAREST_SMALL in report.files else ""
    plot = PLOT_SMALL if by else PLOT
    rows = selectors.read_pairs(report, name=NEAREST_SMALL if by else NEAREST, flagged_only=bool(show))
    page = Paginator(rows, PAIRS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_context(report, "memorisation_pictures" if by else "memorisation"),
        "page_obj": page,
        "pairs": selectors.with_images(report, list(page)),
        "show": show,
        "by": by,
        "has_pictures": NEAREST_SMALL in report.files,
        "plot": plot if plot in report.files else "",
    }
    return render(request, "generation/measuring/report_pairs.html", context)


@investigator_required
@require_safe
def report_file(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponseBase:
    """One of the report's files: pictures shown, the others downloaded."""
    report = _report(pk)
    path = find_report_file(report, name)
    if path is None:
        raise Http404(f"This measurement has no file {name}")
    shown = name in (PLOT, PLOT_SMALL, SHEET)
    label = f"{slugify(report.dataset.name) or 'dataset'}-{name}"
    response = FileResponse(
        path.open("rb"), content_type=TYPES[path.suffix[1:]], filename=label, as_attachment=not shown
    )
    response["Cache-Control"] = "private, no-store"
    return response


def _report(pk: uuid.UUID) -> DatasetReport:
    return get_object_or_404(DatasetReport.objects.select_related("dataset", "created_by"), pk=pk, kind=MEASURE)


def _context(report: DatasetReport, check: str = "memorisation") -> dict[str, Any]:
    memorisation = report.values[check]
    percent = {f"{name}_percent": 100 * memorisation[name] for name in ("share", "low", "high", "level")}
    return {
        **percent,
        "report": report,
        "dataset": report.dataset,
        "values": report.values,
        "memorisation": memorisation,
        "images": report.values["images"],
    }
