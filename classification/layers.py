"""The layers of a backbone that Grad-CAM can show, measured for a classifier's record: jobs do this, not the site."""

from dataclasses import asdict
from typing import Any

from classification.cnn.backbones import Backbone
from classification.cnn.explaining import list_layers
from classification.cnn.grad_cam import larger_side
from classification.layer_choices import LayerChoice


def describe_layers(backbone: Backbone) -> list[dict[str, Any]]:
    """JSON-able; `classification.layer_choices.read_layers` reads it. From the last layer to earlier ones."""
    larger = larger_side(backbone.input_side)
    return [
        asdict(
            LayerChoice(
                name=here.layer,
                rows=here.height,
                columns=here.width,
                is_usable=here.is_usable,
                larger_side=larger,
                larger_rows=there.height,
                larger_columns=there.width,
            )
        )
        for here, there in zip(list_layers(backbone), list_layers(backbone, side=larger), strict=True)
    ]
