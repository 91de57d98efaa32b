"""Pages of experiments, for investigators: the list, a new one, one with its curve and tables."""

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.shortcuts import redirect as go_to
from django.urls import reverse

from classification import selectors
from classification.cnn.config import PRESETS, ClassifierPreset
from classification.exporting.files import list_downloads
from classification.forms import ChooseForm, ExperimentForm, WeightsForm
from classification.models import Experiment
from classification.results import Results, read_results
from classification.services import start_experiment
from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.duplicates.asking import HALT, KNOWN, find_before_training
from imaging.forms import LimitsForm
from imaging.models import Dataset
from worker.setting_fields import SettingsForm, fresh_seed, settings_in_words

EXPERIMENTS_PER_PAGE = 25
DESIGN_TITLES = {
    Experiment.Kind.KONG: "Search for the best multiple K",
    Experiment.Kind.JANG: "What is compared",
    Experiment.Kind.SINGLE: "Training",
    Experiment.Kind.ORIGIN: "Training",
}


@investigator_required
def experiment_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.list_experiments(), EXPERIMENTS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "classification/experiment_list.html", {"page_obj": page})


@investigator_required
def experiment_new(request: HttpRequest) -> HttpResponse:
    """Two steps at one address: ?dataset=&preset= chosen, then the rest."""
    choice = ChooseForm(request.GET if "preset" in request.GET else None, dataset=request.GET.get("dataset"))
    if not choice.is_valid():
        context = {"form": choice, "presets": PRESETS.values(), "has_datasets": Dataset.objects.exists()}
        return render(request, "classification/experiment_choose.html", context)
    chosen = choice.cleaned_data
    return _new_page(request, Experiment.Kind(chosen["kind"]), chosen["dataset"], PRESETS[chosen["preset"]])


def _new_page(request: HttpRequest, kind: Experiment.Kind, dataset: Dataset, preset: ClassifierPreset) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    table = selectors.split_table(dataset)
    classes = sorted({label for counts in table.values() for label in counts})
    tells_origin = kind == Experiment.Kind.ORIGIN
    form = ExperimentForm(data, kind=kind, dataset=dataset, classes=classes)
    limits_form = LimitsForm(data, counts={} if tells_origin else table.get("train", {}), least=2)
    weights_form = WeightsForm(data)
    classifier_form = SettingsForm(data, initial=preset.make(fresh_seed()), prefix="set")
    design_form = SettingsForm(data, initial=selectors.DESIGNS[kind](), prefix="design")
    every_form = (form, limits_form, weights_form, classifier_form, design_form)
    are_valid = [one.is_valid() for one in every_form]  # each says what is wrong with it
    copies = find_before_training(dataset, form.cleaned_data.get("external", []) if form.is_valid() else [])
    if all(are_valid) and copies and KNOWN not in request.POST:
        form.add_error(None, HALT)
    elif all(are_valid):
        try:
            experiment = start_experiment(
                name=form.cleaned_data["name"],
                kind=kind,
                dataset=dataset,
                synthetic=form.cleaned_data.get("synthetic"),
                external=list(form.cleaned_data.get("external", [])),
                positive=form.cleaned_data.get("positive", selectors.SYNTHETIC),
                limits=limits_form.limits,
                config=classifier_form.config,
                design=design_form.config,
                weights=weights_form.weights,
                chooser=form.cleaned_data.get("chooser"),
                device=form.cleaned_data["device"],
                is_demonstration=preset.is_demonstration,
                created_by=request.user if isinstance(request.user, User) else None,
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return go_to(experiment)
    context = {
        "form": form,
        "limits_form": limits_form,
        "weights_form": weights_form,
        "classifier_form": classifier_form,
        "design_form": design_form,
        "design_title": DESIGN_TITLES[kind],
        "kind": kind,
        "every_form": every_form,
        "copies": copies,
        "dataset": dataset,
        "table": table,
        "preset": preset,
    }
    return render(request, "classification/experiment_new.html", context)


@investigator_required
def experiment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    experiment = get_object_or_404(selectors.list_experiments().prefetch_related("external", "classifiers"), pk=pk)
    results, problem = _results(experiment)
    context = {
        "experiment": experiment,
        "results": results,
        "results_problem": problem,
        "curve_runs": [{"name": experiment.name, "url": reverse("worker:job_series", args=[experiment.job_id])}],
        "earlier": selectors.earlier_classifier(experiment),
        "figures": _figures(experiment, results) if results is not None else [],
        "downloads": list_downloads(experiment, results) if results is not None else [],
        "settings": settings_in_words(selectors.classifier_config(experiment)),
        "design_settings": settings_in_words(selectors.design_of(experiment)),
    }
    return render(request, "classification/experiment_detail.html", context)


def _results(experiment: Experiment) -> tuple[Results | None, str]:
    """What it found, if it has ended; and why that cannot be shown, where it cannot."""
    if not experiment.results:
        return None, ""
    try:
        return read_results(experiment.results), ""
    except ValueError as error:
        return None, f"{error}. Run the experiment again with the same settings to see its results."


def _figures(experiment: Experiment, results: Results) -> list[dict[str, str]]:
    """Title, words and addresses of each figure's files, as far as they are on record."""
    addresses = {
        name: reverse("worker:job_artefact", args=[experiment.job_id, pk])
        for pk, name in experiment.job.artefacts.values_list("pk", "name")
    }
    return [
        {**figure, **{kind: addresses.get(f"{figure['name']}.{kind}", "") for kind in ("png", "svg", "pdf")}}
        for figure in results.figures
    ]
