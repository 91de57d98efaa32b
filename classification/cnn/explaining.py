"""Grad-CAM of a trained classifier (backbone and head as they are kept here) for images as they are stored."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from classification.cnn.backbones import Backbone
from classification.cnn.grad_cam import ClassMap, LayerMaps, Method, explain_class, measure_layers
from classification.cnn.head_training import Head

BATCH = 8  # images whose maps and gradients are held at once


def list_layers(backbone: Backbone, *, side: int | None = None) -> tuple[LayerMaps, ...]:
    """Layers that Grad-CAM can be taken from, from the last to earlier ones, with the sizes of their maps.

    Those with `is_usable` false have a single row or column at this input size and are refused. `side` : of an input
    of another size, in pixels.
    """
    return measure_layers(
        backbone.module, backbone.layers, channels=backbone.channels, side=side or backbone.input_side
    )


def explain_images(
    backbone: Backbone,
    head: Head,
    pixels: NDArray[np.uint8],
    *,
    classes: Sequence[str],
    class_name: str,
    layer: str | None = None,
    method: Method = "grad_cam",
    batch_size: int = BATCH,
) -> list[ClassMap]:
    """What speaks for a class in each image. `heat` has the size of the input; `overlay` fits it to the image.

    Parameters
    ----------
    pixels : grey levels, (N, H, W); may be a memory map.
    classes : the classifier's, in its order; `class_name` : the one to be explained.
    layer : of `backbone.layers`, or any other name in its module; None: the last.

    Raises
    ------
    LayerError : a layer whose maps are too small, in words that offer others.
    ValueError : an unknown class, or images that are not (N, H, W) uint8.
    """
    if class_name not in classes:
        raise ValueError(f"“{class_name}” is not a class of this classifier: {', '.join(classes)}")
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"images are {pixels.dtype} {pixels.shape}; they must be uint8 (N, H, W)")
    index = list(classes).index(class_name)
    if head.loss == "bce":  # one output, the positive class's: `explain_class` calls it class 1
        index = int(index == head.positive)
    network = _layer_of(head, backbone.device)
    found: list[ClassMap] = []
    for start in range(0, len(pixels), batch_size):
        batch = torch.from_numpy(np.array(pixels[start : start + batch_size])).unsqueeze(1)
        found += explain_class(
            backbone.module,
            network,
            backbone.preprocess(batch.to(backbone.device)),
            layer=layer or backbone.layers[0],
            class_index=index,
            method=method,
            other_layers=backbone.layers,
        )
    return found


def _layer_of(head: Head, device: str) -> nn.Linear:
    made = nn.Linear(*head.weights.shape)
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(head.weights.T.copy()))
        made.bias.copy_(torch.from_numpy(np.array(head.bias)))
    return made.to(device).eval()
