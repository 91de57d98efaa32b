"""Pages of generators, for investigators: runs, a new run, one run with its checkpoints and samples."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation import selectors
from generation.forms import ChooseForm, SampleForm, TrainingForm
from generation.gan.presets import PRESETS, PUBLISHED_DURATION, PUBLISHED_ITERATIONS
from generation.gan.registry import get_generator
from generation.models import TrainingRun
from generation.services import start_sampling, start_training
from generation.tool_forms import ToolForm
from imaging.forms import FilterForm
from imaging.models import Dataset
from imaging.selectors import dataset_counts, describe_filters

PUBLISHED = {"published_iterations": PUBLISHED_ITERATIONS, "published_duration": PUBLISHED_DURATION}
RUNS_PER_PAGE = 12


@investigator_required
def run_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.list_runs(), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    runs = list(page)
    grids = selectors.newest_grids(runs)
    context = {
        "page_obj": page,
        "cards": [(run, grids.get(run.job_id)) for run in runs],
        "has_real_images": Dataset.objects.filter(origin=Dataset.Origin.REAL).exists(),
        "foreign_generators": selectors.foreign_generators(),
    }
    return render(request, "generation/run_list.html", context)


@investigator_required
def run_new(request: HttpRequest) -> HttpResponse:
    """Two steps at one address: ?dataset=&preset= chosen, then the settings."""
    choice = ChooseForm(request.GET or None)
    if not choice.is_valid():
        has_real_images = Dataset.objects.filter(origin=Dataset.Origin.REAL).exists()
        return render(request, "generation/run_choose.html", {"form": choice, "has_real_images": has_real_images})
    dataset, preset = choice.cleaned_data["dataset"], choice.cleaned_data["preset"]
    data = request.POST if request.method == "POST" else None
    form = TrainingForm(data, preset=preset)
    filter_form = FilterForm(data, dataset=dataset, prefix="filter")
    if data is not None and form.is_valid() and filter_form.is_valid() and form.config is not None:
        try:
            run = start_training(
                name=form.cleaned_data["name"],
                dataset=dataset,
                config=form.config,
                filters=filter_form.cleaned_data,
                created_by=_user(request),
                is_demonstration=form.is_demonstration,
                device=form.cleaned_data["device"],
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect(run)
    context = {
        "form": form,
        "filter_form": filter_form,
        "dataset": dataset,
        "counts": dataset_counts(dataset),
        "preset": preset,
        "other_preset": next(name for name in PRESETS if name != preset),
        **PUBLISHED,
    }
    return render(request, "generation/run_new.html", context)


@investigator_required
def run_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _run_page(request, _run(pk))


@investigator_required
def run_sample(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Starts sampling; a form that is not valid is shown again on the run's page."""
    run = _run(pk)
    if request.method != "POST":
        return redirect(run)
    real_counts = selectors.training_counts(run.dataset, run.filters)
    form = SampleForm(request.POST, run=run, checkpoints=list(run.checkpoints.all()), real_counts=real_counts)
    if "balance" in request.POST:
        return _run_page(request, run, form.balanced())
    if not form.is_valid():
        return _run_page(request, run, form)
    try:
        sample_run = start_sampling(
            checkpoint=form.cleaned_data["checkpoint"],
            per_class=form.per_class,
            seed=form.cleaned_data["seed"],
            dataset_name=form.cleaned_data["dataset_name"],
            created_by=_user(request),
            options=form.options,
        )
    except ValueError as error:
        form.add_error(None, str(error))
        return _run_page(request, run, form)
    messages.success(request, f"Drawing “{sample_run.dataset_name}”.")
    return redirect(f"{run.get_absolute_url()}#samples")


def _run_page(request: HttpRequest, run: TrainingRun, form: SampleForm | None = None) -> HttpResponse:
    checkpoints = list(run.checkpoints.all())
    sample_runs = [sample for checkpoint in checkpoints for sample in checkpoint.sample_runs.all()]
    grids = selectors.run_grids(run)
    config = get_generator(run.generator).config.from_dict(run.config)
    context = {
        "run": run,
        "generator": get_generator(run.generator),
        "settings": list(config.to_dict().items()),
        "filters": describe_filters(run.filters),
        "grids": grids,
        "grid_list": [
            {"step": grid.step, "url": reverse("worker:job_artefact", args=[run.job_id, grid.pk])} for grid in grids
        ],
        "training_images": run.job.artefacts.filter(kind="training_images").first(),
        "checkpoints": checkpoints,
        "sample_runs": sorted(sample_runs, key=lambda sample: sample.created_at, reverse=True),
        "form": form
        or SampleForm(
            run=run, checkpoints=checkpoints, real_counts=selectors.training_counts(run.dataset, run.filters)
        ),
        "tools_form": ToolForm(origin=run, checkpoints=checkpoints) if checkpoints else None,
        "tool_jobs": selectors.tool_jobs(checkpoints),
        **PUBLISHED,
    }
    return render(request, "generation/run_detail.html", context)


def _run(pk: uuid.UUID) -> TrainingRun:
    return get_object_or_404(selectors.runs_with_samples(), pk=pk)


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
