"""Settings, automatic configuration and presets of StyleGAN2-ADA: what forms edit, jobs store and checkpoints carry.

Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020 (arXiv 1912.04958), and "Training
generative adversarial networks with limited data", NeurIPS 2020 (arXiv 2006.06676). Imports no PyTorch.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from generation.gan.common_settings import (
    Preset,
    channels_setting,
    checkpoint_kimg_setting,
    grid_columns_setting,
    grid_kimg_setting,
    metrics_kimg_setting,
    seed_setting,
)
from generation.gan.registry import register_generator
from worker.compute.settings import Settings, setting

SIDES = (16, 32, 64, 128, 256, 512, 1024)
MAX_RELATIVISTIC_SIDE = 256  # pixels; Huang et al. 2024 trained up to here
MIN_FILTER_SIDE = 32  # pixels; the lowest band reaches 21 beyond the edge

NON_SATURATING, RELATIVISTIC = "non_saturating", "relativistic"
ADAPTIVE, FIXED, OFF = "adaptive", "fixed", "off"


@register_generator(
    "stylegan2", title="StyleGAN2-ADA up to 1024 x 1024 (Karras 2020)", module="generation.gan.stylegan2_recipe"
)
@dataclass(frozen=True, kw_only=True)
class StyleGan2Config(Settings):
    """Settings of one StyleGAN2-ADA run; lengths in kimg, thousands of real images shown.

    The defaults are the authors' automatic configuration at 256 pixels on one GPU (`automatic_settings`). Raises
    ValueError, naming the field, its value and the allowed range, when a value cannot be used.
    """

    supports_truncation: ClassVar[bool] = True

    not_offered: ClassVar[dict[str, str]] = {
        "compile": "torch.compile cannot differentiate a gradient, which the gradient penalty of this generator needs "
        "(PyTorch 2.15: “does not currently support double backward”)"
    }

    image_size: int = setting(
        256,
        choices=dict.fromkeys(SIDES, "pixels"),
        main=True,
        help="A side of the images. What suits one size does not suit another: start from a preset of that size.",
    )
    total_kimg: float = setting(
        25_000.0,
        low=0,
        high=1e6,
        low_included=False,
        main=True,
        label="Length (kimg)",
        help="Thousands of real images shown in all. Published: 25,000; with few images good results come earlier.",
    )
    batch_size: int = setting(
        16,
        low=2,
        high=4096,
        main=True,
        label="Images per step",
        help="Real images per step, on all GPUs together. Automatic: 4096 / side per GPU, at most 32; 64 in all.",
    )
    r1_gamma: float = setting(
        0.8192,
        low=0,
        high=1e6,
        main=True,
        label="Gradient penalty γ",
        help="How strongly the discriminator is held flat around real images; the setting that matters most for a new "
        "kind of image. Automatic: 0.0002 × side² / images per step.",
    )
    seed: int = seed_setting()
    channels: int = channels_setting()
    conditional: bool = setting(
        True, main=True, label="Learn classes apart", help="One generator that can be asked for a class."
    )
    precision: str = setting(
        "float32",
        choices={"float32": "everywhere", "bfloat16": "in the largest layers; faster on recent GPUs, half the memory"},
        main=True,
        help="Of the convolutions. Published: 16 bits in the four largest resolutions.",
    )
    loss: str = setting(
        NON_SATURATING,
        choices={
            NON_SATURATING: "logistic with R1, as published",
            RELATIVISTIC: "relativistic pairs with R1 and R2 (R3GAN, Huang 2024); up to 256 pixels",
        },
        main=True,
        help="What the two networks play for. The relativistic one compares each real image with a generated one.",
    )
    augmentation: str = setting(
        ADAPTIVE,
        choices={
            ADAPTIVE: "as much as the discriminator overfits (ADA)",
            FIXED: "always with the probability below",
            OFF: "none",
        },
        main=True,
        help="Moves, turns, scales and brightens what the discriminator sees, so that few images last longer.",
    )
    augment_flip: bool = setting(
        False,
        main=True,
        label="Mirror left and right",
        help="Doubles the images, but mirrors the heart: mirrored anatomy may then be generated. Off for chests.",
    )
    augment_target: float = setting(
        0.6, low=-1, high=1, label="Augmentation target", help="Of the overfitting measure. Published: 0.6."
    )
    augment_probability: float = setting(
        0.0,
        low=0,
        high=1,
        label="Augmentation probability",
        help="With which a run starts; kept throughout when augmentation is fixed. Published: 0.",
    )
    augment_kimg: float = setting(
        500.0,
        low=0,
        high=1e6,
        low_included=False,
        label="Augmentation speed (kimg)",
        help="Thousands of images within which the probability can go from 0 to 1. Published: 500.",
    )
    augment_every: int = setting(
        4, low=1, high=10_000, label="Augmentation adjusted every", help="Steps. Published: 4."
    )
    augment_filter: bool = setting(
        False, label="Augment: frequencies", help="Strengthens or weakens frequency bands. Published: rarely of use."
    )
    augment_noise: bool = setting(
        False, label="Augment: noise", help="Adds noise, which may come through in samples. Published: rarely of use."
    )
    augment_cutout: bool = setting(
        False, label="Augment: cut-outs", help="Blanks a rectangle. Published: rarely of use."
    )
    mapping_layers: int = setting(
        2, low=1, high=16, label="Mapping layers", help="Between latent and style. Automatic: 2; StyleGAN2: 8."
    )
    latent_dim: int = setting(
        512, low=2, high=4096, label="Latent size", help="Random numbers behind an image. Published: 512."
    )
    style_dim: int = setting(512, low=2, high=4096, label="Style size", help="Width of the mapping. Published: 512.")
    latent_std: float = setting(
        1.0,
        choices={1.0: "without effect: the latent is normalised"},
        label="Latent standard deviation",
        help="Published: 1.",
    )
    feature_maps_base: int = setting(
        16_384,
        low=16,
        high=65_536,
        label="Feature maps, base",
        help="This number divided by the side is the number of maps there, up to the next setting. Published: 32,768; "
        "automatic: half of it below 512 pixels.",
    )
    feature_maps_max: int = setting(512, low=4, high=2048, label="Feature maps, at most", help="Published: 512.")
    learning_rate: float = setting(
        0.0025,
        low=0,
        high=1,
        low_included=False,
        label="Learning rate",
        help="Of Adam, for both networks. Automatic: 0.0025, at 1024 pixels 0.002.",
    )
    mapping_rate: float = setting(
        0.01,
        low=0,
        high=1,
        low_included=False,
        label="Learning rate of the mapping",
        help="As a share of the learning rate. Published: 0.01.",
    )
    beta1: float = setting(0.0, low=0, high=1, high_included=False, label="Adam β1", help="Published: 0.")
    beta2: float = setting(0.99, low=0, high=1, high_included=False, label="Adam β2", help="Published: 0.99.")
    epsilon: float = setting(1e-8, low=0, high=1, low_included=False, label="Adam ε", help="Published: 1e-8.")
    path_length_weight: float = setting(
        2.0, low=0, high=1e4, label="Path length penalty", help="Smoothness of the latent space; 0: none. Published: 2."
    )
    path_length_decay: float = setting(
        0.01, low=0, high=1, low_included=False, label="Path length decay", help="Of its mean. Published: 0.01."
    )
    generator_regularise_every: int = setting(
        4, low=1, high=1000, label="Path length penalty every", help="Steps. Published: 4."
    )
    discriminator_regularise_every: int = setting(
        16, low=1, high=1000, label="Gradient penalty every", help="Steps. Published: 16; in R3GAN: 1."
    )
    style_mixing: float = setting(
        0.9, low=0, high=1, label="Style mixing", help="Share of images made from two latents. Published: 0.9."
    )
    ema_kimg: float = setting(
        5.0,
        low=0,
        high=1e5,
        label="Averaging of the generator (kimg)",
        help="Half-life of the average that samples come from. Automatic: images per step × 10 / 32.",
    )
    ema_ramp: float = setting(
        0.05,
        low=0,
        high=1,
        label="Averaging, start",
        help="The half-life is at most this share of the images seen; 0: no limit. Automatic: 0.05.",
    )
    minibatch_group: int = setting(
        4, low=1, high=64, label="Minibatch standard deviation, group", help="Images compared at once. Published: 4."
    )
    checkpoint_kimg: float = checkpoint_kimg_setting()
    grid_kimg: float = grid_kimg_setting()
    metrics_kimg: float = metrics_kimg_setting(1.0)
    grid_columns: int = grid_columns_setting()

    def check(self) -> None:
        if self.loss == RELATIVISTIC and self.image_size > MAX_RELATIVISTIC_SIDE:
            raise ValueError(
                f"loss is {self.loss!r} at {self.image_size} pixels; it was only tried up to {MAX_RELATIVISTIC_SIDE}: "
                f"choose {NON_SATURATING} or a smaller side"
            )
        if self.augment_filter and self.image_size < MIN_FILTER_SIDE:
            raise ValueError(
                f"augment_filter is on at {self.image_size} pixels; its filters need {MIN_FILTER_SIDE} or more"
            )
        if self.batch_size > self.minibatch_group and self.batch_size % self.minibatch_group:
            raise ValueError(
                f"batch_size is {self.batch_size}; above {self.minibatch_group} it must be a multiple of it, the group "
                "of the minibatch standard deviation"
            )
        if self.path_length_weight and self.batch_size % 2:
            raise ValueError(
                f"batch_size is {self.batch_size}; with a path length penalty, which uses half of it, it must be even"
            )

    def feature_maps(self, side: int) -> int:
        """Feature maps of both networks at `side` pixels."""
        return max(1, min(self.feature_maps_base // side, self.feature_maps_max))


def automatic_settings(
    image_size: int, *, n_classes: int = 1, gpus: int = 1, seed: int = 0, **changes: Any
) -> StyleGan2Config:
    """The authors' "auto" configuration (2020-ADA, appendix C and Table 5) for a size, classes and a number of GPUs.

    With s = `image_size`: images per step = min(4096 / s, 32) per GPU and at most 64 in all, but one per GPU at least;
    γ = 0.0002 s² / images per step; half the feature maps below 512; learning rate 0.0025, at 1024 and above 0.002; two
    mapping layers; half-life of the average = images per step * 10 / 32 kimg, at most 0.05 of the images seen; groups
    of the minibatch standard deviation of at most 4, and of no more than one GPU computes. Several classes are
    learned apart. `changes` replaces what comes out; what depends on `batch_size` follows it.
    Raises ValueError, naming the argument, for a size that is not offered or numbers below one.
    """
    if image_size not in SIDES:
        raise ValueError(f"image_size is {image_size}; it must be one of {', '.join(map(str, SIDES))}")
    if n_classes < 1:
        raise ValueError(f"n_classes is {n_classes}; a generator needs at least one class")
    if gpus < 1:
        raise ValueError(f"gpus is {gpus}; it must be 1 or more")
    batch_size = changes.get("batch_size", max(min(gpus * min(4096 // image_size, 32), 64), gpus, 2))
    values: dict[str, Any] = {
        "image_size": image_size,
        "batch_size": batch_size,
        "r1_gamma": 0.0002 * image_size**2 / batch_size,
        "conditional": n_classes > 1,
        "feature_maps_base": 32_768 if image_size >= 512 else 16_384,
        "learning_rate": 0.002 if image_size >= 1024 else 0.0025,
        "mapping_layers": 2,
        "ema_kimg": batch_size * 10 / 32,
        "ema_ramp": 0.05,
        "minibatch_group": max(1, min(batch_size // gpus, 4)),
        "seed": seed,
    }
    known = {one.name for one in fields(StyleGan2Config)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"Unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return StyleGan2Config(**{**values, **changes})


def quick_look(seed: int = 0) -> StyleGan2Config:
    """64 pixels and narrow networks: something to look at from two CPU cores within hours, not for a study."""
    return automatic_settings(
        64,
        n_classes=2,
        seed=seed,
        batch_size=16,
        total_kimg=200.0,
        feature_maps_base=2048,
        feature_maps_max=128,
        latent_dim=128,
        style_dim=128,
        augment_kimg=100.0,
        checkpoint_kimg=5.0,
        grid_kimg=2.0,
        metrics_kimg=0.5,
    )


def relativistic(seed: int = 0) -> StyleGan2Config:
    """R3GAN's loss (Huang et al. 2024, arXiv 2501.05441) on the StyleGAN2 networks at 256 pixels.

    As there: R1 and R2 at every step, no path length penalty, no style mixing, no minibatch standard deviation. The
    networks of that paper, its schedules of γ, β2 and learning rate are not part of it.
    """
    return automatic_settings(
        256,
        n_classes=2,
        seed=seed,
        loss=RELATIVISTIC,
        discriminator_regularise_every=1,
        path_length_weight=0.0,
        style_mixing=0.0,
        minibatch_group=1,
        precision="bfloat16",
    )


STYLEGAN2_PRESETS = (
    Preset(
        name="stylegan2-256",
        title="StyleGAN2-ADA 256 x 256, the authors' automatic settings for one GPU",
        generator="stylegan2",
        make=lambda seed: automatic_settings(256, n_classes=2, seed=seed, precision="bfloat16"),
        published="Karras et al. 2020, automatic configuration: 25,000 kimg; no mirroring, colour or 90-degree turns.",
    ),
    Preset(
        name="stylegan2-r3gan-256",
        title="StyleGAN2 networks 256 x 256 with the relativistic loss of R3GAN",
        generator="stylegan2",
        make=relativistic,
        published="The loss of Huang et al. 2024 on StyleGAN2's networks: a combination that no publication reports, "
        "for comparison with the settings above.",
    ),
    Preset(
        name="stylegan2-quick-64",
        title="StyleGAN2-ADA 64 x 64, quick look: narrow networks, hours on two CPU cores",
        generator="stylegan2",
        make=quick_look,
        is_demonstration=True,
    ),
)
