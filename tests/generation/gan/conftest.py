"""Small real training data and settings for the pure package."""

import numpy as np
import pytest

from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages

SMALL = {
    "latent_dim": 8,
    "embedding_dim": 5,
    "generator_channels": (8, 6, 4),
    "discriminator_channels": (4, 6, 8, 10),
    "batch_size": 8,
    "iterations": 40,
    "checkpoint_every": 10,
    "metrics_every": 5,
    "grid_every": 20,
    "grid_columns": 3,
    "seed": 7,
}


@pytest.fixture
def small_config() -> AcganConfig:
    return AcganConfig(**SMALL)


def make_images(count: int = 20) -> TrainingImages:
    """Bright discs on dark ground (class "disc") and dark on bright ("hole"), each of another size and place."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:56, :56]
    pixels, labels = [], []
    for number in range(count):
        centre_y, centre_x, radius = random.uniform([18, 18, 6], [38, 38, 16])
        disc = (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2
        levels = np.where(disc, 200, 40) if number % 2 == 0 else np.where(disc, 40, 200)
        pixels.append((levels + random.integers(0, 20, size=levels.shape)).astype(np.uint8))
        labels.append(number % 2)
    return TrainingImages(pixels=np.stack(pixels), labels=np.array(labels, dtype=np.int64), classes=("disc", "hole"))


@pytest.fixture
def images() -> TrainingImages:
    return make_images()
