"""Hyper-parameters of the ACGAN: one frozen, validated record that a form edits, a job stores and a checkpoint carries.

The defaults are those of Kong et al., Sci Rep 12:18118 (2022), doi 10.1038/s41598-022-22222-z, where the paper gives
them; what it leaves open is said field by field.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from generation.gan.registry import register_generator

IMAGE_SIZE = 56  # pixels: a 7 x 7 seed doubled three times
MAX_SEED = 2**63 - 1  # what the database and a 64-bit generator both hold


@register_generator("acgan", title="ACGAN 56 x 56 (Kong 2022)", module="generation.gan.training")
@dataclass(frozen=True, kw_only=True)
class AcganConfig:
    """Settings of one ACGAN training run.

    Raises ValueError, naming the field, its value and the allowed range, when a value cannot be used.

    The paper writes "normal distribution, standard deviation 0.02" and does not say of what. We read it as the weight
    initialisation (Radford et al. 2016 and the common Keras ACGAN initialise so): `weight_init_std` = 0.02 and latents
    of unit variance, `latent_std` = 1. For the other reading set `latent_std` = 0.02. The widths of the layers are not
    in the paper either: those of the common Keras ACGAN are the default.
    """

    channels: int = 1  # of the network's images; 3 as published (grey copied into each), 1 is the same picture for less
    image_size: int = IMAGE_SIZE  # pixels, fixed by the architecture
    latent_dim: int = 100
    embedding_dim: int = 50  # of the class
    latent_std: float = 1.0
    weight_init_std: float = 0.02  # of dense, convolution and transposed convolution weights; biases start at 0
    generator_channels: tuple[int, int, int] = (384, 192, 96)  # at 7, 14 and 28 pixels
    discriminator_channels: tuple[int, int, int, int] = (32, 64, 128, 256)  # at 28, 14, 7 and 4 pixels
    leaky_slope: float = 0.2
    dropout: float = 0.5
    learning_rate: float = 2e-4  # Adam, both networks
    beta1: float = 0.5
    beta2: float = 0.999  # not in the paper: Adam's own default
    batch_size: int = 64  # real images, and as many generated ones, per iteration
    iterations: int = 30_000  # one = one step of the discriminator and one of the generator
    seed: int = 0  # of initialisation, order of images, latents and dropout
    checkpoint_every: int = 500  # iterations
    metrics_every: int = 50  # iterations over which losses are averaged
    grid_every: int = 500  # iterations between sample grids
    grid_columns: int = 8  # images per class in a sample grid

    def __post_init__(self) -> None:
        object.__setattr__(self, "generator_channels", _int_tuple(self, "generator_channels", 3))
        object.__setattr__(self, "discriminator_channels", _int_tuple(self, "discriminator_channels", 4))
        for name, low, high in (
            ("latent_dim", 1, 4096),
            ("embedding_dim", 1, 4096),
            ("batch_size", 2, 4096),
            ("iterations", 1, 10_000_000),
            ("seed", 0, MAX_SEED),
            ("checkpoint_every", 1, 10_000_000),
            ("metrics_every", 1, 10_000_000),
            ("grid_every", 1, 10_000_000),
            ("grid_columns", 1, 32),
        ):
            _require_int(self, name, low, high)
        for name, above, limit in (
            ("latent_std", 0.0, 100.0),
            ("weight_init_std", 0.0, 10.0),
            ("learning_rate", 0.0, 1.0),
        ):
            _require_float(self, name, above, limit, low_included=False)
        for name in ("leaky_slope", "beta1", "beta2"):
            _require_float(self, name, 0.0, 1.0, high_included=False)
        _require_float(self, "dropout", 0.0, 0.95)
        if self.channels not in (1, 3) or isinstance(self.channels, bool):
            raise ValueError(f"channels is {self.channels!r}; it must be 1 (grey) or 3 (as published)")
        if self.image_size != IMAGE_SIZE:
            raise ValueError(f"image_size is {self.image_size!r}; this architecture makes {IMAGE_SIZE} pixels only")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values; `from_dict` of them gives an equal record."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The record of stored values; what is absent has its default. Raises ValueError for an unknown name."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"Unknown setting {', '.join(unknown)}; known: {', '.join(known)}")
        return cls(**values)


def _int_tuple(config: AcganConfig, name: str, length: int) -> tuple[int, ...]:
    value = getattr(config, name)
    if (
        not isinstance(value, list | tuple)
        or len(value) != length
        or any(isinstance(item, bool) or not isinstance(item, int) or not 1 <= item <= 4096 for item in value)
    ):
        raise ValueError(f"{name} is {value!r}; it must be {length} whole numbers from 1 to 4096")
    return tuple(value)


def _require_int(config: AcganConfig, name: str, low: int, high: int) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")


def _require_float(
    config: AcganConfig, name: str, low: float, high: float, *, low_included: bool = True, high_included: bool = True
) -> None:
    value = getattr(config, name)
    valid = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if valid and (low < value < high or (low_included and value == low) or (high_included and value == high)):
        object.__setattr__(config, name, float(value))  # 1 and 1.0 are one setting, also as JSON
        return
    interval = f"{'[' if low_included else '('}{low:g}, {high:g}{']' if high_included else ')'}"
    raise ValueError(f"{name} is {value!r}; it must be a number in {interval}")
