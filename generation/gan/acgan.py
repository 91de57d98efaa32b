"""The auxiliary classifier GAN of Kong et al. 2022 at 56 x 56: generator and discriminator, in one file.

Odena et al. 2017 (arXiv 1610.09585) proposed the ACGAN. The source paper gives kernels, strides, activations, the
latent of 100, the class embedding of 50, two batch norms and the 7 x 7 start; the rest follows the common Keras ACGAN.
"""

import torch
from torch import Tensor, nn

from generation.gan.config import AcganConfig
from generation.gan.registry import register_network

START = 7  # pixels of the first map; 7 -> 14 -> 28 -> 56


@register_network("acgan")
class AcganGenerator(nn.Module):
    """latents (B, latent_dim) and classes (B,) int64 -> images (B, channels, 56, 56) in [-1, 1].

    The latent becomes `generator_channels[0]` maps of 7 x 7 and the class one more; three 5 x 5 stride-2 transposed
    convolutions each exactly double the side. Batch norm follows the first two, ReLU all but the last, tanh the last.
    """

    def __init__(self, config: AcganConfig, *, n_classes: int) -> None:
        super().__init__()
        first, second, third = config.generator_channels
        self.first_channels = first
        self.latent = nn.Linear(config.latent_dim, first * START * START)
        self.embedding = nn.Embedding(n_classes, config.embedding_dim)  # N(0, 1): PyTorch's own initialisation
        self.class_map = nn.Linear(config.embedding_dim, START * START)
        self.up1 = _transposed(first + 1, second, bias=False)  # a bias before a batch norm is without effect
        self.norm1 = nn.BatchNorm2d(second)
        self.up2 = _transposed(second, third, bias=False)
        self.norm2 = nn.BatchNorm2d(third)
        self.up3 = _transposed(third, config.channels, bias=True)
        _initialise(self, config.weight_init_std)

    def forward(self, latents: Tensor, classes: Tensor) -> Tensor:
        maps = torch.relu(self.latent(latents)).view(-1, self.first_channels, START, START)
        class_map = self.class_map(self.embedding(classes)).view(-1, 1, START, START)
        maps = torch.cat([maps, class_map], dim=1).contiguous(memory_format=torch.channels_last)
        maps = torch.relu_(self.norm1(self.up1(maps)))  # in place: batch norm does not need its output again
        maps = torch.relu_(self.norm2(self.up2(maps)))
        return torch.tanh(self.up3(maps))


class AcganDiscriminator(nn.Module):
    """images (B, channels, 56, 56) in [-1, 1] -> source logits (B,) and class logits (B, n_classes).

    Four 3 x 3 stride-2 convolutions, 56 -> 28 -> 14 -> 7 -> 4, each with batch norm and LeakyReLU; dropout after the
    first three. We read "LeakyReLU 0.2, batch norm, dropout 0.5 on all but the last" so that the exception belongs to
    dropout, the word it follows: LeakyReLU, in the same list, cannot be missing from the last layer.
    The heads are linear; training uses their logits, `source_probability` and `class_probabilities` are the published
    sigmoid and softmax.
    """

    def __init__(self, config: AcganConfig, *, n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = config.channels
        for index, channels in enumerate(config.discriminator_channels):
            layers += [
                nn.Conv2d(width, channels, kernel_size=3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.LeakyReLU(config.leaky_slope, inplace=True),
            ]
            if index < len(config.discriminator_channels) - 1:
                layers.append(Dropout(config.dropout))
            width = channels
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.source = nn.Linear(width * 4 * 4, 1)
        self.classes = nn.Linear(width * 4 * 4, n_classes)
        _initialise(self, config.weight_init_std)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(images)
        return self.source(features).squeeze(1), self.classes(features)

    def source_probability(self, images: Tensor) -> Tensor:
        """Probability that each image is real, (B,), in [0, 1]."""
        return torch.sigmoid(self(images)[0])

    def class_probabilities(self, images: Tensor) -> Tensor:
        """Probability of each class, (B, n_classes), rows sum to 1."""
        return torch.softmax(self(images)[1], dim=1)


class Dropout(nn.Module):
    """Inverted dropout like `nn.Dropout`, several times as fast on a CPU: one 64-bit draw decides over four elements.

    `nn.Dropout` draws one number in double precision per element, on one thread, and took a third of an iteration.
    The probability is `probability` to the nearest 1/65536.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.dropped = round(probability * 65536)  # of 65536 equally likely values
        self.scale = 65536 / (65536 - self.dropped)

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or self.dropped == 0:
            return maps
        words = torch.empty((maps.numel() + 3) // 4, dtype=torch.int64, device=maps.device)
        values = words.random_(-(2**63), None).view(torch.int16)[: maps.numel()]
        # (B, H, W, C) is the order of the elements in memory: a mask in that order multiplies without a copy
        batch, channels, height, width = maps.shape
        kept = (values >= self.dropped - 32768).view(batch, height, width, channels).permute(0, 3, 1, 2)
        return maps * (kept * self.scale)

    def extra_repr(self) -> str:
        return f"p={self.dropped / 65536:g}"


def _transposed(width: int, channels: int, *, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(width, channels, kernel_size=5, stride=2, padding=2, output_padding=1, bias=bias)


def _initialise(network: nn.Module, std: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
