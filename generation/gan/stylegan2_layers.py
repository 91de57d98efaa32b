"""Layers of StyleGAN2: equalised dense and convolution, modulated convolution, filtering with up- and downsampling.

Written from Karras et al. 2018 (equalised learning rate), 2019 (filtered resampling) and 2020 (arXiv 1912.04958:
modulation and demodulation). Every operation is PyTorch's own and can be differentiated twice. Feature maps are (B,
channels, height, width); channels-last memory is fastest and kept.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of LeakyReLU
GAIN = math.sqrt(2)  # of LeakyReLU: keeps the second moment
SMOOTH = (1.0, 3.0, 3.0, 1.0)  # the low-pass filter of every up- and downsampling


def resample(
    maps: Tensor,
    taps: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int] = (0, 0),
    gain: float = 1.0,
) -> Tensor:
    """Insert `up` - 1 zeros after each pixel, pad, convolve with outer(taps, taps) * gain, keep each `down`-th pixel.

    In each direction H pixels become (H * up + padding[0] + padding[1] - len(taps)) // down + 1; negative padding
    crops. As `scipy.signal.upfirdn` in both directions, but for the padding. `up` or `down` must be 1.
    """
    if up > 1 and down > 1:
        raise ValueError(f"up is {up} and down {down}; one of them must be 1")
    kernel = torch.outer(taps, taps).mul(gain).to(maps.device, maps.dtype)
    return _filtered(maps, kernel, up, down, (padding[0], padding[1], padding[0], padding[1]))


def _filtered(maps: Tensor, kernel: Tensor, up: int, down: int, padding: tuple[int, int, int, int]) -> Tensor:
    filtered: Tensor = _Resample.apply(maps, kernel, up, down, padding)
    return filtered


class _Resample(torch.autograd.Function):
    """Zero insertion, padding (left, right, top, bottom), convolution and decimation, the same for every channel.

    The operation is linear, and its adjoint is of the same kind: the filter reversed, `up` and `down` exchanged. So
    derivatives of every order cost as much as the operation; PyTorch's second derivative of a depthwise convolution
    takes several times as long.
    """

    @staticmethod
    def forward(
        context: Any, maps: Tensor, kernel: Tensor, up: int, down: int, padding: tuple[int, int, int, int]
    ) -> Tensor:
        height, width = maps.shape[2:]
        rows, columns = kernel.shape
        left, right, top, bottom = padding
        channels = maps.shape[1]
        if up > 1:
            weight = kernel.expand(channels, 1, rows, columns)
            filtered = functional.conv_transpose2d(maps, weight, stride=up, groups=channels)
            crop = (left - columns + 1, right - columns + up, top - rows + 1, bottom - rows + up)
            filtered = functional.pad(filtered, crop) if any(crop) else filtered
        else:
            weight = kernel.flip(0, 1).expand(channels, 1, rows, columns)
            padded = functional.pad(maps, padding) if any(padding) else maps
            filtered = functional.conv2d(padded, weight, stride=down, groups=channels)
        new_height, new_width = filtered.shape[2:]
        context.save_for_backward(kernel)
        context.arguments = (
            down,
            up,
            (
                columns - 1 - left,
                width * up - new_width * down + left - up + 1,
                rows - 1 - top,
                height * up - new_height * down + top - up + 1,
            ),
        )
        return filtered

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        (kernel,) = context.saved_tensors
        up, down, padding = context.arguments
        return _filtered(gradient, kernel.flip(0, 1), up, down, padding), None, None, None, None


class Smooth(nn.Module):
    """`resample` with the filter [1, 3, 3, 1] / 8."""

    taps: Tensor

    def __init__(self, *, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0), gain: float = 1.0) -> None:
        super().__init__()
        self.up, self.down, self.padding, self.gain = up, down, padding, gain
        taps = torch.tensor(SMOOTH, dtype=torch.float64)
        self.register_buffer("taps", taps / taps.sum(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        return resample(maps, self.taps, up=self.up, down=self.down, padding=self.padding, gain=self.gain)


def normalise_second_moment(values: Tensor) -> Tensor:
    """(B, n) scaled so that the mean square of each row is 1."""
    return values * torch.rsqrt(values.square().mean(dim=1, keepdim=True) + 1e-8)


class Dense(nn.Module):
    """(B, n) -> (B, m) with equalised learning rate: weights start at N(0, 1) and are scaled by rate / sqrt(n) in use.

    `rate` slows learning down (0.01 in the mapping network) without changing what a fresh layer computes. With
    `activate` a LeakyReLU of gain sqrt 2 follows.
    """

    def __init__(self, width: int, channels: int, *, activate: bool = False, rate: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, width) / rate)
        self.bias = nn.Parameter(torch.full((channels,), bias / rate))
        self.scale, self.rate, self.activate = rate / math.sqrt(width), rate, activate

    def forward(self, values: Tensor) -> Tensor:
        values = functional.linear(values, self.weight * self.scale, self.bias * self.rate)
        return functional.leaky_relu(values, SLOPE).mul(GAIN) if self.activate else values


class Convolution(nn.Module):
    """k x k convolution with equalised learning rate; `down`: low-pass filter and stride 2; `activate`: LeakyReLU.

    LeakyReLU(a x) = a LeakyReLU(x) for a > 0, so its gain sqrt 2, and `gain` of the whole layer, are multiplied into
    weights and bias, which are small, instead of the maps. `limit` clips the maps in reduced precision.
    """

    def __init__(
        self,
        width: int,
        channels: int,
        *,
        size: int,
        down: bool = False,
        activate: bool = True,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, width, size, size))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None
        self.gain, self.whole_gain = gain, gain * (GAIN if activate else 1.0)
        self.scale = 1 / math.sqrt(width * size * size)
        self.size, self.down, self.activate = size, down, activate
        # one pixel in four is kept: a 1 x 1 convolution can follow the filter's decimation
        self.smooth = Smooth(padding=(2, 2)) if down and size == 3 else Smooth(down=2, padding=(1, 1)) if down else None

    def forward(self, maps: Tensor, limit: float | None = None) -> Tensor:
        weight = (self.weight * (self.scale * self.whole_gain)).to(maps.dtype)
        bias = None if self.bias is None else (self.bias * self.whole_gain).to(maps.dtype)
        stride, padding = 1, self.size // 2
        if self.smooth is not None:
            maps = self.smooth(maps)
            stride, padding = (2, 0) if self.size == 3 else (1, 0)
        maps = functional.conv2d(maps, weight, bias, stride=stride, padding=padding)
        if self.activate:
            maps = functional.leaky_relu_(maps, SLOPE)
        return maps if limit is None else maps.clamp(-limit * self.gain, limit * self.gain)


class ModulatedConvolution(nn.Module):
    """k x k convolution whose weights each image scales by its style (StyleGAN2, section 2.2, equations 1 to 3).

    w'_ijk = s_i w_ijk, and with `demodulate` w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + 1e-8). Instead of building
    weights for each image, the input is scaled by s_i and the output by the root, which is the same and lets all images
    share one convolution. `up`: transposed convolution of stride 2, then the low-pass filter.
    """

    def __init__(self, width: int, channels: int, *, size: int, up: bool = False, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, width, size, size))
        self.scale = 1 / math.sqrt(width * size * size)
        self.size, self.demodulate = size, demodulate
        self.smooth = Smooth(padding=(1, 1), gain=4.0) if up else None

    def forward(self, maps: Tensor, styles: Tensor) -> tuple[Tensor, Tensor | None]:
        """Maps (B, width, h, w) and styles (B, width) -> maps before demodulation, and its factors (B, channels, 1, 1).

        The factors are left to the caller, who has more to multiply with them; None when there are none.
        """
        weight = self.weight * self.scale
        factors = None
        if self.demodulate:
            power = weight.square().sum(dim=(2, 3))  # (channels, width)
            factors = torch.rsqrt(functional.linear(styles.square(), power) + 1e-8)[:, :, None, None]
        maps = maps * styles.to(maps.dtype)[:, :, None, None]
        weight = weight.to(maps.dtype)
        if self.smooth is None:
            return functional.conv2d(maps, weight, padding=self.size // 2), factors
        return self.smooth(functional.conv_transpose2d(maps, weight.transpose(0, 1), stride=2)), factors


def minibatch_stddev(maps: Tensor, group: int) -> Tensor:
    """(B, c, h, w) -> (B, c + 1, h, w): the last map is how much the images of a group differ, a number per group.

    Root of the biased variance over the group, averaged over channels and pixels (Karras et al. 2018, section 3).
    Groups of min(`group`, B) images are interleaved: image i belongs to group i modulo the number of groups, so that
    processes which take every n-th image hold whole groups.
    """
    batch, channels, height, width = maps.shape
    size = min(group, batch)
    if batch % size:
        raise ValueError(f"A batch of {batch} images cannot be divided into groups of {size}")
    grouped = maps.reshape(size, -1, channels, height, width)
    deviation = torch.sqrt((grouped - grouped.mean(dim=0)).square().mean(dim=0) + 1e-8)
    statistic = deviation.mean(dim=(1, 2, 3)).repeat(size)  # row i: group i modulo their number
    return torch.cat([maps, statistic[:, None, None, None].expand(-1, 1, height, width)], dim=1)
