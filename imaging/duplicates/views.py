"""Pages of duplicates, for investigators: start a search, its pairs side by side, its table."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.duplicates import selectors
from imaging.duplicates.forms import SearchForm
from imaging.duplicates.overlap import split_overlap
from imaging.duplicates.pairs import FILTERS, PAIRS
from imaging.duplicates.parameters import SEARCH
from imaging.duplicates.services import start_search
from imaging.models import Dataset, DatasetReport
from imaging.reports import find_report_file

PAIRS_PER_PAGE = 12


@investigator_required
def dataset_duplicates(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Of one dataset: searches so far, and the form of a new one."""
    dataset = get_object_or_404(Dataset, pk=pk)
    form = SearchForm(request.POST if request.method == "POST" else None, dataset=dataset)
    if request.method == "POST" and form.is_valid():
        try:
            start_search(
                dataset=dataset,
                others=list(form.cleaned_data.get("others", [])),
                limit=form.cleaned_data["limit"],
                created_by=request.user if isinstance(request.user, User) else None,
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect("imaging:dataset_duplicates", pk=dataset.pk)
    reports = Paginator(selectors.searches(dataset), 25).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "form": form,
        "page_obj": reports,
        "jobs": selectors.unfinished_searches(dataset),
        "overlap": split_overlap(dataset).in_words("the training and tuning images", "The test set"),
    }
    return render(request, "imaging/duplicates/dataset_duplicates.html", context)


@investigator_required
@require_safe
def duplicates_report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Pairs side by side; `?show=` one of `pairs.FILTERS`."""
    report = _report(pk)
    show = request.GET.get("show", "")
    show = show if show in FILTERS else ""
    page = Paginator(selectors.read_pairs(report, show=show), PAIRS_PER_PAGE).get_page(request.GET.get("page"))
    counts = report.values["counts"]
    context = {
        "report": report,
        "dataset": report.dataset,
        "page_obj": page,
        "pairs": selectors.with_images(report, list(page)),
        "show": show,
        "filters": [(name, words, counts.get(name or "pairs", 0)) for name, words in FILTERS.items()],
        "names": {one["id"]: one["name"] for one in report.values["datasets"]},
        "left_out": counts.get("pairs", 0) - report.values["kept"],
        "is_lost": find_report_file(report, PAIRS) is None,
    }
    return render(request, "imaging/duplicates/report.html", context)


@investigator_required
@require_safe
def duplicates_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The table of pairs (CSV)."""
    report = _report(pk)
    path = find_report_file(report, PAIRS)
    if path is None:
        raise Http404("The table of this search is lost")
    name = f"{slugify(report.dataset.name) or 'dataset'}-duplicates.csv"
    response = FileResponse(path.open("rb"), content_type="text/csv; charset=utf-8", filename=name, as_attachment=True)
    response["Cache-Control"] = "private, no-store"
    return response


def _report(pk: UUID) -> DatasetReport:
    reports = DatasetReport.objects.select_related("dataset", "created_by").filter(dataset__state=Dataset.State.READY)
    return get_object_or_404(reports, pk=pk, kind=SEARCH)
