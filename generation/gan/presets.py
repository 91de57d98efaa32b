"""Ready-made settings of all generators by name; here also the ACGAN's: as published, and two minutes of two CPU cores.

Another generator defines a tuple of `Preset` in its configuration's module and joins it to `PRESETS` below.
"""

from generation.gan.common_settings import Preset
from generation.gan.config import AcganConfig
from generation.gan.pggan_config import PGGAN_PRESETS
from generation.gan.stylegan2_config import STYLEGAN2_PRESETS
from worker.compute.settings import Settings

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


ACGAN_PRESETS = (
    Preset(
        name="kong",
        title="ACGAN 56 x 56, Kong 2022: the published settings, 30,000 iterations",
        generator="acgan",
        make=lambda seed: kong_config(seed=seed),
        published=f"Kong et al. 2022: {PUBLISHED_ITERATIONS:,} iterations, {PUBLISHED_DURATION}.",
    ),
    Preset(
        name="demonstration",
        title="ACGAN 56 x 56, demonstration: narrower networks, a few minutes on two CPU cores",
        generator="acgan",
        make=lambda seed: demonstration_config(seed=seed),
        is_demonstration=True,
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*ACGAN_PRESETS, *PGGAN_PRESETS, *STYLEGAN2_PRESETS)}


def is_demonstration(preset: str, config: Settings) -> bool:
    """Whether a run that began with `preset` must be shown as a demonstration, whatever was changed.

    An ACGAN trained for the published number of iterations is none, however narrow.
    """
    if isinstance(config, AcganConfig) and config.iterations >= PUBLISHED_ITERATIONS:
        return False
    return PRESETS[preset].is_demonstration
