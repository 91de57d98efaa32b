"""Pages of generators, for investigators: runs, a new run, one run with its checkpoints and samples."""

import uuid
from dataclasses import fields

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation import selectors
from generation.forms import ChooseForm, RunForm, SampleForm
from generation.gan.presets import PUBLISHED_DURATION, PUBLISHED_ITERATIONS
from generation.gan.registry import get_generator
from generation.models import TrainingRun
from generation.preset_choices import fresh_seed, get_preset, is_demonstration
from generation.services import start_sampling, start_training
from generation.setting_fields import SettingsForm, setting_label, setting_value
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
    }
    return render(request, "generation/run_list.html", context)


@investigator_required
def run_new(request: HttpRequest) -> HttpResponse:
    """Two steps at one address: ?dataset=&preset= chosen, then the settings."""
    choice = ChooseForm(request.GET if "preset" in request.GET else None, dataset=request.GET.get("dataset"))
    if not choice.is_valid():
        has_real_images = Dataset.objects.filter(origin=Dataset.Origin.REAL).exists()
        return render(request, "generation/run_choose.html", {"form": choice, "has_real_images": has_real_images})
    dataset, preset = choice.cleaned_data["dataset"], get_preset(choice.cleaned_data["preset"])
    data = request.POST if request.method == "POST" else None
    form = RunForm(data)
    settings_form = SettingsForm(data, initial=preset.make(fresh_seed()))
    filter_form = FilterForm(data, dataset=dataset, prefix="filter")
    if data is not None and all(one.is_valid() for one in (form, settings_form, filter_form)):
        config = settings_form.config
        try:
            run = start_training(
                name=form.cleaned_data["name"],
                dataset=dataset,
                generator=preset.generator,
                config=config,
                filters=filter_form.cleaned_data,
                created_by=_user(request),
                is_demonstration=is_demonstration(preset, config),
                device=form.cleaned_data["device"],
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect(run)
    context = {
        "form": form,
        "settings_form": settings_form,
        "filter_form": filter_form,
        "every_form": (form, settings_form, filter_form),
        "dataset": dataset,
        "counts": dataset_counts(dataset),
        "preset": preset,
        "generator": get_generator(preset.generator),
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
    form = SampleForm(request.POST, run=run, checkpoints=list(run.checkpoints.all()))
    if not form.is_valid():
        return _run_page(request, run, form)
    try:
        sample_run = start_sampling(
            checkpoint=form.cleaned_data["checkpoint"],
            per_class=form.per_class,
            seed=form.cleaned_data["seed"],
            dataset_name=form.cleaned_data["dataset_name"],
            created_by=_user(request),
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
        "settings": [(setting_label(one), setting_value(one, getattr(config, one.name))) for one in fields(config)],
        "filters": describe_filters(run.filters),
        "grids": grids,
        "grid_list": [
            {"step": grid.step, "url": reverse("worker:job_artefact", args=[run.job_id, grid.pk])} for grid in grids
        ],
        "training_images": run.job.artefacts.filter(kind="training_images").first(),
        "checkpoints": checkpoints,
        "sample_runs": sorted(sample_runs, key=lambda sample: sample.created_at, reverse=True),
        "form": form or SampleForm(run=run, checkpoints=checkpoints),
        **PUBLISHED,
    }
    return render(request, "generation/run_detail.html", context)


def _run(pk: uuid.UUID) -> TrainingRun:
    return get_object_or_404(selectors.runs_with_samples(), pk=pk)


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
