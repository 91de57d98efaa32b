"""A generator as a contributor would add it: one file. The fixture `plugin` is the one line that makes it known."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.gan.recipe import Cadence, Stage
from worker.compute.settings import MAX_SEED, Settings, setting


@dataclass(frozen=True, kw_only=True)
class PluginConfig(Settings):
    """Settings of every kind that there is."""

    total_kimg: float = setting(0.08, low=0.01, high=1000, main=True, label="Length (kimg)", help="How long it trains.")
    batch_size: int = setting(4, low=2, high=64, main=True, help="Real images per step.")
    seed: int = setting(0, low=0, high=MAX_SEED, main=True, help="The same seed gives the same run.")
    mirror: bool = setting(False, main=True, help="Share of images shown mirrored, 0 or 50 %.")
    channels: int = setting(1, choices={1: "grey", 3: "colour"}, help="Of the images.")
    image_size: int = setting(16, choices={16: "pixels"}, help="Fixed.")
    latent_dim: int = setting(8, low=1, high=64, help="Random numbers behind an image.")
    latent_std: float = setting(1.0, low=0, high=10, low_included=False, help="Their standard deviation.")
    grid_columns: int = setting(3, low=1, high=8, help="Images per class in a grid.")
    depth: int = setting(1, low=1, high=4, help="Layers.")
    betas: tuple[float, float] = setting((0.0, 0.99), low=0, high=1, high_included=False, help="Of Adam.")
    precision: str = setting(
        "float32", choices={"float32": "", "bfloat16": "half the memory"}, help="Of the networks' arithmetic."
    )

    def check(self) -> None:
        if self.batch_size % self.depth:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of the depth {self.depth}")


class PluginNetwork(nn.Module):
    """latents (B, latent_dim), classes (B,) -> images (B, channels, 16, 16)."""

    def __init__(self, config: PluginConfig, *, n_classes: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(n_classes, config.latent_dim)
        self.layer = nn.Linear(config.latent_dim, config.channels * 16 * 16)

    def forward(self, latents: Tensor, classes: Tensor) -> Tensor:
        images = torch.tanh(self.layer(latents + self.embedding(classes)))
        return images.view(-1, self.config.channels, 16, 16)


class PluginRecipe:
    """Half the run on images of 8 pixels, then 16; the least that is a GAN."""

    exact_on_cuda = True

    def __init__(self, config: PluginConfig, *, n_classes: int, device: str = "cpu") -> None:
        self.config, self.n_classes, self.device = config, n_classes, torch.device(device)
        self.networks: dict[str, nn.Module] = {
            "generator": PluginNetwork(config, n_classes=n_classes).to(self.device),
            "discriminator": nn.Sequential(nn.Flatten(), nn.Linear(config.channels * 16 * 16, 1)).to(self.device),
        }
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(network.parameters(), betas=config.betas) for name, network in self.networks.items()
        }
        self.total_images = round(config.total_kimg * 1000)
        self.cadence = Cadence(checkpoint=20, grid=20, metrics=20)

    @property
    def sampled(self) -> nn.Module:
        return self.networks["generator"]

    def stage(self, images_seen: int) -> Stage:
        early = images_seen < self.total_images / 2
        return Stage(image_size=8 if early else 16, batch_size=self.config.batch_size, alpha=0.5 if early else 1.0)

    def step(
        self, real: Tensor, classes: Tensor, *, images_seen: int, random: torch.Generator
    ) -> dict[str, Tensor | None]:
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        latents = torch.randn(len(real), self.config.latent_dim, generator=random).to(self.device)
        fake = generator(latents, classes)
        real = functional.interpolate(real, size=16)
        loss = (
            functional.softplus(discriminator(fake.detach())).mean() + functional.softplus(-discriminator(real)).mean()
        )
        self._move("discriminator", loss)
        made = functional.softplus(-discriminator(fake)).mean()
        self._move("generator", made)
        return {"discriminator_loss": loss, "generator_loss": made, "skipped_steps": torch.zeros(())}

    def _move(self, name: str, loss: Tensor) -> None:
        self.optimisers[name].zero_grad()
        loss.backward()
        self.optimisers[name].step()

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, values: dict[str, Any]) -> None:
        """Nothing else changes."""
