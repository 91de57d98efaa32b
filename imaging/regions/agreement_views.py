"""The page that says how far two annotators agree."""

from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.models import RegionAnnotator, RegionTask
from imaging.regions.agreement import BINS, Disagreement, RegionAgreement, compare_annotators
from imaging.regions.cropping import DEFAULT_LIMIT
from imaging.regions.forms import AgreementForm
from imaging.regions.selectors import Role, adjudicated_regions, current_regions, hidden_from

ROWS_PER_PAGE = 100
WORDS = {"visible": "seen by one only", "label": "labels differ", "place": "overlap too small"}


@dataclass(frozen=True)
class Bar:
    """One class of the histogram."""

    words: str
    count: int
    percent: int  # of the longest bar


@dataclass(frozen=True)
class Row:
    found: Disagreement
    position: int
    words: str
    is_adjudicated: bool


@investigator_required
@require_GET
def region_agreement(request: HttpRequest, pk: UUID) -> HttpResponse:
    task = get_object_or_404(RegionTask.objects.select_related("dataset"), pk=pk)
    annotators = _annotators(task)
    form = AgreementForm(_query(request, annotators), codes=[one.code for one in annotators])
    context: dict[str, object] = {"task": task, "form": form, "annotators": annotators}
    pair = chosen_pair(request, task)
    if pair is not None:
        context |= _compared(request, task, *pair)
    return render(request, "imaging/regions/agreement.html", context)


def chosen_pair(request: HttpRequest, task: RegionTask) -> tuple[RegionAnnotator, RegionAnnotator, float] | None:
    """The two annotators that ?first= and ?second= name (else the first two), and the ?limit= of their overlap.

    None when there are not two, or what is asked for makes no sense.
    """
    annotators = _annotators(task)
    if len(annotators) < 2:
        return None
    form = AgreementForm(_query(request, annotators), codes=[one.code for one in annotators])
    if not form.is_valid():
        return None
    by_code = {one.code: one for one in annotators}
    limit = form.cleaned_data["limit"]
    chosen = DEFAULT_LIMIT if limit is None else limit
    return by_code[form.cleaned_data["first"]], by_code[form.cleaned_data["second"]], chosen


def _annotators(task: RegionTask) -> list[RegionAnnotator]:
    return list(task.annotators.filter(role=Role.ANNOTATOR).order_by("number"))


def _query(request: HttpRequest, annotators: list[RegionAnnotator]) -> dict[str, str]:
    codes = [one.code for one in annotators]
    usual = {"first": codes[0], "second": codes[1] if len(codes) > 1 else "", "limit": f"{DEFAULT_LIMIT:g}"}
    return {key: request.GET.get(key) or value for key, value in usual.items()}


def _compared(
    request: HttpRequest, task: RegionTask, first: RegionAnnotator, second: RegionAnnotator, limit: float
) -> dict[str, object]:
    assert isinstance(request.user, User)  # noqa: S101  the guard says so
    positions = dict(_first_order(task))
    hidden = hidden_from(task, request.user)
    agreement = compare_annotators(
        current_regions(first),
        current_regions(second),
        images=list(positions),
        names=task.region_names,
        labels=task.labels,
        limit=limit,
        hidden=hidden,
    )
    judged = adjudicated_regions(task)
    rows = [
        Row(found, positions[found.image], ", ".join(WORDS[one] for one in found.reasons), found.image in judged)
        for found in agreement.disagreements
    ]
    measured = [agreement.pooled, *agreement.per_region] if len(task.region_names) > 1 else list(agreement.per_region)
    return {
        "first": first,
        "second": second,
        "limit": limit,
        "agreement": agreement,
        "measured": measured,
        "histograms": [(one, _bars(one)) for one in agreement.per_region],
        "tables": [(one, list(zip(task.labels, one.table, strict=True))) for one in agreement.per_region],
        "page_obj": Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page")),
        "images_in_disagreement": len({row.found.image for row in rows}),
        "open_images": len({row.found.image for row in rows if not row.is_adjudicated}),
        "query": f"first={first.code}&second={second.code}&limit={limit:g}",
        "n_hidden": len(hidden),
    }


def _first_order(task: RegionTask) -> list[tuple[UUID, int]]:
    first = task.annotators.get(role=Role.ANNOTATOR, number=1)
    return list(first.assignments.order_by("position").values_list("image_id", "position"))


def _bars(one: RegionAgreement) -> list[Bar]:
    most = max(one.histogram) or 1
    return [
        Bar(f"{index / BINS:.1f} to {(index + 1) / BINS:.1f}", count, round(100 * count / most))
        for index, count in enumerate(one.histogram)
    ]
