"""How StyleGAN2-ADA is trained: losses, lazy regularisation, averaged generator; see `generation.gan.recipe.Recipe`.

Karras et al. 2020: arXiv 1912.04958 (lazy and path length regularisation, sections 3.1 and 3.2; appendix B) and arXiv
2006.06676 (augmentation of all that the discriminator sees).
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.gan import r3gan
from generation.gan.augmentation import AugmentationStrength, draw_augmentation
from generation.gan.distributed import average, require_divisible, share
from generation.gan.noise import draw_noise, draw_seeds
from generation.gan.precision import Stepper
from generation.gan.r3gan import gradient_penalty
from generation.gan.recipe import Cadence, Stage
from generation.gan.registry import register_recipe
from generation.gan.stylegan2 import StyleGan2Discriminator, StyleGan2Generator
from generation.gan.stylegan2_config import OFF, RELATIVISTIC, StyleGan2Config

W_DECAY = 0.995  # of the running mean of w, per step


@dataclass(frozen=True, kw_only=True)
class Draws:
    """What images are generated from; rows are images."""

    latents: Tensor  # (B, latent_dim)
    other_latents: Tensor  # (B, latent_dim): the second ones of mixed images
    crossover: Tensor  # (B,): the first layer that gets the second style; n_layers when not mixed
    noise_seeds: Tensor  # (B,)


@register_recipe("stylegan2")
class StyleGan2Recipe:
    """Generator, path length every 4 steps, discriminator, gradient penalty every 16 (each an optimiser step).

    Generated images have the classes of the real ones of the batch, so that the discriminator compares like with like
    also when one class is rare.
    """

    def __init__(self, config: StyleGan2Config, *, n_classes: int, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        require_divisible([config.batch_size, config.batch_size // 2 if config.path_length_weight else 0])
        self.generator = StyleGan2Generator(config, n_classes=n_classes)
        self.discriminator = StyleGan2Discriminator(config, n_classes=n_classes)
        self.average = deepcopy(self.generator).requires_grad_(False).eval()
        self.networks: dict[str, nn.Module] = {
            "generator": self.generator,
            "generator_ema": self.average,
            "discriminator": self.discriminator,
        }
        for network in self.networks.values():
            network.to(self.device).to(memory_format=torch.channels_last)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": self._adam(
                self.generator, config.generator_regularise_every if config.path_length_weight else None
            ),
            "discriminator": self._adam(
                self.discriminator,
                config.discriminator_regularise_every if config.discriminator_regularise_every > 1 else None,
            ),
        }
        self.steppers = {
            name: Stepper(optimiser, self.networks[name], precision="float32", device=device)
            for name, optimiser in self.optimisers.items()
        }
        self.mean_path_length = torch.zeros([], device=self.device)
        self.strength = AugmentationStrength(config, device=self.device)
        self.total_images = max(1, round(config.total_kimg * 1000))
        self.cadence = Cadence.of_kimg(config.checkpoint_kimg, config.grid_kimg, config.metrics_kimg)
        # the derivative of moving images adds up in no fixed order on a GPU
        self.exact_on_cuda = config.augmentation == OFF

    @property
    def memory_factor(self) -> float:
        """Beside the pass of the generator and the two of the discriminator that an estimate of memory counts, a step
        holds what the gradients of path length or penalty came from; the relativistic loss penalises both kinds of
        images at every step, in the graph of the loss. Measured: docs/benchmarks.md.
        """
        return 1.75 if self.config.loss == RELATIVISTIC else 1.2

    @property
    def sampled(self) -> nn.Module:
        return self.average

    def stage(self, images_seen: int) -> Stage:
        return Stage(image_size=self.config.image_size, batch_size=self.config.batch_size)

    def step(
        self, real: Tensor, classes: Tensor, *, images_seen: int, random: torch.Generator
    ) -> dict[str, Tensor | None]:
        config, step = self.config, images_seen // self.config.batch_size
        self.generator.train()
        self.discriminator.train()
        curves: dict[str, Tensor | None] = {}
        skips = []

        # generator
        self._learns(self.generator)
        fake, w = self._generate(self._draw(config.batch_size, random), classes)
        scores = self._scores(fake, classes, random)
        if config.loss == RELATIVISTIC:
            with torch.no_grad():
                real_scores = self._scores(real, classes, random)
            loss = r3gan.generator_loss(real_scores, scores)
        else:
            loss = functional.softplus(-scores).mean()
        skips.append(self._update("generator", loss))
        self.generator.follow_w(average(w.detach()[:, 0].mean(dim=0)), decay=W_DECAY)
        curves["generator_loss"] = loss.detach()

        # smoothness of the latent space, on half a batch
        curves["path_length"] = None
        if config.path_length_weight and step % config.generator_regularise_every == 0:
            half = len(classes) // 2
            lengths = self._path_lengths(classes[:half], random)
            batch_mean = average(lengths.detach().mean())
            moved = self.mean_path_length.lerp(batch_mean, config.path_length_decay)
            self.mean_path_length.copy_(torch.where(torch.isfinite(moved), moved, self.mean_path_length))
            loss = (lengths - self.mean_path_length).square().mean()
            loss = loss * (config.path_length_weight * config.generator_regularise_every)
            skips.append(self._update("generator", loss))
            curves["path_length"] = batch_mean

        # discriminator
        self._learns(self.discriminator)
        with torch.no_grad():
            fake, _ = self._generate(self._draw(config.batch_size, random), classes)
        penalised = config.discriminator_regularise_every == 1
        relativistic = config.loss == RELATIVISTIC
        real, fake = real.detach().requires_grad_(penalised), fake.requires_grad_(penalised and relativistic)
        fake_scores = self._scores(fake, classes, random)
        real_scores = self._scores(real, classes, random)
        if relativistic:
            loss = r3gan.discriminator_loss(real_scores, fake_scores)
            overfitting = self.strength.observe(real_scores - fake_scores)  # only differences have a meaning
        else:
            loss = functional.softplus(fake_scores).mean() + functional.softplus(-real_scores).mean()
            overfitting = self.strength.observe(real_scores)
        curves["discriminator_loss"] = loss.detach()
        curves["gradient_penalty"] = None
        if penalised:
            penalty = self._penalty(real, real_scores, fake, fake_scores)
            curves["gradient_penalty"] = penalty.detach()
            loss = loss + penalty * (config.r1_gamma / 2)
        skips.append(self._update("discriminator", loss))

        # flatness around real images (and generated ones, relativistic), every few steps
        if not penalised and step % config.discriminator_regularise_every == 0:
            real, fake = real.detach().requires_grad_(True), fake.detach().requires_grad_(relativistic)
            penalty = self._penalty(
                real,
                self._scores(real, classes, random),
                fake,
                self._scores(fake, classes, random) if relativistic else None,
            )
            curves["gradient_penalty"] = penalty.detach()
            loss = penalty * (config.r1_gamma / 2 * config.discriminator_regularise_every)
            skips.append(self._update("discriminator", loss))

        self._follow_average(images_seen)
        curves["real_score"], curves["fake_score"] = real_scores.detach().mean(), fake_scores.detach().mean()
        curves["overfitting"] = overfitting
        curves["augmentation"] = torch.tensor(self.strength.probability, device=self.device)
        self.strength.adjust()
        curves["skipped_steps"] = torch.stack(skips).max()
        return curves

    def state(self) -> dict[str, Any]:
        return {"mean_path_length": self.mean_path_length.item(), "augmentation": self.strength.state()}

    def load_state(self, values: dict[str, Any]) -> None:
        self.mean_path_length.fill_(values["mean_path_length"])
        self.strength.load_state(values["augmentation"])

    def _draw(self, count: int, random: torch.Generator) -> Draws:
        """What `count` images of all processes together are made of; this process's share."""
        latents = torch.randn(count, self.config.latent_dim, generator=random)
        other = torch.randn(count, self.config.latent_dim, generator=random)
        mixed = torch.rand(count, generator=random) < self.config.style_mixing
        crossover = torch.randint(1, self.generator.n_layers, (count,), generator=random)
        crossover = torch.where(mixed, crossover, self.generator.n_layers)
        seeds = draw_seeds(count, random=random)
        on_device = [share(values).to(self.device, non_blocking=True) for values in (latents, other, crossover)]
        return Draws(latents=on_device[0], other_latents=on_device[1], crossover=on_device[2], noise_seeds=share(seeds))

    def _generate(self, draws: Draws, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Images and their w (B, n_layers, style_dim), from which the images can be differentiated."""
        generator = self.generator
        w = generator.mapping(draws.latents, classes)
        if self.config.style_mixing:
            other = generator.mapping(draws.other_latents, classes)
            layers = torch.arange(generator.n_layers, device=self.device)
            w = torch.where((layers < draws.crossover[:, None])[:, :, None], w, other)
        noise = draw_noise(draws.noise_seeds, (generator.noise_size,), device=self.device, dtype=torch.float32)
        return generator.synthesis(w, noise=noise), w

    def _scores(self, images: Tensor, classes: Tensor, random: torch.Generator) -> Tensor:
        """The discriminator's scores of augmented images."""
        if self.config.augmentation != OFF:
            augmentation = draw_augmentation(
                self.config, self.config.batch_size, probability=self.strength.probability, random=random
            )
            images = augmentation.share().apply(images)
        scores: Tensor = self.discriminator(images, classes)
        return scores

    def _path_lengths(self, classes: Tensor, random: torch.Generator) -> Tensor:
        """(B,): root of the mean over layers of |J^T y|^2, J = d image / d w, y ~ N(0, 1) / side (section 3.2)."""
        config = self.config
        draws = self._draw(config.batch_size // 2, random)
        seeds = share(draw_seeds(config.batch_size // 2, random=random))
        fake, w = self._generate(draws, classes)
        directions = draw_noise(seeds, fake.shape[1:], device=self.device, dtype=fake.dtype) / config.image_size
        (gradient,) = torch.autograd.grad((fake * directions).sum(), w, create_graph=True)
        return gradient.square().sum(dim=2).mean(dim=1).sqrt()

    def _penalty(self, real: Tensor, real_scores: Tensor, fake: Tensor, fake_scores: Tensor | None) -> Tensor:
        """R1, and with the relativistic loss R1 + R2."""
        penalty = gradient_penalty(real, real_scores)
        if self.config.loss == RELATIVISTIC and fake_scores is not None:
            penalty = penalty + gradient_penalty(fake, fake_scores)
        return penalty

    def _learns(self, network: nn.Module) -> None:
        """Gradients for this network alone."""
        self.generator.requires_grad_(network is self.generator)
        self.discriminator.requires_grad_(network is self.discriminator)

    def _update(self, name: str, loss: Tensor) -> Tensor:
        self.steppers[name].backward(loss)
        return self.steppers[name].step()

    @torch.no_grad()
    def _follow_average(self, images_seen: int) -> None:
        """Half-life `ema_kimg`, at first `ema_ramp` of the images seen; buffers, which are averages, are copied."""
        config = self.config
        half_life = config.ema_kimg * 1000
        if config.ema_ramp:
            half_life = min(half_life, (images_seen + config.batch_size) * config.ema_ramp)
        decay = 0.5 ** (config.batch_size / half_life) if half_life else 0.0
        weights: list[Tensor] = list(self.average.parameters())
        live: list[Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(weights, live, 1 - decay)
        torch._foreach_copy_(list(self.average.buffers()), list(self.generator.buffers()))

    def _adam(self, network: nn.Module, every: int | None) -> torch.optim.Adam:
        """With a second step every `every` steps, rate and betas are those of the shorter steps (appendix B)."""
        config = self.config
        part = 1.0 if every is None else every / (every + 1)
        return torch.optim.Adam(
            network.parameters(),
            lr=config.learning_rate * part,
            betas=(config.beta1**part if config.beta1 else 0.0, config.beta2**part),
            eps=config.epsilon,
            fused=True,  # one pass over each tensor, and able to leave a step out without waiting for the device
        )
