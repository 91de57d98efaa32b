"""Page that shares the images of a dataset out among train, tune and test."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from imaging.duplicates.overlap import split_overlap
from imaging.forms import SplitForm
from imaging.models import Dataset, Image
from imaging.selectors import patients_in_several_splits, split_counts
from imaging.services import DatasetError, freeze_dataset, plan_splits, split_dataset


@investigator_required
def dataset_split(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks; POST shows what would come of it ("preview") or writes it."""
    dataset = get_object_or_404(Dataset, pk=pk)
    has_test = dataset.images.filter(split=Image.Split.TEST).exists()
    form = SplitForm(request.POST if request.method == "POST" else None, has_test=has_test)
    planned: list[tuple[str, list[tuple[str, int]]]] = []
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = {
            "shares": form.shares,
            "seed": form.cleaned_data["seed"],
            "keep_test": form.cleaned_data.get("keep_test", False),
        }
        try:
            if "preview" in request.POST:
                planned = _counts(dataset, plan_splits(dataset=dataset, **values), keep_test=values["keep_test"])
            else:
                split_dataset(dataset=dataset, **values)
                messages.success(request, f"The images of “{dataset.name}” are split.")
                return redirect("imaging:dataset_detail", pk=pk)
        except DatasetError as error:
            form.add_error(None, str(error))
    context = {
        "dataset": dataset,
        "form": form,
        "planned": planned,
        "now": split_counts(dataset),
        "mixed_patients": patients_in_several_splits(dataset),
        "overlap": split_overlap(dataset).in_words("the training and tuning images", "The test set"),
        "without_patient": dataset.images.filter(patient_pseudonym="").count(),
    }
    return render(request, "imaging/dataset_split.html", context)


@investigator_required
@require_POST
def dataset_freeze(request: HttpRequest, pk: UUID) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    freeze_dataset(dataset=dataset)
    messages.success(request, f"“{dataset.name}” is frozen: its images, classes and splits stay as they are.")
    return redirect("imaging:dataset_detail", pk=pk)


def _counts(dataset: Dataset, planned: dict[UUID, str], *, keep_test: bool) -> list[tuple[str, list[tuple[str, int]]]]:
    """Split -> (class, images), as it would be."""
    labels = dict(dataset.images.values_list("pk", "label"))
    counts = Counter((split, labels[pk]) for pk, split in planned.items())
    if keep_test:
        counts.update(("test", label) for label in dataset.images.filter(split="test").values_list("label", flat=True))
    splits = [split for split in ("train", "tune", "test") if any(split == one for one, _ in counts)]
    return [(split, sorted((label, n) for (one, label), n in counts.items() if one == split)) for split in splits]
