"""Files of an explanation: a picture and a map of each image, and all overlays in one archive."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from classification.cnn.grad_cam import COLOURS, ClassMap, LayerMaps, colour_heat, overlay
from classification.explanation_models import Explanation
from classification.parameters import OVERLAYS
from imaging.models import Image
from imaging.rendered_files import RenderingError
from imaging.rendering import render_square
from imaging.storage import encode_png, load_pixels
from turing.report.csv_files import csv_text
from turing.report.document import Data

PICTURE_SIDE = 512  # px at most: enough to look at, and quick to load 200 of
ARCHIVE_OPACITY = 0.5


def write_files(folder: Path, place: int, image: Image, found: ClassMap, *, score: float) -> dict[str, Any]:
    """Both files of one image, square as the classifier sees it; returns what the record says about it.

    `score` : probability of the positive class. Raises RenderingError when the image cannot be read.
    """
    picture, heat = f"pictures/{place + 1:03d}.png", f"heat/{place + 1:03d}.png"
    try:
        stored = load_pixels(image)
    except (OSError, ValueError) as error:
        raise RenderingError(f"Image {image.pixel_sha256[:12]} cannot be read: {error}") from error
    for name in (picture, heat):
        (folder / name).parent.mkdir(exist_ok=True)
    square = render_square(stored, min(PICTURE_SIDE, *stored.shape))
    (folder / picture).write_bytes(encode_png(square))
    PillowImage.fromarray(colour_heat(found.heat)).save(folder / heat, format="PNG")
    return {
        "image": str(image.pk),
        "sha256": image.pixel_sha256,
        "label": image.label,
        "origin": image.dataset.origin,
        "width": image.width,
        "height": image.height,
        "score": score,
        "class_score": found.score,  # before softmax or sigmoid, of the class that is shown
        "picture": picture,
        "heat": heat,
        "reason": found.reason,
    }


def pack_overlays(folder: Path, found: list[dict[str, Any]], *, explanation: Explanation, layer: LayerMaps) -> None:
    """Write all overlays, a table of scores, and how they were made, into one archive."""
    positive = explanation.classifier.experiment.positive
    rows, path = [], folder / OVERLAYS
    temporary = path.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w", compression=zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        for number, one in enumerate(found, start=1):
            name = f"overlays/{number:03d}-{one['sha256'][:12]}.png"
            archive.writestr(name, _overlay_png(folder / one["picture"], folder / one["heat"]))
            rows.append(
                (number, f"I{one['sha256']}", one["label"], one["score"], one["class_score"], name, one["reason"])
            )
        columns = ("number", "image", "label", f"score for {positive}", "class_score", "overlay", "reason")
        archive.writestr("scores.csv", csv_text(Data(columns, tuple(rows))))
        archive.writestr("about.json", json.dumps(_about(explanation, layer), indent=2, ensure_ascii=False))
    temporary.replace(path)


def _overlay_png(picture: Path, heat: Path) -> bytes:
    with PillowImage.open(picture, formats=["PNG"]) as grey, PillowImage.open(heat, formats=["PNG"]) as colour:
        values = np.array(colour)[:, :, 3] / 255  # its transparency is the map
        drawn = overlay(np.array(grey), values, opacity=ARCHIVE_OPACITY)
    buffer = io.BytesIO()
    PillowImage.fromarray(drawn).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _about(explanation: Explanation, layer: LayerMaps) -> dict[str, Any]:
    classifier = explanation.classifier
    return {
        "classifier": str(classifier),
        "classifier_sha256": classifier.sha256,
        "class": explanation.class_name,
        "method": explanation.get_method_display(),
        "layer": layer.layer,
        "cells": [layer.height, layer.width],
        "opacity": ARCHIVE_OPACITY,
        "colours": COLOURS,
        "class_score": "the network's output for the class, before softmax or sigmoid",
        "scaling": "each map is scaled to its own maximum: brightness says nothing about the score",
    }
