"""Verbs on explanations: start one, record what came of it."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from classification.explanation_models import Explanation
from classification.layer_choices import read_layers
from classification.models import Classifier
from classification.parameters import EXPLANATION, ExplanationParameters
from classification.services import ClassificationError
from config.accounts.models import User
from imaging.models import Image
from worker.services import enqueue_job

MAX_IMAGES = 200  # on one page


@transaction.atomic
def start_explanation(
    *,
    classifier: Classifier,
    images: Sequence[Image],
    class_name: str,
    layer: str = "",
    method: str = "grad_cam",
    device: str = "auto",
    created_by: User | None,
    title: str = "",
) -> Explanation:
    """Queue maps of what in each image speaks for `class_name`.

    `images` are shown in this order, each once. `layer` "" is the last one whose maps can say where. `method` is
    "grad_cam" or "grad_cam_plus_plus". Raises ClassificationError, in words, for no image or more than 200, a class
    that the classifier does not know, and a layer that it does not have or whose maps are too small.
    """
    pictures = list(dict.fromkeys(image.pk for image in images))
    if not 1 <= len(pictures) <= MAX_IMAGES:
        raise ClassificationError(f"{len(pictures)} images were chosen; there must be 1 to {MAX_IMAGES}.")
    classes = classifier.experiment.classes
    if class_name not in classes:
        raise ClassificationError(f"The classifier tells {' and '.join(classes)} apart; it knows no {class_name!r}.")
    if method not in Explanation.Method.values:
        raise ClassificationError(f"There is no method {method!r}: choose {' or '.join(Explanation.Method.values)}.")
    check_layer(classifier, layer)
    words = title.strip() or (
        f"{Explanation.Method(method).label} for “{class_name}”: {len(pictures)} image"
        f"{'s' if len(pictures) > 1 else ''}, {classifier}"
    )
    explanation_id = uuid.uuid4()
    job = enqueue_job(
        kind=EXPLANATION,
        parameters=ExplanationParameters(explanation_id=str(explanation_id), device=device),
        title=words,
        created_by=created_by,
    )
    return Explanation.objects.create(
        id=explanation_id,
        title=words[:200],
        classifier=classifier,
        image_ids=[str(pk) for pk in pictures],
        class_name=class_name,
        layer=layer,
        method=method,
        job=job,
        created_by=created_by,
    )


@transaction.atomic
def record_explanation(*, explanation: Explanation, results: dict[str, Any]) -> None:
    """Keep what came of an explanation, once: a second result of the same job changes nothing."""
    if Explanation.objects.filter(pk=explanation.pk, results={}).update(results=results):
        explanation.results = results


def record_layers(*, classifier: Classifier, layers: list[dict[str, Any]]) -> None:
    """Keep the sizes of a classifier's maps where its experiment has not measured them."""
    if Classifier.objects.filter(pk=classifier.pk, layers=[]).update(layers=layers):
        classifier.layers = layers


def check_layer(classifier: Classifier, layer: str) -> None:
    """Raises ClassificationError for a layer that is not there or says nothing, where the layers are known."""
    known = read_layers(classifier.layers)
    if not layer or not known:
        return
    chosen = next((one for one in known if one.name == layer), None)
    usable = [one.words for one in known if one.is_usable]
    others = f"Choose {' or '.join(usable)}." if usable else "No other layer can: train with larger images."
    if chosen is None:
        raise ClassificationError(f"The classifier has no layer {layer!r}. {others}")
    if not chosen.is_usable:
        raise ClassificationError(f"The layer {layer} {chosen.reason}. {others}")
