"""Settings, schedule and presets of the progressive GAN (PGGAN): what forms edit, jobs store and checkpoints carry.

Defaults are those of Karras et al., ICLR 2018 (arXiv 1710.10196), in the shorter schedule that its authors released
afterwards for one GPU. Imports no PyTorch.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import ClassVar

from generation.gan.class_mix import ABNORMAL_AND_20000_NORMAL, NORMAL_ALONE
from generation.gan.common_settings import (
    Preset,
    channels_setting,
    checkpoint_kimg_setting,
    grid_columns_setting,
    grid_kimg_setting,
    metrics_kimg_setting,
    seed_setting,
)
from generation.gan.recipe import Stage
from generation.gan.registry import register_generator
from worker.compute.settings import Settings, setting

FIRST_SIDE = 4  # pixels; each further level doubles it
SIDES = tuple(FIRST_SIDE << level for level in range(9))  # 4 ... 1024
SIDES_IN_WORDS = "at 4, 8, 16, 32, 64, 128, 256, 512 and 1024 pixels"

# By number of GPUs: real images per step, and Adam's learning rate, at each side; as the authors released them: presets
# "v2" of config.py in github.com/tkarras/progressive_growing_of_gans, in which a side that its tables leave out has the
# base value (4, 8, 16 and 32 images, 0.001). Compared value by value on 2026-11-22, also with copies of that file in
# other repositories; one copy has 4 images at 512 pixels on two GPUs, the others, as here, 8.
BATCH_SIZES = {
    1: (128, 128, 128, 64, 32, 16, 8, 4, 4),
    2: (256, 256, 128, 64, 32, 16, 8, 8, 8),
    4: (512, 256, 128, 64, 32, 16, 16, 16, 16),
    8: (512, 256, 128, 64, 32, 32, 32, 32, 32),
}
LEARNING_RATES = {
    1: (0.001,) * 8 + (0.0015,),
    2: (0.001,) * 7 + (0.0015, 0.002),
    4: (0.001,) * 6 + (0.0015, 0.002, 0.003),
    8: (0.001,) * 5 + (0.0015, 0.002, 0.003, 0.003),
}


@register_generator(
    "pggan", title="Progressive GAN up to 1024 x 1024 (Karras 2018, Jang 2023)", module="generation.gan.pggan"
)
@dataclass(frozen=True, kw_only=True)
class PgganConfig(Settings):
    """Settings of one PGGAN training run; lengths in kimg, thousands of real images shown.

    Raises ValueError, naming the field, its value and the allowed range, when a value cannot be used.
    """

    not_offered: ClassVar[dict[str, str]] = {
        "compile": "torch.compile cannot differentiate a gradient, which the gradient penalty of this generator needs "
        "(PyTorch 2.15: “does not currently support double backward”)"
    }

    image_size: int = setting(
        256,
        choices=dict.fromkeys(SIDES[1:], "pixels"),
        main=True,
        help="A side of the finished images. Training starts at 4 x 4 and doubles. Published: 1024.",
    )
    total_kimg: float = setting(
        12_000.0,
        low=0,
        high=1e6,
        low_included=False,
        main=True,
        label="Length (kimg)",
        help="Thousands of real images shown in all; what the resolutions below leave goes to the last one. "
        "Authors' shorter schedule: 12,000.",
    )
    stabilise_kimg: float = setting(
        600.0,
        low=0,
        high=1e5,
        main=True,
        label="Training per resolution (kimg)",
        help="Thousands of real images at each resolution after it is complete. Published: 800; shorter schedule: 600.",
    )
    fade_in_kimg: float = setting(
        600.0,
        low=0,
        high=1e5,
        main=True,
        label="Fading in (kimg)",
        help="Thousands of real images over which a new resolution comes in. Published: 800; shorter schedule: 600.",
    )
    seed: int = seed_setting()
    channels: int = channels_setting()
    conditional: bool = setting(
        False,
        main=True,
        label="Learn classes apart",
        help="One generator that can be asked for a class. Published: one generator per class, without condition.",
    )
    precision: str = setting(
        "float32",
        choices={"float32": "as published", "bfloat16": "faster on recent GPUs, half the memory"},
        main=True,
        help="Of the convolutions. 16-bit floats are not offered: the gradient penalty leaves their range.",
    )
    batch_sizes: tuple[int, int, int, int, int, int, int, int, int] = setting(
        BATCH_SIZES[1],
        low=2,
        high=4096,
        label="Images per step",
        help=f"Real images per step, on all GPUs together, {SIDES_IN_WORDS}. "
        "Authors' settings for one GPU: 128, 128, 128, 64, 32, 16, 8, 4, 4.",
    )
    learning_rates: tuple[float, float, float, float, float, float, float, float, float] = setting(
        LEARNING_RATES[1],
        low=0,
        high=1,
        low_included=False,
        label="Learning rates",
        help=f"Of Adam, for both networks, {SIDES_IN_WORDS}. Published: 0.001; with more images per step up to 0.003.",
    )
    feature_maps_base: int = setting(
        8192,
        low=16,
        high=65536,
        label="Feature maps, base",
        help="Twice this number divided by the side is the number of maps there, up to the next setting. "
        "Published: 8192.",
    )
    feature_maps_max: int = setting(512, low=1, high=2048, label="Feature maps, at most", help="Published: 512.")
    latent_dim: int = setting(
        512, low=1, high=4096, label="Latent size", help="Random numbers behind an image. Published: 512."
    )
    latent_std: float = setting(
        1.0,
        choices={1.0: "without effect: the latent is normalised"},
        label="Latent standard deviation",
        help="Published: 1.",
    )
    gradient_penalty: float = setting(
        10.0, low=0, high=1e4, label="Gradient penalty λ", help="Of the WGAN-GP loss. Published: 10."
    )
    drift: float = setting(
        0.001, low=0, high=10, label="Drift penalty ε", help="Keeps the scores of real images near 0. Published: 0.001."
    )
    beta1: float = setting(0.0, low=0, high=1, high_included=False, label="Adam β1", help="Published: 0.")
    beta2: float = setting(0.99, low=0, high=1, high_included=False, label="Adam β2", help="Published: 0.99.")
    epsilon: float = setting(1e-8, low=0, high=1, low_included=False, label="Adam ε", help="Published: 1e-8.")
    ema_decay: float = setting(
        0.999,
        low=0,
        high=1,
        high_included=False,
        label="Averaging of the generator",
        help="What the average of the weights keeps at each step; samples come from the average. Published: 0.999.",
    )
    checkpoint_kimg: float = checkpoint_kimg_setting()
    grid_kimg: float = grid_kimg_setting()
    metrics_kimg: float = metrics_kimg_setting(2.0)
    grid_columns: int = grid_columns_setting()

    def check(self) -> None:
        reached = schedule(self)[-1].first_image
        if self.total_images <= reached:
            raise ValueError(
                f"total_kimg is {self.total_kimg:g}; {self.image_size} pixels are complete only after "
                f"{reached / 1000:g} kimg of the smaller resolutions. Make it longer, or the resolutions shorter"
            )
        if self.feature_maps_base * 2 < self.image_size:
            raise ValueError(
                f"feature_maps_base is {self.feature_maps_base}; at {self.image_size} pixels it leaves no feature map. "
                f"It must be {self.image_size // 2} or more"
            )

    @property
    def levels(self) -> int:
        """Resolutions from 4 to image_size."""
        return SIDES.index(self.image_size) + 1

    @property
    def total_images(self) -> int:
        return round(self.total_kimg * 1000)


def feature_maps(config: PgganConfig, level: int) -> int:
    """min(base / 2^(log2 side - 1), max): 512 up to 32 pixels, 16 at 1024 as published (Table 2)."""
    return min(config.feature_maps_base >> (level + 1), config.feature_maps_max)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the schedule: `level` is fading in, or in full use, from `first_image` on for `images`."""

    level: int
    fading: bool
    first_image: int
    images: int

    @property
    def side(self) -> int:
        return FIRST_SIDE << self.level


def schedule(config: PgganConfig) -> tuple[Phase, ...]:
    """All phases in their order: 4 x 4, then each level fades in and trains on, the last one to the end of the run."""
    phases: list[Phase] = []
    first = 0
    for level in range(config.levels):
        last = level == config.levels - 1
        fade = round(config.fade_in_kimg * 1000) if level else 0
        stay = round(config.stabilise_kimg * 1000)
        if fade:
            phases.append(Phase(level=level, fading=True, first_image=first, images=fade))
        first += fade
        if last:
            stay = config.total_images - first
        if stay or last:
            phases.append(Phase(level=level, fading=False, first_image=first, images=stay))
        first += stay
    return tuple(phases)


def phase_at(config: PgganConfig, images_seen: int) -> Phase:
    """The phase of the step that begins when `images_seen` real images have been shown.

    A phase begins with the first step at or after its first image, so that a step belongs to one phase. Beyond the
    end it is the last one.
    """
    phases = schedule(config)
    return phases[bisect_right([phase.first_image for phase in phases], images_seen) - 1]


def stage_at(config: PgganConfig, images_seen: int) -> Stage:
    """Side, batch and fade-in share of the step that begins when `images_seen` real images have been shown."""
    phase = phase_at(config, images_seen)
    alpha = (images_seen - phase.first_image) / phase.images if phase.fading else 1.0
    return Stage(image_size=phase.side, batch_size=config.batch_sizes[phase.level], alpha=alpha)


def jang_config(*, seed: int = 0) -> PgganConfig:
    """1024 x 1024 on two GPUs, as Jang et al. 2023 trained, in the authors' schedule of 600 + 600 kimg."""
    return PgganConfig(image_size=1024, batch_sizes=BATCH_SIZES[2], learning_rates=LEARNING_RATES[2], seed=seed)


def one_gpu_config(*, seed: int = 0) -> PgganConfig:
    """1024 x 1024 on one GPU in the paper's schedule: 800 + 800 kimg, 19,000 in all.

    Its levels below 1024 alone take 12,800 kimg: in 12,000 it would not get there.
    """
    return PgganConfig(
        image_size=1024,
        stabilise_kimg=800,
        fade_in_kimg=800,
        total_kimg=19_000,
        batch_sizes=BATCH_SIZES[1],
        learning_rates=LEARNING_RATES[1],
        seed=seed,
    )


def quick_look_config(*, seed: int = 0) -> PgganConfig:
    """64 x 64 with an eighth of the feature maps and a hundredth of the length, for two CPU cores and about two hours.

    Shows that images and settings fit together; its pictures are no material for a study.
    """
    return PgganConfig(
        image_size=64,
        feature_maps_base=1024,
        feature_maps_max=64,
        latent_dim=64,
        stabilise_kimg=8,
        fade_in_kimg=8,
        total_kimg=160,
        batch_sizes=(32, 32, 16, 16, 16, 16, 8, 4, 4),
        seed=seed,
        checkpoint_kimg=4,
        grid_kimg=2,
        metrics_kimg=0.5,
    )


PGGAN_PRESETS = (
    Preset(
        name="jang",
        title="PGGAN 1024 x 1024, Jang 2023: two GPUs",
        generator="pggan",
        make=lambda seed: jang_config(seed=seed),
        published="The settings of Jang et al. 2023, for all images of the dataset. The two generators of the paper "
        "follow.",
    ),
    Preset(
        name="jang-normal",
        title="PGGAN 1024 x 1024, Jang 2023, normal: the normal images alone",
        generator="pggan",
        make=lambda seed: jang_config(seed=seed),
        published="The first of the two generators of Jang et al. 2023: the same settings, on normal radiographs.",
        mix=NORMAL_ALONE,
    ),
    Preset(
        name="jang-abnormal",
        title="PGGAN 1024 x 1024, Jang 2023, abnormal: all abnormal images and at most 20,000 normal ones",
        generator="pggan",
        make=lambda seed: jang_config(seed=seed),
        published="The second generator of Jang et al. 2023: 130 epochs of 111,163 images took 12.2 days on two "
        "Titan RTX.",
        mix=ABNORMAL_AND_20000_NORMAL,
    ),
    Preset(
        name="pggan-one-gpu",
        title="PGGAN 1024 x 1024, Karras 2018: one GPU, 800 + 800 kimg per resolution",
        generator="pggan",
        make=lambda seed: one_gpu_config(seed=seed),
        published="Karras et al. 2018, with the authors' images per step for one GPU.",
    ),
    Preset(
        name="pggan-quick",
        title="PGGAN 64 x 64, quick look: narrower networks, about two hours on two CPU cores",
        generator="pggan",
        make=lambda seed: quick_look_config(seed=seed),
        is_demonstration=True,
    ),
)
