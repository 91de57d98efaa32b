"""The networks of StyleGAN2 with class condition: mapping, synthesis, discriminator (Karras et al. 2020).

arXiv 1912.04958: modulated convolutions, skip generator, residual discriminator (section 4.1, configuration F);
arXiv 2006.06676: class condition by embedding and projection, 16 bits in the largest layers (appendix C).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.gan.registry import register_network
from generation.gan.stylegan2_config import StyleGan2Config
from generation.gan.stylegan2_layers import (
    GAIN,
    SLOPE,
    Convolution,
    Dense,
    ModulatedConvolution,
    Smooth,
    minibatch_stddev,
    normalise_second_moment,
)

START = 4  # pixels of the first maps
REDUCED_RESOLUTIONS = 4  # the largest ones compute in 16 bits when asked to
LIMIT = 256.0  # of maps in 16 bits


class Mapping(nn.Module):
    """Latents (B, latent_dim) and classes (B,) -> (B, width): dense layers of a small learning rate.

    Latent and class embedding are each scaled to a mean square of 1 and joined. `latent_dim` 0: classes alone, as the
    discriminator's projection needs them. Without classes (`n_classes` 0) they are ignored.
    """

    def __init__(self, *, latent_dim: int, n_classes: int, width: int, layers: int, rate: float) -> None:
        super().__init__()
        self.latent_dim, self.n_classes = latent_dim, n_classes
        self.embedding = Dense(n_classes, width) if n_classes else None
        start = latent_dim + (width if n_classes else 0)
        self.layers = nn.ModuleList(
            Dense(start if number == 0 else width, width, activate=True, rate=rate) for number in range(layers)
        )

    def forward(self, latents: Tensor | None, classes: Tensor) -> Tensor:
        parts = []
        if latents is not None and self.latent_dim:
            parts.append(normalise_second_moment(latents))
        if self.embedding is not None:
            chosen = functional.one_hot(classes, self.n_classes).to(self.embedding.weight.dtype)
            parts.append(normalise_second_moment(self.embedding(chosen)))
        values = torch.cat(parts, dim=1)
        for layer in self.layers:
            values = layer(values)
        return values


class StyledConvolution(nn.Module):
    """Modulated 3 x 3 convolution, noise of a learned strength, bias, LeakyReLU; `up` doubles the side."""

    def __init__(self, width: int, channels: int, *, style_dim: int, up: bool = False) -> None:
        super().__init__()
        self.style = Dense(style_dim, width, bias=1.0)
        self.convolution = ModulatedConvolution(width, channels, size=3, up=up)
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, w: Tensor, noise: Tensor, limit: float | None) -> Tensor:
        maps, factors = self.convolution(maps, self.style(w))
        # the gain of the activation in what is small: see Convolution
        kind = maps.dtype
        shift = (self.bias * GAIN).to(kind)[:, None, None]
        maps = torch.addcmul(shift, maps, (factors * GAIN).to(kind))
        maps = functional.leaky_relu_(maps.add_((noise * (self.noise_strength * GAIN)).to(kind)), SLOPE)
        return maps if limit is None else maps.clamp(-limit, limit)


class ToImage(nn.Module):
    """Modulated 1 x 1 convolution to the image's channels, without demodulation; linear."""

    def __init__(self, width: int, channels: int, *, style_dim: int) -> None:
        super().__init__()
        self.style = Dense(style_dim, width, bias=1.0)
        self.convolution = ModulatedConvolution(width, channels, size=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, w: Tensor, limit: float | None) -> Tensor:
        image, _ = self.convolution(maps, self.style(w))
        image = image + self.bias.to(image.dtype)[:, None, None]
        return image if limit is None else image.clamp(-limit, limit)


class Synthesis(nn.Module):
    """Styles (B, n_layers, style_dim) -> images: from 4 x 4 to full size, the image summed over the sizes."""

    constant_noise: Tensor

    def __init__(self, config: StyleGan2Config) -> None:
        super().__init__()
        self.image_size = config.image_size
        self.sides = [START << level for level in range(int(math.log2(config.image_size // START)) + 1)]
        self.n_layers = 2 * len(self.sides)
        # the maps of each layer that gets noise: one at the first side, two at the others
        self.noise_sides = [side for side in self.sides for _ in range(1 if side == START else 2)]
        self.reduced = config.precision == "bfloat16"
        first = config.feature_maps(START)
        self.constant = nn.Parameter(torch.randn(first, START, START))
        self.convolutions, self.to_images = nn.ModuleList(), nn.ModuleList()
        width = first
        for side in self.sides:
            channels = config.feature_maps(side)
            if side > START:
                self.convolutions.append(StyledConvolution(width, channels, style_dim=config.style_dim, up=True))
            self.convolutions.append(StyledConvolution(channels, channels, style_dim=config.style_dim))
            self.to_images.append(ToImage(channels, config.channels, style_dim=config.style_dim))
            width = channels
        self.doubling = Smooth(up=2, padding=(2, 1), gain=4.0)
        self.register_buffer("constant_noise", torch.randn(self.noise_size))

    @property
    def noise_size(self) -> int:
        """Numbers of noise behind an image."""
        return sum(side * side for side in self.noise_sides)

    def forward(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """`noise` (B, noise_size) or (1, noise_size); without it the constant noise of the network."""
        if w.ndim != 3 or w.shape[1] != self.n_layers:
            raise ValueError(f"w is {tuple(w.shape)}; it must be (B, {self.n_layers}, style_dim)")
        flat = self.constant_noise[None] if noise is None else noise
        pieces = flat.split([side * side for side in self.noise_sides], dim=1)
        noises = [piece.reshape(-1, 1, side, side) for piece, side in zip(pieces, self.noise_sides, strict=True)]
        maps = self.constant.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        layer = 0
        for level, side in enumerate(self.sides):
            kind, limit = self._precision(side, w)
            maps = maps.to(kind)
            for _ in range(1 if side == START else 2):
                maps = self.convolutions[layer](maps, w[:, layer], noises[layer], limit)
                layer += 1
            part = self.to_images[level](maps, w[:, layer], limit).to(w.dtype)
            image = part if image is None else self.doubling(image).add_(part)
        assert image is not None  # noqa: S101 - there is always a first side
        return image

    def _precision(self, side: int, w: Tensor) -> tuple[torch.dtype, float | None]:
        if self.reduced and self.training and is_reduced(side, self.image_size):
            return torch.bfloat16, LIMIT
        return w.dtype, None


@register_network("stylegan2")
class StyleGan2Generator(nn.Module):
    """latents (B, latent_dim) ~ N(0, 1) and classes (B,) int64 -> images (B, channels, side, side), about [-1, 1].

    In evaluation every image has the same, stored noise, so that it depends on latent and class alone. In training
    `noise` brings that of each image; without it the stored noise is used.
    """

    w_mean: Tensor
    supports_truncation = True

    def __init__(self, config: StyleGan2Config, *, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.map = Mapping(
            latent_dim=config.latent_dim,
            n_classes=n_classes if config.conditional and n_classes > 1 else 0,
            width=config.style_dim,
            layers=config.mapping_layers,
            rate=config.mapping_rate,
        )
        self.synthesise = Synthesis(config)
        self.register_buffer("w_mean", torch.zeros(config.style_dim))

    @property
    def n_layers(self) -> int:
        """Styles of an image: one for each convolution and one for the last image."""
        return self.synthesise.n_layers

    def mapping(self, latents: Tensor, classes: Tensor, *, truncation: float = 1.0) -> Tensor:
        """w (B, n_layers, style_dim), one for all layers, drawn towards the mean: w_mean + truncation (w - w_mean).

        Truncation 1 leaves w alone; 0 gives the mean image for every latent (StyleGAN, 2019, appendix B).
        """
        w = self.map(latents, classes)
        if truncation != 1.0:
            w = torch.lerp(self.w_mean.to(w.dtype), w, truncation)
        return w[:, None].expand(-1, self.n_layers, -1)

    def synthesis(self, w: Tensor, *, noise: Tensor | None = None) -> Tensor:
        """Images of styles (B, n_layers, style_dim); `noise` (B, `noise_size`), else the stored one."""
        images: Tensor = self.synthesise(w, noise)
        return images

    @property
    def noise_size(self) -> int:
        return self.synthesise.noise_size

    def forward(
        self, latents: Tensor, classes: Tensor, *, truncation: float = 1.0, noise: Tensor | None = None
    ) -> Tensor:
        return self.synthesis(self.mapping(latents, classes, truncation=truncation), noise=noise)

    @torch.no_grad()
    def follow_w(self, mean: Tensor, *, decay: float) -> None:
        """Move `w_mean` towards the mean (style_dim,) of a batch of w; a mean that is not finite is left out."""
        moved = torch.lerp(mean.to(self.w_mean.dtype), self.w_mean, decay)
        self.w_mean.copy_(torch.where(torch.isfinite(moved).all(), moved, self.w_mean))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, the second halving the side, beside a 1 x 1 one; sum divided by sqrt 2."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.skip = Convolution(width, channels, size=1, down=True, activate=False, bias=False, gain=math.sqrt(0.5))
        self.first = Convolution(width, width, size=3)
        self.second = Convolution(width, channels, size=3, down=True, gain=math.sqrt(0.5))

    def forward(self, maps: Tensor, limit: float | None) -> Tensor:
        return self.second(self.first(maps, limit), limit).add(self.skip(maps))


class StyleGan2Discriminator(nn.Module):
    """images (B, channels, side, side) and classes (B,) -> scores (B,), higher for real.

    Several classes: the score is the projection of the features on what the class is mapped to (Miyato and Koyama
    2018), divided by the root of its size.
    """

    def __init__(self, config: StyleGan2Config, *, n_classes: int) -> None:
        super().__init__()
        self.image_size, self.group = config.image_size, config.minibatch_group
        self.reduced = config.precision == "bfloat16"
        conditional = config.conditional and n_classes > 1
        self.from_image = Convolution(config.channels, config.feature_maps(config.image_size), size=1)
        blocks, side = [], config.image_size
        while side > START:
            blocks.append(ResidualBlock(config.feature_maps(side), config.feature_maps(side // 2)))
            side //= 2
        self.blocks = nn.ModuleList(blocks)
        width = config.feature_maps(START)
        self.last = Convolution(width + (1 if self.group > 1 else 0), width, size=3)
        self.dense = Dense(width * START * START, width, activate=True)
        self.score = Dense(width, config.style_dim if conditional else 1)
        self.map = (
            Mapping(
                latent_dim=0,
                n_classes=n_classes,
                width=config.style_dim,
                layers=config.mapping_layers,
                rate=config.mapping_rate,
            )
            if conditional
            else None
        )

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        maps, full = images.contiguous(memory_format=torch.channels_last), images.dtype
        side = self.image_size
        for number, block in enumerate(self.blocks):
            reduced = self.reduced and self.training and is_reduced(side, self.image_size)
            maps, limit = (maps.to(torch.bfloat16), LIMIT) if reduced else (maps.to(full), None)
            if number == 0:
                maps = self.from_image(maps, limit)
            maps = block(maps, limit)
            side //= 2
        maps = maps.to(full)
        if self.group > 1:
            maps = minibatch_stddev(maps, self.group)
        features = self.score(self.dense(self.last(maps).flatten(1)))
        if self.map is None:
            return features.squeeze(1)
        wanted = self.map(None, classes)
        return (features * wanted).sum(dim=1) / math.sqrt(wanted.shape[1])


def is_reduced(side: int, image_size: int) -> bool:
    """Whether layers at `side` pixels are among those that compute in 16 bits."""
    return side > START and side >= image_size >> (REDUCED_RESOLUTIONS - 1)
