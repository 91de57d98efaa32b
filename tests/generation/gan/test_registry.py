"""A new generator is one module: configuration, network and (if it trains) trainer; sampling then works on it."""

import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from generation.gan import registry
from generation.gan.checkpoint import CheckpointData, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.sampling import image_provenance, load_generator, remake_image, sample_block


@pytest.fixture
def ramp():
    """A generator of another size, with settings of its own: grey ramps whose slope is the latent."""

    @registry.register_generator("ramp", title="Ramp", module=__name__)
    @dataclass(frozen=True, kw_only=True)
    class RampConfig:
        channels: int = 1
        image_size: int = 16
        latent_dim: int = 1
        latent_std: float = 1.0
        gain: float = 0.5

        def to_dict(self) -> dict[str, Any]:
            return asdict(self)

        @classmethod
        def from_dict(cls, values: dict[str, Any]) -> "RampConfig":
            return cls(**values)

    @registry.register_network("ramp")
    class Ramp(nn.Module):
        def __init__(self, config: RampConfig, *, n_classes: int) -> None:
            super().__init__()
            self.slope = nn.Parameter(torch.full((n_classes,), config.gain))
            self.size = config.image_size

        def forward(self, latents, classes):
            line = torch.linspace(-1, 1, self.size, dtype=latents.dtype)
            ramp = torch.tanh(latents * self.slope[classes, None] * 4)[:, None, :, None] * line[None, None, :, None]
            return ramp.expand(-1, 1, -1, self.size)

    yield RampConfig
    registry.unregister_generator("ramp")


def test_a_new_generator_is_created_saved_and_sampled(ramp, tmp_path):
    network = registry.create_generator("ramp", {"gain": 0.3}, n_classes=2)
    path = tmp_path / "ramp.pt"
    save_checkpoint(
        path,
        CheckpointData(
            generator="ramp",
            config=ramp(gain=0.3).to_dict(),
            classes=["up", "down"],
            iteration=1,
            images_drawn=0,
            data_sha256="",
            networks={"generator": network.state_dict()},
            optimisers={},
            random_states={},
            device="cpu",
            threads=1,
            torch_version=str(torch.__version__),
        ),
    )

    generator = load_generator(path)
    images = sample_block(generator, seed=0, class_index=1, block=0)

    assert images.shape == (32, 16, 16)
    assert np.unique(images).size > 10
    assert np.array_equal(remake_image(path, image_provenance(generator, seed=0, class_index=1, index=5)), images[5])


def test_the_acgan_is_there():
    assert [kind.name for kind in registry.list_generators()] == ["acgan"]
    assert registry.get_generator("acgan").config is AcganConfig
    assert registry.get_trainer("acgan").__name__ == "train_acgan"


def test_a_generator_without_trainer_says_so(ramp):
    with pytest.raises(ValueError, match="Generator 'ramp' can be sampled here, but not trained"):
        registry.get_trainer("ramp")


def test_a_name_is_taken_once(ramp):
    with pytest.raises(ValueError, match="Generator 'ramp' is registered twice"):
        registry.register_generator("ramp", title="Other", module=__name__)(ramp)
    with pytest.raises(ValueError, match="Generator 'ramp' has a network already"):
        registry.register_network("ramp")(object)


def test_an_unknown_name_is_never_imported():
    with pytest.raises(ValueError, match=r"Unknown generator 'os\.path'; known: acgan"):
        registry.create_generator("os.path", {}, n_classes=1)
    assert "os.path" in sys.modules


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acgan", {}, 0), "n_classes is 0"),
        (("acgan", {"depth": 3}, 2), "Unknown setting depth"),
        (("acgan", object(), 2), "Generator 'acgan' takes a AcganConfig, not a object"),
    ],
)
def test_what_cannot_be_created_is_refused(arguments, message):
    name, config, n_classes = arguments
    with pytest.raises(ValueError, match=message):
        registry.create_generator(name, config, n_classes=n_classes)
