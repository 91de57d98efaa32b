"""The configuration refuses what cannot work and survives storage."""

import json
import math
import subprocess
import sys

import pytest

from generation.gan.config import AcganConfig
from generation.gan.presets import demonstration_config, kong_config


def test_the_defaults_are_the_published_settings():
    config = kong_config()

    assert (config.latent_dim, config.embedding_dim, config.image_size) == (100, 50, 56)
    assert (config.learning_rate, config.beta1, config.batch_size, config.iterations) == (2e-4, 0.5, 64, 30_000)
    assert (config.leaky_slope, config.dropout) == (0.2, 0.5)
    assert (config.latent_std, config.weight_init_std) == (1.0, 0.02)
    assert config.channels == 1


def test_a_stored_configuration_comes_back_equal():
    config = AcganConfig(generator_channels=(9, 8, 7), latent_std=0.02, seed=2**63 - 1)

    again = AcganConfig.from_dict(json.loads(json.dumps(config.to_dict())))

    assert again == config


def test_whole_numbers_and_floats_of_one_value_are_one_setting():
    assert AcganConfig(latent_std=1).to_dict() == AcganConfig(latent_std=1.0).to_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 1}, "batch_size is 1; it must be a whole number from 2 to 4096"),
        ({"batch_size": 2.0}, "batch_size is 2.0; it must be a whole number from 2 to 4096"),
        ({"iterations": 0}, "iterations is 0; it must be a whole number from 1 to 10000000"),
        ({"seed": -1}, f"seed is -1; it must be a whole number from 0 to {2**63 - 1}"),
        ({"seed": True}, f"seed is True; it must be a whole number from 0 to {2**63 - 1}"),
        ({"latent_std": 0}, "latent_std is 0; it must be a number in (0, 100]"),
        ({"learning_rate": math.nan}, "learning_rate is nan; it must be a number in (0, 1]"),
        ({"dropout": 0.96}, "dropout is 0.96; it must be a number in [0, 0.95]"),
        ({"beta1": 1.0}, "beta1 is 1.0; it must be a number in [0, 1)"),
        ({"channels": 2}, "channels is 2; it must be 1 (grey) or 3 (as published)"),
        ({"image_size": 64}, "image_size is 64; it must be 56 (pixels)"),
        ({"generator_channels": (8, 8)}, "generator_channels is (8, 8); it must be 3 whole numbers from 1 to 4096"),
        (
            {"discriminator_channels": "abcd"},
            "discriminator_channels is 'abcd'; it must be 4 whole numbers from 1 to 4096",
        ),
    ],
)
def test_a_value_that_cannot_work_is_named(values, message):
    with pytest.raises(ValueError, match=r" is .+; ") as caught:
        AcganConfig(**values)

    assert str(caught.value) == message


def test_an_unknown_setting_is_named():
    with pytest.raises(ValueError, match=r"^Unknown setting batchsize, colour; known: iterations, "):
        AcganConfig.from_dict({"colour": 1, "batchsize": 2})


def test_the_demonstration_is_a_fraction_of_the_published_length():
    demonstration = demonstration_config(seed=3)

    assert demonstration.seed == 3
    assert demonstration.iterations <= kong_config().iterations / 10


def test_configurations_load_without_pytorch():
    """Web processes read settings all the time and train nothing."""
    code = "import sys, generation.gan.registry, generation.gan.presets; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
