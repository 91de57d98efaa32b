"""Ready-made settings: the published ones, and a demonstration that two CPU cores train in about two minutes."""

from collections.abc import Callable

from generation.gan.config import AcganConfig

PUBLISHED_ITERATIONS = 30_000
PUBLISHED_DURATION = "about 5 hours on a GeForce GTX 1050 Ti"  # Kong et al. 2022


def kong_config(*, seed: int = 0, channels: int = 1) -> AcganConfig:
    """Kong et al. 2022 at full length."""
    return AcganConfig(seed=seed, channels=channels)


def demonstration_config(*, seed: int = 0, iterations: int = 2000) -> AcganConfig:
    """The same networks, narrower, on batches a quarter as large, for a fifteenth of the iterations.

    Chosen by eye on 300 phantoms: the pictures are recognised as chests at a glance (lungs, spine, diaphragm), their
    detail is blurred and the classes hardly differ. Not for a study of how good a generator is.
    """
    return AcganConfig(
        generator_channels=(96, 64, 32),
        discriminator_channels=(24, 48, 96, 192),
        batch_size=16,
        iterations=iterations,
        seed=seed,
        checkpoint_every=250,
        metrics_every=25,
        grid_every=100,
    )


PRESETS: dict[str, Callable[..., AcganConfig]] = {"kong": kong_config, "demonstration": demonstration_config}


def is_demonstration(preset: str, config: AcganConfig) -> bool:
    """Whether a run with these settings must be shown as a demonstration."""
    return preset == "demonstration" and config.iterations < PUBLISHED_ITERATIONS
