"""List, page and removal of datasets."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.cards.numbers import age_rows, as_rows
from imaging.deleting import (
    KEPT_DELETED,
    deleted_datasets,
    dependents,
    put_away_dataset,
    remove_for_good,
    restore_dataset,
)
from imaging.flow_chart import chart_in_words
from imaging.forms import FilterForm
from imaging.intake.preparing import Choices
from imaging.models import Dataset
from imaging.selectors import (
    dataset_counts,
    dataset_facets,
    datasets_with_counts,
    describe_filters,
    filter_images,
    made_with,
    patients_in_several_splits,
    split_counts,
)
from imaging.services import DatasetError
from imaging.versions import version_chain
from imaging.views.images import filter_query

IMAGES_PER_PAGE = 60
DATASETS_PER_PAGE = 50


@investigator_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(Dataset.objects.all(), DATASETS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "datasets": datasets_with_counts(page),
        "has_deleted": deleted_datasets().exists(),
    }
    return render(request, "imaging/dataset_list.html", context)


@investigator_required
def dataset_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset.objects.select_related("created_by", "version_of"), pk=pk)
    facets = dataset_facets(dataset)
    form = FilterForm(request.GET, dataset=dataset, facets=facets)
    filters = form.cleaned_data if form.is_valid() else {}
    splits = split_counts(dataset)
    has_splits = bool(set(splits) - {""})
    page = Paginator(filter_images(dataset, filters), IMAGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "classes": as_rows(facets.counts),
        "ages": age_rows(dataset),
        "total": facets.total,
        "form": form,
        "filters": describe_filters(filters) if filters else "",
        "filter_query": filter_query(request),
        "page_obj": page,
        "made_with": made_with(page),
        "mixed_patients": patients_in_several_splits(dataset) if has_splits else 0,
        "splits": splits,
        "has_splits": has_splits,
        "prepared": Choices(**dataset.import_record).in_words() if dataset.import_record else "",
        "region_tasks": list(dataset.region_tasks.all()),
        "waiting": dataset.quarantined.count(),
        "signed": dataset.sign_offs.exists(),
        "inclusion_in_words": chart_in_words(dataset.inclusion_record) if dataset.inclusion_record else "",
        "versions": version_chain(dataset),
    }
    return render(request, "imaging/dataset_detail.html", context)


@investigator_required
def dataset_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks, and says what depends on it; POST puts it away."""
    dataset = get_object_or_404(Dataset, pk=pk)
    if request.method == "POST":
        try:
            put_away_dataset(dataset=dataset, by=request.user if isinstance(request.user, User) else None)
        except DatasetError as error:
            messages.error(request, str(error))
            return redirect("imaging:dataset_detail", pk=pk)
        messages.success(
            request, f"The dataset “{dataset.name}” was deleted. It can be restored under “Deleted datasets”."
        )
        return redirect("imaging:dataset_list")
    found = dependents(dataset)
    context = {
        "dataset": dataset,
        "total": sum(dataset_counts(dataset).values()),
        "holding": [one for one in found if one.holds],
        "derived": [one for one in found if not one.holds],
        "days": KEPT_DELETED.days,
        "waiting": dataset.quarantined.count(),
    }
    return render(request, "imaging/dataset_delete.html", context)


@investigator_required
def deleted_list(request: HttpRequest) -> HttpResponse:
    """GET shows what can be restored; POST restores one, or removes it for good."""
    if request.method == "POST":
        dataset = get_object_or_404(deleted_datasets(), pk=request.POST.get("dataset"))
        try:
            if "remove" in request.POST:
                remove_for_good(dataset=dataset, by=request.user if isinstance(request.user, User) else None)
                messages.success(request, f"The dataset “{dataset.name}” is removed for good.")
                return redirect("imaging:deleted_list")
            restored = restore_dataset(dataset=dataset)
        except DatasetError as error:
            messages.error(request, str(error))
            return redirect("imaging:deleted_list")
        messages.success(request, f"The dataset “{restored.name}” is back.")
        return redirect(restored)
    page = Paginator(deleted_datasets(), DATASETS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "imaging/deleted_list.html", {"page_obj": page, "days": KEPT_DELETED.days})
