"""Pages of scores, for investigators: all of a closed study or a dataset, with a form for new ones; and one scoring.

What a study's page shows says which images are synthetic and what readers answered: only of closed studies, and each
look is on record.
"""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from classification.explanation_services import MAX_IMAGES, start_explanation
from classification.models import Classifier, Scoring
from classification.scoring import selectors
from classification.scoring.export import export_scores
from classification.scoring.forms import ExplainForm, ScoringForm
from classification.scoring.results import ScoringResults
from classification.scoring.services import not_closed, start_scoring
from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.models import Dataset
from turing.models import Scale, Study
from turing.results.services import record_scores_exported, record_scores_viewed
from turing.rules import can_view_results

IMAGES_PER_PAGE = 24


@investigator_required
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def study_scores(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Scorings of a closed study, and the form of a new one. Before closing: why there is none (403)."""
    study = get_object_or_404(Study, pk=study_id)
    if not can_view_results(request.user, study):
        context = {"study": study, "reason": not_closed(study)}
        return render(request, "classification/scoring/not_closed.html", context, status=403)
    return _scores_page(request, study=study)


@investigator_required
@require_http_methods(["GET", "HEAD", "POST"])
def dataset_scores(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Scorings of a dataset, and the form of a new one."""
    return _scores_page(request, dataset=get_object_or_404(Dataset, pk=dataset_id))


def _scores_page(request: HttpRequest, *, study: Study | None = None, dataset: Dataset | None = None) -> HttpResponse:
    form = ScoringForm(
        request.POST if request.method == "POST" else None,
        initial={"classifier": request.GET.get("classifier"), "device": "auto"},
    )
    if request.method == "POST" and form.is_valid():
        try:
            scoring = start_scoring(
                classifier=form.cleaned_data["classifier"],
                study=study,
                dataset=dataset,
                device=form.cleaned_data["device"],
                created_by=cast(User, request.user),
            )
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect(scoring)
    context = {
        "study": study,
        "dataset": dataset,
        "subject": study or dataset,
        "form": form,
        "scorings": selectors.list_scorings(study=study, dataset=dataset),
        "has_classifiers": Classifier.objects.exists(),
    }
    return render(request, "classification/scoring/scorings.html", context)


@require_GET
@investigator_required
@cache_control(no_store=True)
def scoring_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Tables and figures; of a dataset also its images, `?order=lowest`: those with the lowest scores first."""
    scoring = _get(request, pk)
    results = ScoringResults.from_dict(scoring.results) if scoring.results else None
    context: dict[str, Any] = {
        "scoring": scoring,
        "study": scoring.study,
        "dataset": scoring.dataset,
        "subject": scoring.study or scoring.dataset,
        "classifier": scoring.classifier,
        "experiment": scoring.classifier.experiment,
        "is_pair": scoring.study is not None and scoring.study.scale == Scale.PAIR,
        "tells_origin": selectors.tells_origin(scoring.classifier),
        "results": results,
    }
    if results is not None:
        context["figures"] = _figures(scoring, results)
        if scoring.study is not None:
            record_scores_viewed(study=scoring.study, by=cast(User, request.user))
            context["caught"] = caught = selectors.caught_images(scoring, results)
            context["explanations"] = selectors.explanations_of(scoring, caught)
            context["explain_form"] = ExplainForm(experiment=scoring.classifier.experiment)
            context["max_images"] = MAX_IMAGES
        else:
            lowest = request.GET.get("order") == "lowest"
            found = selectors.by_score(scoring, lowest=lowest)
            context["page_obj"] = Paginator(found, IMAGES_PER_PAGE).get_page(request.GET.get("page"))
            context["is_lowest"] = lowest
    return render(request, "classification/scoring/scoring_detail.html", context)


@require_POST
@investigator_required
def scoring_explain(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Start maps of what the classifier looks at in the images that all readers caught (Jang 2023, figure 3)."""
    scoring = _get(request, pk)
    if scoring.study is None or not scoring.results:
        raise Http404("There are no images that readers caught.")
    caught = selectors.caught_images(scoring, ScoringResults.from_dict(scoring.results))[:MAX_IMAGES]
    form = ExplainForm(request.POST, experiment=scoring.classifier.experiment)
    try:
        explanation = start_explanation(
            classifier=scoring.classifier,
            images=[one.image for one in caught],
            class_name=form.cleaned_data["class_name"] if form.is_valid() else "",
            title=f"Images of “{scoring.study}” that all readers caught",
            created_by=cast(User, request.user),
        )
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(scoring)
    return redirect(explanation)


@require_GET
@investigator_required
@cache_control(no_store=True)
def scoring_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Scores of the images, with truth and answers where they are of a study."""
    scoring = _get(request, pk)
    text = export_scores(scoring)
    if scoring.study is not None:
        record_scores_exported(study=scoring.study, by=cast(User, request.user))
    name = f"{slugify(str(scoring.study or scoring.dataset)) or 'images'}-scores.csv"
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _get(request: HttpRequest, pk: uuid.UUID) -> Scoring:
    scoring = get_object_or_404(
        Scoring.objects.select_related("classifier__experiment", "study", "dataset", "job", "created_by"), pk=pk
    )
    if scoring.study is not None and not can_view_results(request.user, scoring.study):
        raise PermissionDenied("Scores of a study can be seen once it is closed.")
    return scoring


def _figures(scoring: Scoring, results: ScoringResults) -> list[dict[str, str]]:
    """Title, words and addresses of each figure's files, as far as they are on record."""
    addresses = {
        name: reverse("worker:job_artefact", args=[scoring.job_id, pk])
        for pk, name in scoring.job.artefacts.values_list("pk", "name")
    }
    return [
        {
            "title": figure.title,
            "alt": figure.alt,
            **{kind: addresses.get(f"{figure.name}.{kind}", "") for kind in ("png", "svg", "pdf")},
        }
        for figure in results.figures
    ]
