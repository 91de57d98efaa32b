"""The measure of a run: the same images each time, no trace in the run's randomness; it falls as images get better."""

import numpy as np
import pytest
import torch

from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages
from generation.gan.measures.during_training import TrainingMeasure
from generation.gan.registry import create_generator
from tests.generation.gan.conftest import SMALL, make_images
from tests.generation.gan.measures.test_features import tiny


class Palette(torch.nn.Module):
    """Images of one grey level with the real classes' discs mixed in by `share`: from nothing to the real images."""

    def __init__(self, real: TrainingImages, share: float) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.real, self.share = real, share
        self.modes: list[bool] = []

    def forward(self, latents, classes):
        self.modes.append(self.training)
        assert not torch.is_grad_enabled()
        members = [np.flatnonzero(self.real.labels == label) for label in classes.tolist()]
        random = [int(abs(row[0]) * 1e6) for row in latents]
        chosen = [found[number % len(found)] for found, number in zip(members, random, strict=True)]
        images = torch.from_numpy(self.real.pixels[chosen].astype(np.float32)).unsqueeze(1) / 127.5 - 1
        return self.share * images


def measure_of(real: TrainingImages, **options) -> TrainingMeasure:
    return TrainingMeasure(**{"real": real, "extractor": tiny(), "latent_dim": 8, "n_images": 40, **options})


@pytest.mark.parametrize("kind", ["kid", "fid"])
def test_it_falls_as_images_come_nearer_to_real_ones(kind):
    real = make_images(60)
    measure = measure_of(real, kind=kind)

    values = [measure.measure(n, Palette(real, share))[measure.name] for n, share in enumerate((0.0, 0.5, 0.9, 1))]

    assert values == sorted(values, reverse=True)
    assert abs(values[-1]) < 0.1 * values[0]


def test_the_same_network_gives_the_same_value_and_no_random_state_moves():
    real = make_images()
    network = create_generator("acgan", AcganConfig(**SMALL), n_classes=2).train()
    statistics = {name: values.clone() for name, values in network.state_dict().items()}
    before = torch.get_rng_state()
    measure = measure_of(real)

    first, second = measure.measure(0, network), measure.measure(100, network)

    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert network.training
    assert all(torch.equal(values, statistics[name]) for name, values in network.state_dict().items())


def test_a_network_is_measured_in_evaluation_mode_and_left_as_it_was():
    real = make_images()
    network = Palette(real, 0.5).train()
    measure_of(real).measure(0, network)
    assert network.modes
    assert not any(network.modes)
    assert network.training


def test_the_name_says_measure_extractor_and_weights():
    assert measure_of(make_images(), kind="fid").name == "fid_tiny_aaaaaaaa"


def test_classes_are_in_their_share():
    images = make_images(40)
    real = TrainingImages(pixels=images.pixels[:25], labels=np.repeat([0, 1], [20, 5]), classes=("disc", "hole"))
    assert np.bincount(measure_of(real, n_images=50).classes).tolist() == [40, 10]


def test_it_is_due_once_in_an_interval_also_after_a_resume():
    real = make_images()
    network = Palette(real, 0.5)
    measure = measure_of(real, every=1000)

    due = [bool(measure.measure(seen, network)) for seen in (0, 500, 1000, 1900, 2100, 2200, 5000)]
    assert due == [False, False, True, False, True, False, True]

    resumed = measure_of(real, every=1000)
    resumed.resumed_at(2100)
    assert [resumed.is_due(seen) for seen in (2200, 3000)] == [False, True]


def test_images_that_are_not_finite_are_refused():
    real = make_images()
    with pytest.raises(ValueError, match="diverged"):
        measure_of(real).measure(0, Palette(real, float("nan")))


@pytest.mark.parametrize(
    ("options", "text"),
    [({"kind": "is"}, "kid or fid"), ({"n_images": 3}, "at least 4"), ({"every": -1}, "not be negative")],
)
def test_settings_are_checked(options, text):
    with pytest.raises(ValueError, match=text):
        measure_of(make_images(), **options)
