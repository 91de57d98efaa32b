"""The auxiliary classifier GAN of Kong et al. 2022 at 56 x 56: generator, discriminator and training step, in one file.

Odena et al. 2017 (arXiv 1610.09585) proposed the ACGAN. The source paper gives kernels, strides, activations, the
latent of 100, the class embedding of 50, two batch norms and the 7 x 7 start; the rest follows the common Keras ACGAN.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import record_function

from generation.gan.config import AcganConfig
from generation.gan.distributed import BatchNorm2d, share, world
from generation.gan.precision import KeptBuffers, Stepper, autocast
from generation.gan.recipe import Cadence, Stage
from generation.gan.registry import register_network, register_recipe

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
        self.norm1 = BatchNorm2d(second)
        self.up2 = _transposed(second, third, bias=False)
        self.norm2 = BatchNorm2d(third)
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
                BatchNorm2d(channels),
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


@register_recipe("acgan")
class AcganRecipe:
    """One step of each network on the same generated images; constant learning rate, no schedule.

    * discriminator: binary cross-entropy of the source (real 1, generated 0) + cross-entropy of the class, on the real
      and on the generated images, in batches of their own, each with its own batch norm;
    * generator: binary cross-entropy towards "real" + cross-entropy of the class it was asked for.
    """

    exact_on_cuda = True

    def __init__(self, config: AcganConfig, *, n_classes: int, device: str = "cpu") -> None:
        self.config, self.n_classes, self.device = config, n_classes, torch.device(device)
        # built on the CPU so that a seed gives the same start on every device
        self.generator = AcganGenerator(config, n_classes=n_classes).to(self.device)
        self.discriminator = AcganDiscriminator(config, n_classes=n_classes).to(self.device)
        self.networks: dict[str, nn.Module] = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.steppers: dict[str, Stepper] = {}
        for name, network in self.networks.items():
            network.to(memory_format=torch.channels_last)
            if config.compile:
                network.compile()  # in place: names in checkpoints stay
            optimiser = torch.optim.Adam(  # fused: one pass over each tensor instead of a dozen, on CPU as well
                network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True
            )
            self.optimisers[name] = optimiser
            self.steppers[name] = Stepper(optimiser, network, precision=config.precision, device=device)
        self.buffers = KeptBuffers(self.generator, self.discriminator)
        self.total_images = config.iterations * config.batch_size
        self.cadence = Cadence(
            checkpoint=config.checkpoint_every * config.batch_size,
            grid=config.grid_every * config.batch_size,
            metrics=config.metrics_every * config.batch_size,
        )

    @property
    def sampled(self) -> nn.Module:
        return self.generator

    def stage(self, images_seen: int) -> Stage:
        return Stage(image_size=self.config.image_size, batch_size=self.config.batch_size)

    def step(
        self, real: Tensor, classes: Tensor, *, images_seen: int, random: torch.Generator
    ) -> dict[str, Tensor | None]:
        config, generator, discriminator = self.config, self.generator, self.discriminator
        latents = torch.randn(config.batch_size, config.latent_dim, generator=random).mul_(config.latent_std)
        fake_classes = torch.randint(self.n_classes, (config.batch_size,), generator=random)
        fake_classes = share(fake_classes).to(self.device, non_blocking=True)
        ones, zeros = torch.ones(len(real), device=self.device), torch.zeros(len(real), device=self.device)
        self.buffers.keep()

        with record_function("generator"), autocast(config.precision, device=self.device.type):
            fake = generator(share(latents).to(self.device, non_blocking=True), fake_classes)
        with record_function("discriminator"):
            with autocast(config.precision, device=self.device.type):
                real_source, real_class = discriminator(real)
                fake_source, fake_class = discriminator(fake.detach())
            loss_discriminator = (
                functional.binary_cross_entropy_with_logits(real_source.float(), ones)
                + functional.binary_cross_entropy_with_logits(fake_source.float(), zeros)
                + functional.cross_entropy(real_class.float(), classes)
                + functional.cross_entropy(fake_class.float(), fake_classes)
            )
            self.steppers["discriminator"].backward(loss_discriminator)
        skipped = self.steppers["discriminator"].step()

        discriminator.requires_grad_(False)  # the generator's loss goes through it; nobody needs its gradients
        with record_function("generator"):
            with autocast(config.precision, device=self.device.type):
                source, predicted = discriminator(fake)
            loss_generator = functional.binary_cross_entropy_with_logits(
                source.float(), ones
            ) + functional.cross_entropy(predicted.float(), fake_classes)
            self.steppers["generator"].backward(loss_generator)
        skipped = self.steppers["generator"].step(skip=skipped)
        discriminator.requires_grad_(True)
        self.buffers.restore_where(skipped)

        with torch.no_grad():
            return {
                "discriminator_loss": loss_discriminator.detach(),
                "generator_loss": loss_generator.detach(),
                "source_accuracy": ((real_source > 0).float().mean() + (fake_source <= 0).float().mean()) / 2,
                "real_class_accuracy": (real_class.argmax(1) == classes).float().mean(),
                "generated_class_accuracy": (fake_class.argmax(1) == fake_classes).float().mean(),
                "skipped_steps": skipped,
            }

    def state(self) -> dict[str, Any]:
        return {name: stepper.state() for name, stepper in self.steppers.items()}

    def load_state(self, values: dict[str, Any]) -> None:
        for name, stepper in self.steppers.items():
            stepper.load_state(values.get(name, {}))


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
        count = maps.numel() * world().size  # drawn for the batch of all processes
        words = torch.empty((count + 3) // 4, dtype=torch.int64, device=maps.device)
        values = words.random_(-(2**63), None).view(torch.int16)[:count]
        # (B, H, W, C) is the order of the elements in memory: a mask in that order multiplies without a copy
        _, channels, height, width = maps.shape
        values = share(values.view(-1, height, width, channels))
        kept = (values >= self.dropped - 32768).permute(0, 3, 1, 2)
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
