"""Noise of images, each from a seed of its own: many numbers that are alike however a batch is divided.

Drawing them for the whole batch in every process would cost each process the work of all; a seed per image is a few
numbers, drawn for the whole batch and shared out.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def draw_seeds(count: int, *, random: torch.Generator) -> Tensor:
    """(count,) int64 from 0 to 2^62, from a CPU generator."""
    return torch.randint(2**62, (count,), generator=random, dtype=torch.int64)


def draw_noise(seeds: Tensor, shape: Sequence[int], *, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(B, *shape) of N(0, 1) on `device`: row i is a function of seed i, the device's type and the shape."""
    source = torch.Generator(device=device)
    noise = torch.empty((len(seeds), math.prod(shape)), device=device, dtype=dtype)
    for row, seed in zip(noise, seeds.tolist(), strict=True):
        row.normal_(generator=source.manual_seed(seed))
    return noise.view(len(seeds), *shape)
