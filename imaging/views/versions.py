"""Page of versions: the list of them, what changed between two datasets, and the form that makes one a version."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from config.accounts.access import investigator_required
from config.forms import BootstrapFormMixin
from imaging.models import Dataset, Image
from imaging.services import DatasetError
from imaging.versions import compare_datasets, declare_version, undo_version, version_chain

SHOWN = 24  # images of each kind of change


class OtherForm(BootstrapFormMixin, forms.Form):
    other = forms.ModelChoiceField(Dataset.objects.none(), label="Compare with", empty_label="Choose a dataset")

    def __init__(self, data: object = None, *, dataset: Dataset, initial: Dataset | None = None) -> None:
        super().__init__(data, initial={"other": initial})
        same_kind = Dataset.objects.filter(origin=dataset.origin).exclude(pk=dataset.pk)
        self.fields["other"].queryset = same_kind  # type: ignore[attr-defined]


@investigator_required
def dataset_versions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET lists the versions and, with ?other=, says what changed since that dataset. POST makes this dataset the next
    version of the other one ("declare"), or one of its own again ("undo").
    """
    dataset = get_object_or_404(Dataset.objects.select_related("version_of"), pk=pk)
    if request.method == "POST":
        return _change(request, dataset)
    chain = version_chain(dataset)
    earlier = [one for one in chain if one.version_number < dataset.version_number]
    before = earlier[-1] if earlier else None
    form = OtherForm(request.GET if "other" in request.GET else None, dataset=dataset, initial=before)
    other = form.cleaned_data["other"] if form.is_valid() else None
    context = {"dataset": dataset, "versions": chain, "form": form, "other": other}
    if other is not None:
        context |= _changes(other, dataset)
    return render(request, "imaging/dataset_versions.html", context)


def _changes(before: Dataset, after: Dataset) -> dict[str, object]:
    found = compare_datasets(before, after)
    return {
        "comparison": found,
        "added": _shown(after, found.added),
        "removed": _shown(before, found.removed),
        "relabelled": [(one, *found.relabelled[one.pixel_sha256]) for one in _shown(after, list(found.relabelled))],
        "resplit": [(one, *found.resplit[one.pixel_sha256]) for one in _shown(after, list(found.resplit))],
        "shown": SHOWN,
    }


def _shown(dataset: Dataset, hashes: list[str]) -> list[Image]:
    return list(dataset.images.filter(pixel_sha256__in=hashes[:SHOWN]).order_by("pixel_sha256"))


def _change(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    if "undo" in request.POST:
        undo_version(dataset=dataset)
        messages.success(request, f"“{dataset.name}” is a dataset of its own again.")
        return redirect("imaging:dataset_versions", pk=dataset.pk)
    form = OtherForm(request.POST, dataset=dataset)
    if form.is_valid():
        try:
            made = declare_version(dataset=dataset, of=form.cleaned_data["other"])
        except DatasetError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"“{made.name}” is version {made.version_number} of “{made.version_of}”.")
    else:
        messages.error(request, "Choose the dataset that this one is a later version of.")
    return redirect("imaging:dataset_versions", pk=dataset.pk)
