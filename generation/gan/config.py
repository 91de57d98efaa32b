"""Hyper-parameters of the ACGAN: one frozen, validated record that a form edits, a job stores and a checkpoint carries.

The defaults are those of Kong et al., Sci Rep 12:18118 (2022), doi 10.1038/s41598-022-22222-z, where the paper gives
them; what it leaves open is said field by field.
"""

from dataclasses import dataclass

from generation.gan.common_settings import (
    channels_setting,
    compile_setting,
    grid_columns_setting,
    precision_setting,
    seed_setting,
)
from generation.gan.registry import register_generator
from worker.compute.settings import Settings, setting

IMAGE_SIZE = 56  # pixels: a 7 x 7 seed doubled three times


@register_generator("acgan", title="ACGAN 56 x 56 (Kong 2022)", module="generation.gan.acgan")
@dataclass(frozen=True, kw_only=True)
class AcganConfig(Settings):
    """Settings of one ACGAN training run.

    Raises ValueError, naming the field, its value and the allowed range, when a value cannot be used.

    The paper writes "normal distribution, standard deviation 0.02" and does not say of what. We read it as the weight
    initialisation (Radford et al. 2016 and the common Keras ACGAN initialise so): `weight_init_std` = 0.02 and latents
    of unit variance, `latent_std` = 1. For the other reading set `latent_std` = 0.02. The widths of the layers are not
    in the paper either: those of the common Keras ACGAN are the default.
    """

    iterations: int = setting(
        30_000,
        low=1,
        high=10_000_000,
        main=True,
        help="One iteration is one step of the discriminator and one of the generator. Published: 30,000.",
    )
    batch_size: int = setting(
        64, low=2, high=4096, main=True, help="Real images, and as many generated ones, per iteration. Published: 64."
    )
    learning_rate: float = setting(
        2e-4, low=0, high=1, low_included=False, main=True, help="Of Adam, for both networks. Published: 0.0002."
    )
    seed: int = seed_setting()
    channels: int = channels_setting(three="as published")
    image_size: int = setting(IMAGE_SIZE, choices={IMAGE_SIZE: "pixels"}, help="Fixed by the architecture.")
    latent_dim: int = setting(
        100, low=1, high=4096, label="Latent size", help="Random numbers behind an image. Published: 100."
    )
    latent_std: float = setting(
        1.0,
        low=0,
        high=100,
        low_included=False,
        label="Latent standard deviation",
        help="The paper's “normal distribution, standard deviation 0.02” may mean this or the next setting. "
        "We read it as the next; latents have 1.",
    )
    weight_init_std: float = setting(
        0.02,
        low=0,
        high=10,
        low_included=False,
        label="Weight initialisation standard deviation",
        help="Of a normal distribution around 0, for all dense and convolution weights: 0.02.",
    )
    embedding_dim: int = setting(50, low=1, high=4096, label="Class embedding size", help="Published: 50.")
    generator_channels: tuple[int, int, int] = setting(
        (384, 192, 96),
        low=1,
        high=4096,
        label="Generator widths",
        help="Maps at 7, 14 and 28 pixels. Not in the paper; the usual ACGAN has 384, 192, 96.",
    )
    discriminator_channels: tuple[int, int, int, int] = setting(
        (32, 64, 128, 256),
        low=1,
        high=4096,
        label="Discriminator widths",
        help="Maps at 28, 14, 7 and 4 pixels. Not in the paper; the usual ACGAN has 32, 64, 128, 256.",
    )
    dropout: float = setting(
        0.5, low=0, high=0.95, help="In the discriminator, after all but the last convolution. Published: 0.5."
    )
    leaky_slope: float = setting(
        0.2, low=0, high=1, high_included=False, label="LeakyReLU slope", help="In the discriminator. Published: 0.2."
    )
    beta1: float = setting(0.5, low=0, high=1, high_included=False, label="Adam β1", help="Published: 0.5.")
    beta2: float = setting(
        0.999,
        low=0,
        high=1,
        high_included=False,
        label="Adam β2",
        help="Not in the paper; Adam's own default is 0.999.",
    )
    precision: str = precision_setting()
    compile: bool = compile_setting()
    checkpoint_every: int = setting(
        500, low=1, high=10_000_000, label="Checkpoint every", help="Iterations. What a crash can cost at most."
    )
    grid_every: int = setting(
        500,
        low=1,
        high=10_000_000,
        label="Sample grid every",
        help="Iterations between pictures of the same latents.",
    )
    grid_columns: int = grid_columns_setting()
    metrics_every: int = setting(
        50,
        low=1,
        high=10_000_000,
        label="Curve point every",
        help="Iterations over which a point is averaged.",
    )
