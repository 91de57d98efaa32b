"""Small real images of two classes, and a backbone small enough for a test: registered as a contributor would."""

import numpy as np
import pytest
import torch
from torch import nn

from classification.cnn.backbones import (
    Architecture,
    Backbone,
    BackboneWeights,
    create_backbone,
    register_backbone,
    unregister_backbone,
)
from classification.cnn.data import LabelledImages, pixel_sha256

CLASSES = ("normal", "disc")


class TinyBody(nn.Module):
    """Convolution, batch norm, convolution, means: every kind of layer that frozen and trained backbones differ in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.norm(self.first(x))))).mean(dim=(2, 3))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny_kind():
    register_backbone("tiny", title="Tiny")(
        lambda channels: Architecture(module=TinyBody(channels), n_features=16, layers=("second", "first"))
    )
    yield "tiny"
    unregister_backbone("tiny")


@pytest.fixture
def tiny(tiny_kind) -> Backbone:
    return create_backbone(tiny_kind, weights=BackboneWeights(), input_side=32)


def make_images(
    count: int, *, seed: int = 0, side: int = 20, synthetic: bool = False, patients: bool = True, contrast: int = 60
) -> LabelledImages:
    """Noise, every second one with a bright disc somewhere; named by their hashes, a patient each."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    pixels = random.integers(40, 120, (count, side, side))
    labels = np.arange(count, dtype=np.int64) % 2
    for number in np.flatnonzero(labels):
        centre_y, centre_x = random.uniform(0.3 * side, 0.7 * side, 2)
        pixels[number] += contrast * ((y - centre_y) ** 2 + (x - centre_x) ** 2 < (side / 5) ** 2)
    grey = pixels.astype(np.uint8)
    return LabelledImages(
        pixels=grey,
        labels=labels,
        classes=CLASSES,
        patients=tuple(f"P{seed}-{number}" for number in range(count)) if patients else None,
        names=tuple(pixel_sha256(one)[:12] for one in grey),
        synthetic=np.full(count, synthetic),
        trained_on=(frozenset({f"trained-{seed}"}),) * count if synthetic else None,
    )
