"""Pages of region tasks: list, new, one task, files, crops, removal."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from config.accounts.access import annotator_required, investigator_required
from config.accounts.models import User
from imaging.models import Dataset, RegionTask
from imaging.regions.cropping import start_crops
from imaging.regions.drawn import RegionError
from imaging.regions.export import export_csv, export_json
from imaging.regions.forms import AddAnnotatorForm, CropsForm, RegionTaskForm
from imaging.regions.selectors import Role, annotator_of, annotators_with_progress, own_tasks, tasks_with_progress
from imaging.regions.services import add_annotator, close_task, create_task, delete_task, reopen_task
from imaging.services import DatasetError

TASKS_PER_PAGE = 50


@investigator_required
@require_GET
def region_task_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(tasks_with_progress(), TASKS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "imaging/regions/task_list.html", {"page_obj": page})


@annotator_required
@require_GET
def my_regions(request: HttpRequest) -> HttpResponse:
    """What is given to me to draw: all that an annotator sees of a project."""
    page = Paginator(own_tasks(_user(request)), TASKS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "imaging/regions/my_regions.html", {"page_obj": page})


@investigator_required
def region_task_new(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new task on the dataset `pk`."""
    dataset = get_object_or_404(Dataset, pk=pk)
    user = _user(request)
    form = RegionTaskForm(request.POST if request.method == "POST" else None, dataset=dataset, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(create_task(dataset=dataset, created_by=user, **form.values))
        except RegionError as error:
            form.add_error("sample_size" if "sample of" in str(error) else None, str(error))
    total = dataset.images.count()
    return render(request, "imaging/regions/task_new.html", {"dataset": dataset, "form": form, "total": total})


@investigator_required
@require_GET
def region_task(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _task_page(request, _task(pk))


@investigator_required
@require_POST
def region_annotator_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    task = _task(pk)
    form = AddAnnotatorForm(request.POST, task=task)
    if form.is_valid():
        try:
            added = add_annotator(task=task, user=form.people[form.cleaned_data["user"]])
        except RegionError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{added.user} is annotator {added.code}.")
            return redirect(task)
    return _task_page(request, task, add_form=form, status=400)


@investigator_required
@require_POST
def region_task_close(request: HttpRequest, pk: UUID) -> HttpResponse:
    task = _task(pk)
    close_task(task=task)
    messages.success(request, "The task is closed: nothing is drawn any more.")
    return redirect(task)


@investigator_required
@require_POST
def region_task_reopen(request: HttpRequest, pk: UUID) -> HttpResponse:
    task = _task(pk)
    try:
        reopen_task(task=task)
    except RegionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The task is open again.")
    return redirect(task)


@investigator_required
def region_task_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET asks, POST deletes."""
    task = _task(pk)
    if request.method == "POST":
        try:
            delete_task(task=task)
        except RegionError as error:
            messages.error(request, str(error))
            return redirect(task)
        messages.success(request, f"The task “{task.name}” was deleted with its regions.")
        return redirect("imaging:region_task_list")
    drawn = sum(one.n_done for role in Role.values for one in annotators_with_progress(task, role))  # type: ignore[attr-defined]
    return render(request, "imaging/regions/task_delete.html", {"task": task, "drawn": drawn})


@investigator_required
@require_POST
def region_crops_start(request: HttpRequest, pk: UUID) -> HttpResponse:
    task = _task(pk)
    form = CropsForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        values.pop("size")
        try:
            start_crops(task=task, created_by=_user(request), **values)
        except (RegionError, DatasetError) as error:
            form.add_error("dataset_name" if isinstance(error, DatasetError) else None, str(error))
        else:
            return redirect(f"{task.get_absolute_url()}#crops")
    return _task_page(request, task, crops_form=form, status=400)


@investigator_required
@require_GET
def regions_csv(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Regions as they stand; with ?history=1 every revision."""
    task = _task(pk)
    content = export_csv(task, user=_user(request), history="history" in request.GET)
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=_as_file(task, "csv"))


@investigator_required
@require_GET
def regions_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """As `regions_csv`, with the settings of the task."""
    task = _task(pk)
    content = export_json(task, user=_user(request), history="history" in request.GET)
    options = {"indent": 1, "ensure_ascii": False}
    return JsonResponse(content, json_dumps_params=options, headers=_as_file(task, "json"))


def _task_page(
    request: HttpRequest,
    task: RegionTask,
    *,
    add_form: AddAnnotatorForm | None = None,
    crops_form: CropsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    annotators = annotators_with_progress(task)
    own = annotator_of(task, _user(request))
    if add_form is None and task.is_open:
        add_form = AddAnnotatorForm(task=task)
    if crops_form is None:
        crops_form = CropsForm(initial={"dataset_name": f"{task.name}, crops"[:200]})
    context: dict[str, Any] = {
        "task": task,
        "annotators": annotators,
        "adjudicators": annotators_with_progress(task, Role.ADJUDICATOR),
        "own": next((one for one in annotators if own is not None and one.pk == own.pk), None),
        "add_form": add_form,
        "crops_form": crops_form,
        "crops": list(task.crops.select_related("dataset", "job")),
        "unfinished": sum(task.n_images - one.n_done for one in annotators),  # type: ignore[attr-defined]
    }
    return render(request, "imaging/regions/task.html", context, status=status)


def _task(pk: UUID) -> RegionTask:
    return get_object_or_404(RegionTask.objects.select_related("dataset", "created_by"), pk=pk)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the guard of each view says so
    return request.user


def _as_file(task: RegionTask, kind: str) -> dict[str, str]:
    name = slugify(task.name) or "regions"
    return {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"}
