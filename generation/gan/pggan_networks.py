"""Generator and discriminator of the progressive GAN, from Karras et al. 2018 (ICLR; arXiv 1710.10196), in one file.

Both networks hold the layers of every resolution from the start and use those up to their `level`: level 0 is 4 x 4
pixels, each further one doubles the side. While a level is new its share `alpha` grows from 0 to 1. Both numbers are
buffers, so that a state dict of any moment samples as the network did then. Sections and tables cited are the paper's.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.gan.convolution import convolve
from generation.gan.pggan_config import FIRST_SIDE, PgganConfig, feature_maps
from generation.gan.registry import register_network

SLOPE = 0.2  # of LeakyReLU (Table 2)
GROUP = 4  # samples over which the discriminator measures variety
EPSILON = 1e-8  # of pixel norm (section 4.2) and of the standard deviation over a group


class EqualisedConv(nn.Module):
    """Convolution whose weights are N(0, 1) and are multiplied by gain / sqrt(fan in) when used (section 4.1).

    Adam's steps do not depend on a weight's scale, so all layers then learn at the same speed. The bias starts at 0
    and is not scaled. (B, width, H, W) -> (B, channels, H, W), or (B, channels, 2 H, 2 W) with `up`.

    `up` is "nearest x 2, then the 3 x 3 convolution" as one transposed convolution: each pixel of the small map meets
    the sums of the weights that would have met its four copies, 16 products per pixel instead of 36.
    """

    def __init__(
        self, width: int, channels: int, *, kernel: int = 3, gain: float = math.sqrt(2), up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, width, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.scale = gain / math.sqrt(width * kernel * kernel)
        self.padding = kernel // 2
        self.up = up

    def forward(self, maps: Tensor) -> Tensor:
        weight = self.weight * self.scale
        if not self.up:
            return convolve(maps, weight, self.bias, padding=self.padding)
        wide = functional.pad(weight.flip(2, 3).transpose(0, 1), (1, 1, 1, 1))
        summed = wide[:, :, 1:, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, 1:] + wide[:, :, :-1, :-1]
        return functional.conv_transpose2d(maps, summed, self.bias, stride=2, padding=1)

    def extra_repr(self) -> str:
        channels, width, kernel, _ = self.weight.shape
        return f"{width}, {channels}, kernel={kernel}, scale={self.scale:.4g}, up={self.up}"


class EqualisedDense(nn.Module):
    """(B, width) -> (B, channels) with the equalised learning rate; `repeats` outputs share each bias."""

    def __init__(self, width: int, channels: int, *, gain: float = math.sqrt(2), repeats: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels * repeats, width))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.scale = gain / math.sqrt(width)
        self.repeats = repeats

    def forward(self, values: Tensor) -> Tensor:
        bias = self.bias if self.repeats == 1 else self.bias.repeat_interleave(self.repeats)
        return functional.linear(values, self.weight * self.scale, bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, scale={self.scale:.4g}"


def pixel_norm(values: Tensor) -> Tensor:
    """(B, C, ...) divided by the root mean square over C at each place (section 4.2); the result has mean square 1."""
    wide = torch.float32 if values.dtype == torch.bfloat16 else values.dtype
    mean_square = values.square().mean(dim=1, keepdim=True, dtype=wide)
    return values * torch.rsqrt(mean_square + EPSILON).to(values.dtype)


def double_nearest(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W): each pixel becomes four."""
    return functional.interpolate(images, scale_factor=2, mode="nearest")


def halve_box(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H / 2, W / 2): the mean of each 2 x 2."""
    return functional.avg_pool2d(maps, 2)


def fade_reals(images: Tensor, alpha: float) -> Tensor:
    """Real images (B, C, side, side) as sharp as the generator can be: detail of the newest level counts `alpha`."""
    if alpha >= 1.0:
        return images
    return torch.lerp(double_nearest(halve_box(images)), images, alpha)


def group_size(batch: int) -> int:
    """Samples per group: 4, or the largest part of the batch below it, or all of a batch that 2, 3, 4 do not divide."""
    return next((size for size in (GROUP, 3, 2) if batch % size == 0), batch)


def minibatch_stddev(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, 1, H, W): how much the samples of a group differ (section 3), one number per group.

    Standard deviation (of the group itself, divided by its size) at each feature and place, averaged over them. Groups
    are interleaved: of B samples in groups of 4, sample i belongs to group i mod (B / 4). A batch shared out as
    every n-th sample then keeps its groups, and n processes see what one would.
    """
    batch, _, height, width = maps.shape
    size = group_size(batch)
    wide = torch.float32 if maps.dtype == torch.bfloat16 else maps.dtype
    groups = maps.to(wide).reshape(size, batch // size, *maps.shape[1:])
    variance = (groups - groups.mean(dim=0, keepdim=True)).square().mean(dim=0)
    variety = torch.sqrt(variance + EPSILON).mean(dim=(1, 2, 3))
    return variety.to(maps.dtype).repeat(size).view(batch, 1, 1, 1).expand(-1, -1, height, width)


class Progressive(nn.Module):
    """What both networks share: `level`, and the share `alpha` of its layers; buffers, and plain numbers for speed."""

    level: Tensor
    alpha: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels  # the last is levels - 1; a new network is complete
        self.register_buffer("level", torch.tensor(levels - 1))
        self.register_buffer("alpha", torch.tensor(1.0, dtype=torch.float64))
        self.current, self.share = levels - 1, 1.0
        self.register_load_state_dict_post_hook(_read_stage)

    def set_stage(self, *, level: int, alpha: float = 1.0) -> None:
        """Use the layers up to `level`, those of `level` with the share `alpha`. ValueError outside of the range."""
        if not 0 <= level < self.levels or not 0.0 <= alpha <= 1.0:
            raise ValueError(
                f"level is {level} and alpha {alpha}; level must be 0 to {self.levels - 1} and alpha in [0, 1]"
            )
        self.level.fill_(level)
        self.alpha.fill_(alpha)
        self.current, self.share = level, alpha

    @property
    def side(self) -> int:
        """Pixels of a side of the images at this level."""
        return FIRST_SIDE << self.current

    @property
    def fading(self) -> bool:
        return self.current > 0 and self.share < 1.0


def _read_stage(network: Progressive, _: Any) -> None:
    network.set_stage(level=int(network.level), alpha=float(network.alpha))


class GeneratorBlock(nn.Module):
    """Doubles the side: nearest x 2, then two 3 x 3 convolutions, each with LeakyReLU and pixel norm (Table 2)."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.first = EqualisedConv(width, channels, up=True)
        self.second = EqualisedConv(channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        maps = pixel_norm(functional.leaky_relu_(self.first(maps), SLOPE))
        return pixel_norm(functional.leaky_relu_(self.second(maps), SLOPE))


@register_network("pggan")
class PgganGenerator(Progressive):
    """latents (B, latent_dim) ~ N(0, 1) and classes (B,) int64 -> images (B, channels, side, side), about [-1, 1].

    The output is linear. A conditional network embeds the class in `latent_dim` numbers, normalises them like the
    latent and puts both side by side, as StyleGAN2-ADA does before its mapping (Karras et al. 2020, arXiv 2006.06676,
    appendix D); otherwise `classes` are ignored.
    """

    def __init__(self, config: PgganConfig, *, n_classes: int) -> None:
        super().__init__(config.levels)
        widths = [feature_maps(config, level) for level in range(config.levels)]
        self.embedding = (
            nn.Parameter(torch.randn(n_classes, config.latent_dim)) if conditional(config, n_classes) else None
        )
        inputs = config.latent_dim * (1 if self.embedding is None else 2)
        self.dense = EqualisedDense(inputs, widths[0], gain=math.sqrt(2) / 4, repeats=FIRST_SIDE**2)
        self.conv = EqualisedConv(widths[0], widths[0])
        self.blocks = nn.ModuleList(GeneratorBlock(*pair) for pair in pairwise(widths))
        self.to_image = nn.ModuleList(EqualisedConv(width, config.channels, kernel=1, gain=1.0) for width in widths)

    def forward(self, latents: Tensor, classes: Tensor) -> Tensor:
        values = pixel_norm(latents)
        if self.embedding is not None:
            values = torch.cat([values, pixel_norm(_rows(self.embedding, classes))], dim=1)
        maps = self.dense(values).view(len(latents), -1, FIRST_SIDE, FIRST_SIDE)
        maps = maps.contiguous(memory_format=torch.channels_last)
        maps = pixel_norm(functional.leaky_relu_(maps, SLOPE))
        maps = before = pixel_norm(functional.leaky_relu_(self.conv(maps), SLOPE))
        for block in self.blocks[: self.current]:
            before, maps = maps, block(maps)
        images = self.to_image[self.current](maps)
        if self.fading:
            images = torch.lerp(double_nearest(self.to_image[self.current - 1](before)), images, self.share)
        return images


class DiscriminatorBlock(nn.Module):
    """Halves the side: two 3 x 3 convolutions with LeakyReLU, then the mean of each 2 x 2 (Table 2)."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.first = EqualisedConv(width, width)
        self.second = EqualisedConv(width, channels)

    def forward(self, maps: Tensor) -> Tensor:
        maps = functional.leaky_relu(self.first(maps), SLOPE)
        return halve_box(functional.leaky_relu(self.second(maps), SLOPE))


class PgganDiscriminator(Progressive):
    """images (B, channels, side, side) and classes (B,) int64 -> scores (B,), any real number, high for real.

    A conditional one adds the inner product of its features with the class's own vector (projection: Miyato & Koyama
    2018, arXiv 1802.05637). For a fixed class that is a critic of this class's images alone, so with reals and
    generated images of the same classes the WGAN-GP loss stays what it is: a distance between images of the same
    class. An auxiliary classifier, as of the ACGAN, would add a term that pulls samples away from where classes meet
    (Shu et al. 2017; Gong et al. 2019, arXiv 1907.02690), which a study of disease cannot want.
    """

    def __init__(self, config: PgganConfig, *, n_classes: int) -> None:
        super().__init__(config.levels)
        widths = [feature_maps(config, level) for level in range(config.levels)]
        self.from_image = nn.ModuleList(EqualisedConv(config.channels, width, kernel=1) for width in widths)
        self.blocks = nn.ModuleList(DiscriminatorBlock(wide, few) for few, wide in pairwise(widths))
        self.conv = EqualisedConv(widths[0] + 1, widths[0])
        self.dense = EqualisedDense(widths[0] * FIRST_SIDE**2, widths[0])
        self.score = EqualisedDense(widths[0], 1, gain=1.0)
        self.projection = nn.Parameter(torch.randn(n_classes, widths[0])) if conditional(config, n_classes) else None

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        maps = functional.leaky_relu(self.from_image[self.current](images), SLOPE)
        for level in range(self.current, 0, -1):
            maps = self.blocks[level - 1](maps)
            if level == self.current and self.fading:
                old = functional.leaky_relu(self.from_image[level - 1](halve_box(images)), SLOPE)
                maps = torch.lerp(old, maps, self.share)
        maps = torch.cat([maps, minibatch_stddev(maps)], dim=1)
        maps = functional.leaky_relu(self.conv(maps), SLOPE)
        with torch.autocast(images.device.type, enabled=False):  # scores of some hundreds need all their digits
            features = functional.leaky_relu(self.dense(maps.flatten(1).to(self.dense.weight.dtype)), SLOPE)
            scores = self.score(features).squeeze(1)
            if self.projection is not None:
                scores = scores + (_rows(self.projection, classes) * features).sum(dim=1) * self.score.scale
        return scores


def conditional(config: PgganConfig, n_classes: int) -> bool:
    return config.conditional and n_classes > 1


def _rows(table: Tensor, classes: Tensor) -> Tensor:
    """table[classes] as a product, whose gradient has a deterministic algorithm on every device."""
    return functional.one_hot(classes, len(table)).to(table.dtype) @ table
