"""A progressive GAN that is small enough for tests of its networks."""

import torch
from torch import nn

from generation.gan.pggan_config import PgganConfig

SMALL = {"image_size": 32, "feature_maps_base": 64, "feature_maps_max": 6, "latent_dim": 7}


def small(**changes) -> PgganConfig:
    return PgganConfig(**{**SMALL, **changes})


def count(network: nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


def doubled(network: nn.Module) -> nn.Module:
    return network.double().eval()


def latents(count: int = 4, dim: int = 7) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


NO_CLASS = torch.zeros(4, dtype=torch.int64)
