"""Runs an explanation's job: a picture and a map of every image, as files, and scores beside them.

It may be started any number of times after crashes and cancels: what has been done for an image is kept.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classification.cnn.explaining import explain_images, list_layers
from classification.cnn.feature_cache import Extractor
from classification.cnn.grad_cam import LayerMaps, Method
from classification.cnn.head_training import Head
from classification.explanation_files import pack_overlays, write_files
from classification.explanation_models import Explanation
from classification.explanation_services import record_explanation, record_layers
from classification.layer_choices import read_layers, warn_of_last
from classification.layers import describe_layers
from classification.loading import open_classifier
from classification.parameters import OVERLAYS, ExplanationParameters
from imaging.models import Image
from imaging.rendered_files import render_to_file
from worker.compute.devices import choose_device, device_name
from worker.registry import JobContext, JobError

KEPT = "kept.json"  # what has been found out about each image so far
SCORES = "scores.json"
SCORE_BLOCK = 64  # images that are scored between two questions whether to go on


def run_explanation(context: JobContext, parameters: ExplanationParameters) -> dict[str, Any]:
    """Returns what the job's page shows. Raises JobError in words that a user understands."""
    explanation = Explanation.objects.select_related("classifier__experiment__job").get(pk=parameters.explanation_id)
    if explanation.results:  # killed between the last transaction and the verdict
        return {"images": len(explanation.results["images"])}
    images = _find_images(explanation)
    try:
        device = choose_device(parameters.device)
        context.device(device_name(device))
        extractor, head = open_classifier(explanation.classifier, device=device)
        backbone = extractor.backbone
        with context.fenced():
            record_layers(classifier=explanation.classifier, layers=describe_layers(backbone))
        layer = _choose_layer(explanation, list_layers(backbone), side=backbone.input_side)
        pixels = _render(context, images, side=backbone.input_side)
        found = _explain(context, explanation, images, pixels, extractor=extractor, head=head, layer=layer.layer)
    except ValueError as error:  # WeightsError, LayerError and RenderingError are some
        raise JobError(str(error)) from error
    context.progress(len(images), len(images), "images", "Packing the overlays")
    pack_overlays(context.directory, found, explanation=explanation, layer=layer)
    context.artefact(context.directory / OVERLAYS, kind="file", step=len(images))
    results = {
        "layer": layer.layer,
        "rows": layer.height,
        "columns": layer.width,
        "side": backbone.input_side,
        "images": found,
    }
    with context.fenced():
        record_explanation(explanation=explanation, results=results)
    context.log(f"Maps of {layer.words} for {len(images)} image(s)")
    return {"images": len(images)}


def _find_images(explanation: Explanation) -> list[Image]:
    images = Image.objects.select_related("dataset").filter(pk__in=explanation.image_ids)
    there = {str(image.pk): image for image in images}
    lost = [pk for pk in explanation.image_ids if pk not in there]
    if lost:
        raise JobError(
            f"{len(lost)} of the {len(explanation.image_ids)} images are not there any more, because their dataset was "
            "deleted. Choose other images on the classifier's page."
        )
    return [there[pk] for pk in explanation.image_ids]


def _choose_layer(explanation: Explanation, layers: tuple[LayerMaps, ...], *, side: int) -> LayerMaps:
    """The one that was asked for, else the last that can say where."""
    if explanation.layer:
        chosen = next((one for one in layers if one.layer == explanation.layer), None)
        if chosen is None:
            names = ", ".join(one.words for one in layers)
            raise JobError(f"The classifier has no layer {explanation.layer}. Choose one of: {names}.")
        return chosen  # one that is too small is refused, in words, where its maps are computed
    usable = next((one for one in layers if one.is_usable), None)
    if usable is None:
        raise JobError(warn_of_last(read_layers(explanation.classifier.layers), side=side))
    return usable


def _render(context: JobContext, images: list[Image], *, side: int) -> NDArray[np.uint8]:
    """What the classifier sees of each image: (N, side, side)."""

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Preparing the images")

    hashes = [image.pixel_sha256 for image in images]
    return render_to_file(context.directory / "images" / "images.npy", hashes, size=side, step=step)


def _explain(
    context: JobContext,
    explanation: Explanation,
    images: list[Image],
    pixels: NDArray[np.uint8],
    *,
    extractor: Extractor,
    head: Head,
    layer: str,
) -> list[dict[str, Any]]:
    """What is known of each image; two files of each."""
    path = context.directory / KEPT
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    scores = _scores(context, pixels, extractor, head)
    for place, image in enumerate(images):
        if place >= len(found):
            context.raise_if_stopped()
            (one,) = explain_images(
                extractor.backbone,
                head,
                np.array(pixels[place : place + 1]),
                classes=explanation.classifier.experiment.classes,
                class_name=explanation.class_name,
                layer=layer,
                method=_method(explanation),
            )
            found.append(write_files(context.directory, place, image, one, score=scores[place]))
            _keep(path, found)
        for kind in ("picture", "heat"):
            context.artefact(context.directory / found[place][kind], kind="file", step=place)
        context.progress(place + 1, len(images), "images", "Computing the maps")
    return found


def _method(explanation: Explanation) -> Method:
    return "grad_cam" if explanation.method == Explanation.Method.GRAD_CAM else "grad_cam_plus_plus"


def _scores(context: JobContext, pixels: NDArray[np.uint8], extractor: Extractor, head: Head) -> list[float]:
    """Probability of the positive class of every image, as the classifier's experiment computes it."""
    path = context.directory / SCORES
    if not path.exists():
        found: list[float] = []
        for start in range(0, len(pixels), SCORE_BLOCK):
            context.raise_if_stopped()
            context.progress(start, len(pixels), "images", "Computing the scores")
            found += head.scores(extractor(np.array(pixels[start : start + SCORE_BLOCK]))).tolist()
        _keep(path, found)
    scores: list[float] = json.loads(path.read_text())
    return scores


def _keep(path: Path, found: list[Any]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(found))
    temporary.replace(path)
