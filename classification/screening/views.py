"""Pages of screenings: all of a dataset with a form for a new one, and one with what it found. The queue is beside."""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from classification.models import Screening
from classification.screening import selectors
from classification.screening.export import export_screening
from classification.screening.forms import CheckForm, ScreenedDatasetForm, ScreeningForm
from classification.screening.services import MOST_CHECKED, draw_check_sample, make_screened_dataset, start_screening
from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.models import Dataset


@investigator_required
@require_http_methods(["GET", "HEAD", "POST"])
def dataset_screenings(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    user = cast(User, request.user)
    form = ScreeningForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(start_screening(dataset=dataset, created_by=user, **form.cleaned_data))
        except ValueError as error:
            form.add_error(None, str(error))
    context = {"dataset": dataset, "form": form, "screenings": selectors.list_screenings(dataset)}
    return render(request, "classification/screening/screenings.html", context)


@investigator_required
@require_GET
def screening_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page(request, get_screening(pk))


@investigator_required
@require_POST
def screening_check(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Draw the check sample, and go to look at it."""
    screening = get_screening(pk)
    form = CheckForm(request.POST, most=_most_checked(screening))
    if form.is_valid():
        try:
            draw_check_sample(screening=screening, size=form.cleaned_data["size"], by=cast(User, request.user))
        except ValueError as error:
            form.add_error("size", str(error))
        else:
            return redirect("classification:screening_queue", pk)
    return _page(request, screening, check_form=form)


@investigator_required
@require_POST
def screening_make(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Make the dataset without the excluded images."""
    screening = get_screening(pk)
    form = ScreenedDatasetForm(request.POST)
    if form.is_valid():
        try:
            made = make_screened_dataset(
                screening=screening, name=form.cleaned_data["name"], by=cast(User, request.user)
            )
        except ValueError as error:
            form.add_error("name" if "called" in str(error) else None, str(error))
        else:
            messages.success(request, f"“{made.name}” has the images that were not excluded.")
            return redirect(made)
    return _page(request, screening, make_form=form)


@investigator_required
@require_GET
def screening_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    screening = get_screening(pk)
    name = f"{slugify(str(screening.dataset)) or 'images'}-screening.csv"
    return HttpResponse(
        export_screening(screening),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def get_screening(pk: uuid.UUID) -> Screening:
    return get_object_or_404(
        Screening.objects.select_related(
            "dataset", "scoring__classifier__experiment", "reviewer", "job", "result", "created_by"
        ),
        pk=pk,
    )


def _most_checked(screening: Screening) -> int:
    return min(screening.images.filter(decision="").count(), MOST_CHECKED)


def _page(
    request: HttpRequest,
    screening: Screening,
    check_form: CheckForm | None = None,
    make_form: ScreenedDatasetForm | None = None,
) -> HttpResponse:
    queue = selectors.queue_of(screening)
    through = selectors.is_looked_through(screening, queue)
    unseen = screening.images.filter(decision="").count()
    because = selectors.excluded_by_reason(screening)
    may_decide = screening.reviewer_id == request.user.pk and screening.finished_at is None
    context: dict[str, Any] = {
        "screening": screening,
        "dataset": screening.dataset,
        "queue": queue,
        "looked_at": screening.n_images - unseen,
        "unseen": unseen,
        "n_excluded": sum(n for _, n in because),
        "because": because,
        "ranking": selectors.ranking_of(screening),
        "check": selectors.check_of(screening, queue),
        "learnt": screening.scoring.results.get("learnt", {}) if screening.scoring else {},
        "is_through": through,
        "may_decide": may_decide,
    }
    if may_decide and through and screening.stopped_at is not None and not queue.is_check and unseen:
        context["check_form"] = check_form or CheckForm(most=min(unseen, MOST_CHECKED))
    if may_decide and through and because:
        proposed = f"{screening.dataset.name}, screened"
        context["make_form"] = make_form or ScreenedDatasetForm(initial={"name": proposed})
    status = 400 if check_form is not None or make_form is not None else 200
    return render(request, "classification/screening/screening_detail.html", context, status=status)
