"""List, page and removal of datasets."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from config.accounts.access import investigator_required
from imaging.flow_chart import chart_in_words
from imaging.forms import FilterForm
from imaging.intake.preparing import Choices
from imaging.models import Dataset
from imaging.selectors import (
    dataset_counts,
    datasets_with_counts,
    describe_filters,
    filter_images,
    made_with,
    patients_in_several_splits,
    split_counts,
)
from imaging.services import DatasetError, delete_dataset

IMAGES_PER_PAGE = 60


@investigator_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    return render(request, "imaging/dataset_list.html", {"datasets": datasets_with_counts()})


@investigator_required
def dataset_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset.objects.select_related("created_by"), pk=pk)
    form = FilterForm(request.GET, dataset=dataset)
    filters = form.cleaned_data if form.is_valid() else {}
    images = filter_images(dataset, filters)
    counts = dataset_counts(dataset)
    splits = split_counts(dataset)
    page = Paginator(images, IMAGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "dataset": dataset,
        "counts": [(label, n, round(100 * n / max(counts.values()))) for label, n in counts.items()],
        "total": sum(counts.values()),
        "form": form,
        "filters": describe_filters(filters) if filters else "",
        "page_obj": page,
        "made_with": made_with(page),
        "mixed_patients": patients_in_several_splits(dataset),
        "splits": splits,
        "has_splits": set(splits) - {""},
        "prepared": Choices(**dataset.import_record).in_words() if dataset.import_record else "",
        "region_tasks": list(dataset.region_tasks.all()),
        "waiting": dataset.quarantined.count(),
        "signed": dataset.sign_offs.exists(),
        "inclusion_in_words": chart_in_words(dataset.inclusion_record) if dataset.inclusion_record else "",
    }
    return render(request, "imaging/dataset_detail.html", context)


@investigator_required
def dataset_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks, POST deletes."""
    dataset = get_object_or_404(Dataset, pk=pk)
    if request.method == "POST":
        try:
            delete_dataset(dataset=dataset)
        except DatasetError as error:
            messages.error(request, str(error))
            return redirect("imaging:dataset_detail", pk=pk)
        messages.success(request, f"The dataset “{dataset.name}” was deleted.")
        return redirect("imaging:dataset_list")
    total = sum(dataset_counts(dataset).values())
    context = {"dataset": dataset, "total": total, "waiting": dataset.quarantined.count()}
    return render(request, "imaging/dataset_delete.html", context)
