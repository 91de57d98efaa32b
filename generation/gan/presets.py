"""Ready-made settings: the published ones, and a demonstration that two CPU cores train in about two minutes."""

from collections.abc import Callable

from generation.gan.config import AcganConfig

PUBLISHED_ITERATIONS = 30_000
PUBLISHED_DURATION = "about 5 hours on a GeForce GTX 1050 Ti"  # Kong et al. 2022


def kong_config(*, seed: int = 0, channels: int = 1) -> AcganConfig:
    """Kong et al. 2022 at full length."""
    return AcganConfig(seed=seed, channels=channels)


def demonstration_config(*, seed: int = 0, iterations: int = 1500) -> AcganConfig:
    """The same networks, narrower, on smaller batches, for a twentieth of the iterations.

    Enough for pictures that are recognisably chests, with blurred detail; not for a study of how good a generator is.
    """
    return AcganConfig(
        generator_channels=(128, 96, 48),
        discriminator_channels=(32, 64, 128, 256),
        batch_size=32,
        iterations=iterations,
        seed=seed,
        checkpoint_every=100,
        metrics_every=25,
        grid_every=100,
    )


PRESETS: dict[str, Callable[..., AcganConfig]] = {"kong": kong_config, "demonstration": demonstration_config}


def is_demonstration(preset: str, config: AcganConfig) -> bool:
    """Whether a run with these settings must be shown as a demonstration."""
    return preset == "demonstration" and config.iterations < PUBLISHED_ITERATIONS
