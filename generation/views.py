"""Pages of generators, for investigators: runs, a new run, one run with its checkpoints and samples."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation import selectors
from generation.forms import ChooseForm, ContinueForm, NormalForm, RunForm, SampleForm
from generation.gan.common_settings import Preset
from generation.gan.presets import PUBLISHED_DURATION, PUBLISHED_ITERATIONS
from generation.gan.registry import get_generator
from generation.memory_estimate import estimate_in_words
from generation.models import SampleRun, TrainingRun
from generation.preset_choices import get_preset, is_demonstration
from generation.selectors import NO_SUCH_SETTING
from generation.services import continue_training, discard_samples, start_sampling, start_training
from generation.tool_forms import ToolForm
from imaging.duplicates.asking import HALT, KNOWN, find_before_generator
from imaging.forms import FilterForm, LimitsForm, as_initial
from imaging.models import Dataset
from imaging.selectors import dataset_counts, describe_filters
from worker.models import JobArtefact
from worker.setting_fields import SettingsForm, fresh_seed

PUBLISHED = {"published_iterations": PUBLISHED_ITERATIONS, "published_duration": PUBLISHED_DURATION}
RUNS_PER_PAGE = 12
MAX_COMPARED = 6  # colours that can be told apart


@investigator_required
def run_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.list_runs(), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    runs = list(page)
    grids = selectors.newest_grids(runs)
    context = {
        "page_obj": page,
        "cards": [
            {
                "run": run,
                "title": get_generator(run.generator).title,
                "grid": grids.get(run.job_id),
                "images_seen": selectors.images_seen(run),
                "n_checkpoints": len(run.checkpoints.all()),
                "best": selectors.best_checkpoint(run),
            }
            for run in runs
        ],
        "has_real_images": Dataset.objects.filter(origin=Dataset.Origin.REAL).exists(),
        "foreign_generators": selectors.foreign_generators(),
    }
    return render(request, "generation/run_list.html", context)


@investigator_required
def run_compare(request: HttpRequest) -> HttpResponse:
    """?run=ID&run=ID...: curves on one plot, grids side by side, settings that differ."""
    wanted = [value for value in request.GET.getlist("run") if _is_uuid(value)][:MAX_COMPARED]
    known = {str(run.pk): run for run in selectors.list_runs().filter(pk__in=wanted)}
    runs = [known[value] for value in dict.fromkeys(wanted) if value in known]
    if len(runs) < 2:
        messages.info(request, "Tick two or more runs to compare them.")
        return redirect("generation:run_list")
    grids = [selectors.run_grids(run) for run in runs]
    columns = [
        {
            "run": run,
            "title": get_generator(run.generator).title,
            "newest": own[-1] if own else None,
            "images_seen": selectors.images_seen(run),
            "best": selectors.best_checkpoint(run),
        }
        for run, own in zip(runs, grids, strict=True)
    ]
    settings = selectors.compared_settings(runs)
    context = {
        "columns": columns,
        "curve_runs": [_curve_run(run) for run in runs],
        "grid_lists": [{"grids": _grid_list(run, own)} for run, own in zip(runs, grids, strict=True)],
        "shared_settings": [row for row in settings if NO_SUCH_SETTING not in row[1]],
        "own_settings": [row for row in settings if NO_SUCH_SETTING in row[1]],
    }
    return render(request, "generation/run_compare.html", context)


@investigator_required
def run_new(request: HttpRequest) -> HttpResponse:
    """Steps at one address: ?dataset=&preset= chosen (or ?like= an earlier run), then the settings.

    Between them, for a preset that chooses classes by their role: ?normal= the normal one, asked when no name says it.
    """
    wanted = request.GET.get("like", "")
    like = TrainingRun.objects.filter(pk=wanted).first() if _is_uuid(wanted) else None
    if like is not None:
        kind = get_generator(like.generator)
        config = kind.config.from_dict({**like.config, "seed": fresh_seed()})
        preset = Preset(
            name=kind.name,
            title=f"As “{like.name}”",
            generator=kind.name,
            make=lambda seed: config,
            is_demonstration=like.is_demonstration,
        )
        return _newrun_page(request, like.dataset, preset, filters=like.filters, limits=like.limits)
    choice = ChooseForm(request.GET if "preset" in request.GET else None, dataset=request.GET.get("dataset"))
    if not choice.is_valid():
        has_real_images = Dataset.objects.filter(origin=Dataset.Origin.REAL).exists()
        return render(request, "generation/run_choose.html", {"form": choice, "has_real_images": has_real_images})
    dataset, preset = choice.cleaned_data["dataset"], get_preset(choice.cleaned_data["preset"])
    if preset.mix is None:
        return _newrun_page(request, dataset, preset)
    normal = NormalForm(request.GET, counts=dataset_counts(dataset), mix=preset.mix)
    if not normal.is_valid():
        return render(request, "generation/run_normal.html", {"form": normal, "dataset": dataset, "preset": preset})
    filters = {"labels": normal.labels} if len(normal.labels) < len(normal.all_labels) else {}
    return _newrun_page(request, dataset, preset, filters=filters, limits=normal.limits, normal=normal)


def _newrun_page(
    request: HttpRequest,
    dataset: Dataset,
    preset: Preset,
    *,
    filters: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
    normal: NormalForm | None = None,
) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    counts = dataset_counts(dataset)
    form = RunForm(data)
    settings_form = SettingsForm(data, initial=preset.make(fresh_seed()))
    filter_form = FilterForm(data, dataset=dataset, prefix="filter", initial=as_initial(filters or {}))
    limits_form = LimitsForm(data, counts=counts, limits=limits)
    estimate = ""
    if data is not None and "estimate" in data:
        if settings_form.is_valid():
            estimate = estimate_in_words(
                generator=preset.generator, config=settings_form.config.to_dict(), n_classes=max(1, len(counts))
            )
        form = RunForm(initial={name: data.get(name) for name in RunForm.base_fields})  # what it says is kept
        data = None
    every_form = (form, settings_form, filter_form, limits_form)
    are_valid = [one.is_valid() for one in every_form]  # each says what is wrong with it
    copies = find_before_generator(dataset, filter_form.cleaned_data) if filter_form.is_valid() else []
    if data is not None and all(are_valid) and copies and KNOWN not in data:
        form.add_error(None, HALT)
    elif data is not None and all(are_valid):
        config = settings_form.config
        try:
            run = start_training(
                name=form.cleaned_data["name"],
                dataset=dataset,
                generator=preset.generator,
                config=config,
                filters=filter_form.cleaned_data,
                limits=limits_form.limits,
                created_by=_user(request),
                is_demonstration=is_demonstration(preset, config),
                device=form.cleaned_data["device"],
                processes=form.cleaned_data["gpus"],
                best_by=form.cleaned_data["best_by"],
                keep_best=form.cleaned_data["keep_best"],
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect(run)
    context = {
        "form": form,
        "settings_form": settings_form,
        "filter_form": filter_form,
        "limits_form": limits_form,
        "every_form": every_form,
        "copies": copies,
        "estimate": estimate,
        "dataset": dataset,
        "counts": counts,
        "preset": preset,
        "normal": normal,
        "generator": get_generator(preset.generator),
    }
    return render(request, "generation/run_new.html", context)


@investigator_required
def run_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return run_page(request, _run(pk))


@investigator_required
def run_continue(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A run that has ended goes on from its last checkpoint; a form that is not valid is shown on the run's page."""
    run = _run(pk)
    if request.method != "POST":
        return redirect(run)
    form = ContinueForm(request.POST, run=run)
    if not form.is_valid():
        return run_page(request, run, continue_form=form)
    try:
        continue_training(run=run, length=form.cleaned_data["length"])
    except ValueError as error:
        form.add_error("length", str(error))
        return run_page(request, run, continue_form=form)
    messages.success(request, f"“{run.name}” goes on from its last checkpoint.")
    return redirect(run)


@investigator_required
def run_sample(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Starts sampling; a form that is not valid is shown again on the run's page."""
    run = _run(pk)
    if request.method != "POST":
        return redirect(run)
    real_counts = selectors.run_counts(run)
    form = SampleForm(request.POST, run=run, checkpoints=list(run.checkpoints.all()), real_counts=real_counts)
    if "balance" in request.POST:
        return run_page(request, run, form.balanced())
    if not form.is_valid():
        return run_page(request, run, form)
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
        return run_page(request, run, form)
    messages.success(request, f"Drawing “{sample_run.dataset_name}”.")
    return redirect(f"{run.get_absolute_url()}#samples")


@investigator_required
@require_POST
def sample_discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Lets go of what a cancelled sampling keeps, so that nobody has to wait for it to be removed."""
    sample_run = get_object_or_404(SampleRun.objects.select_related("checkpoint__run", "checkpoint__foreign"), pk=pk)
    try:
        discard_samples(sample_run=sample_run)
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"What was drawn of “{sample_run.dataset_name}” is being removed.")
    return redirect(f"{sample_run.checkpoint.origin.get_absolute_url()}#samples")


def run_page(
    request: HttpRequest,
    run: TrainingRun,
    form: SampleForm | None = None,
    continue_form: ContinueForm | None = None,
    tools_form: ToolForm | None = None,
) -> HttpResponse:
    """The page of a run, with a form as it was sent and what is wrong with it."""
    checkpoints = list(run.checkpoints.all())
    sample_runs = sorted(
        (sample for checkpoint in checkpoints for sample in checkpoint.sample_runs.all()),
        key=lambda sample: sample.created_at,
        reverse=True,
    )
    grids = selectors.run_grids(run)
    best = selectors.best_checkpoint(run)
    context = {
        "run": run,
        "generator": get_generator(run.generator),
        "settings": selectors.run_settings(run),
        "filters": describe_filters(run.filters),
        "grids": grids,
        "grid_list": _grid_list(run, grids),
        "curve_runs": [_curve_run(run)],
        "training_images": run.job.artefacts.filter(kind="training_images").first(),
        "checkpoints": checkpoints,
        "measured_by": run.best_by.upper(),
        "rows": [(checkpoint, selectors.best_measure(run, checkpoint.measures)) for checkpoint in checkpoints],
        "best": best[0] if best else None,
        "sample_runs": sample_runs,
        "kept_samples": selectors.kept_samples(sample_runs),
        "form": form or SampleForm(run=run, checkpoints=checkpoints, real_counts=selectors.run_counts(run)),
        "tools_form": tools_form or (ToolForm(origin=run, checkpoints=checkpoints) if checkpoints else None),
        "tool_jobs": selectors.tool_jobs(checkpoints),
        "continue_form": continue_form or (ContinueForm(run=run) if run.job.is_final else None),
        **PUBLISHED,
    }
    return render(request, "generation/run_detail.html", context)


def _grid_list(run: TrainingRun, grids: list[JobArtefact]) -> list[dict[str, Any]]:
    return [{"step": grid.step, "url": reverse("worker:job_artefact", args=[run.job_id, grid.pk])} for grid in grids]


def _curve_run(run: TrainingRun) -> dict[str, str]:
    return {"name": run.name, "url": reverse("worker:job_series", args=[run.job_id])}


def _is_uuid(value: str) -> bool:
    try:
        return bool(uuid.UUID(value))
    except ValueError:
        return False


def _run(pk: uuid.UUID) -> TrainingRun:
    return get_object_or_404(selectors.runs_with_samples(), pk=pk)


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
