"""Pages for investigators: one classifier, and maps of what it looks at."""

import uuid
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from classification import explanation_selectors as selectors
from classification.explanation_forms import ChooseImagesForm, ExplainForm
from classification.explanation_services import start_explanation
from classification.models import Classifier
from classification.parameters import OVERLAYS
from classification.selectors import classifier_config, split_table
from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.models import Image
from worker.setting_fields import settings_in_words

EXPLANATIONS_SHOWN = 10


@investigator_required
def classifier_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What a classifier was trained on, its file, and a form to look at what it looks at."""
    classifier = get_object_or_404(selectors.list_classifiers(), pk=pk)
    data = request.POST if request.method == "POST" else None
    images_form = ChooseImagesForm(data, classifier=classifier)
    form = ExplainForm(data, classifier=classifier)
    are_valid = [images_form.is_valid(), form.is_valid()]  # each says what is wrong with it
    if all(are_valid) and (answer := _start(request, form, classifier, images_form.images)):
        return answer
    experiment = classifier.experiment
    context = {
        "classifier": classifier,
        "experiment": experiment,
        "arm": next((arm for arm in experiment.results.get("arms", []) if arm["name"] == classifier.arm), None),
        "weights_title": experiment.results.get("weights", {}).get("title", ""),
        "has_file": classifier.path.is_file(),
        "settings": settings_in_words(classifier_config(experiment)),
        "tested": split_table(experiment.dataset).get("test", {}),
        "explanations": selectors.list_explanations().filter(classifier=classifier)[:EXPLANATIONS_SHOWN],
        "images_form": images_form,
        "form": form,
    }
    return render(request, "classification/classifier_detail.html", context)


@investigator_required
@require_safe
def classifier_file(request: HttpRequest, pk: uuid.UUID) -> FileResponse:
    """The classifier's file as a download."""
    classifier = get_object_or_404(selectors.list_classifiers(), pk=pk)
    if not classifier.path.is_file():
        raise Http404("This file is no longer there.")
    name = f"{slugify(classifier.experiment.name) or 'experiment'}-{classifier.path.name}"
    return FileResponse(
        classifier.path.open("rb"),
        as_attachment=True,
        filename=name,
        content_type="application/octet-stream",
        headers={"Cache-Control": "private, no-store"},
    )


@investigator_required
def explanation_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Maps over their images, and a form to do the same with another class, layer or method."""
    explanation = get_object_or_404(selectors.list_explanations(), pk=pk)
    classifier = explanation.classifier
    results = explanation.results
    initial = {"class_name": explanation.class_name, "method": explanation.method}
    layer = results.get("layer") or explanation.layer
    if layer:
        initial["layer"] = layer
    form = ExplainForm(request.POST if request.method == "POST" else None, classifier=classifier, initial=initial)
    there = selectors.images_of(explanation)
    if form.is_valid() and (answer := _start(request, form, classifier, there)):
        return answer
    context = {
        "explanation": explanation,
        "classifier": classifier,
        "experiment": classifier.experiment,
        "results": results,
        "images": selectors.shown_images(explanation) if results else [],
        "images_left": len(there),
        "images_lost": len(explanation.image_ids) - len(there),
        "archive": selectors.artefact_addresses(explanation).get(OVERLAYS, "") if results else "",
        "form": form,
    }
    return render(request, "classification/explanation_detail.html", context)


def _start(request: HttpRequest, form: ExplainForm, classifier: Classifier, images: list[Image]) -> HttpResponse | None:
    """To the page of a new explanation; None, with the reason in the form, when it is refused."""
    chosen: dict[str, Any] = form.cleaned_data
    try:
        explanation = start_explanation(
            classifier=classifier,
            images=images,
            class_name=chosen["class_name"],
            layer=chosen["layer"],
            method=chosen["method"],
            device=chosen["device"],
            created_by=request.user if isinstance(request.user, User) else None,
        )
    except ValueError as error:
        form.add_error(None, str(error))
        return None
    return redirect(explanation)
