"""Pages of inclusion: rules with the numbers they leave, and the flow chart of the dataset that came of them."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.flow_chart import draw_flow_chart
from imaging.forms import IncludedDatasetForm, InclusionForm, rules_as_initial
from imaging.including import earlier_rules, include_images, make_record, plan_inclusion
from imaging.models import Dataset
from imaging.services import DatasetError


@investigator_required
def dataset_include(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks, with the rules of another dataset where ?like= names one; POST counts ("preview") or makes it."""
    dataset = get_object_or_404(Dataset, pk=pk)
    earlier = earlier_rules()
    like = earlier.get(request.GET.get("like", ""))
    data = request.POST if request.method == "POST" else None
    form = InclusionForm(data, dataset=dataset, initial=rules_as_initial(like) if like else None)
    preview = "preview" in request.POST
    name_form = IncludedDatasetForm(None if preview else data, initial={"name": f"{dataset.name}, included"})
    record, total = None, dataset.images.count()
    if data is not None and form.is_valid():
        record = make_record(dataset, form.rules, plan_inclusion(dataset, form.rules), total=total)
        if not preview and name_form.is_valid():
            try:
                made = include_images(
                    dataset=dataset,
                    rules=form.rules,
                    name=name_form.cleaned_data["name"],
                    created_by=request.user if isinstance(request.user, User) else None,
                )
            except DatasetError as error:
                name_form.add_error("name" if "called" in str(error) else None, str(error))
            else:
                messages.success(request, f"“{made.name}” has the images that pass the rules.")
                return redirect(made)
    context = {
        "dataset": dataset,
        "form": form,
        "name_form": name_form,
        "record": record,
        "total": total,
        "earlier": [name for name in earlier if name != dataset.name],
    }
    return render(request, "imaging/dataset_include.html", context)


@investigator_required
def dataset_flow_chart(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The SVG, as a paper prints it."""
    dataset = get_object_or_404(Dataset, pk=pk)
    if not dataset.inclusion_record:
        raise Http404
    chart = draw_flow_chart(dataset.inclusion_record, label=f"Flow chart of {dataset.name}")
    return HttpResponse(chart, content_type="image/svg+xml")
