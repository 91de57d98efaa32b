"""What training the progressive GAN does in a step: WGAN-GP, growing resolutions, averaged generator.

Karras et al. 2018 (arXiv 1710.10196), appendix A.1; the loss is that of Gulrajani et al. 2017 (arXiv 1704.00028) with
the drift term of Karras et al. The loop around it is `generation.gan.training`; the schedule is in `pggan_config`.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from generation.gan.distributed import share, world
from generation.gan.pggan_config import SIDES, PgganConfig, phase_at, stage_at
from generation.gan.pggan_networks import PgganDiscriminator, PgganGenerator, fade_reals
from generation.gan.precision import Stepper, autocast
from generation.gan.recipe import Cadence, Stage
from generation.gan.registry import register_recipe


@dataclass(frozen=True, kw_only=True)
class CriticLoss:
    """Loss of the discriminator and its parts, each a 0-dim tensor."""

    total: Tensor
    real_score: Tensor  # mean; minus `fake_score` it estimates the Wasserstein distance
    fake_score: Tensor
    gradient_norm: Tensor  # mean over the interpolated images; 1 is wanted
    gradient_penalty: Tensor  # before its weight


def gradient_norms(critic: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Euclidean norm of d score / d image for each image, (B,), itself differentiable (double backward)."""
    images = images.detach().requires_grad_(True)
    scores = critic(images, classes)
    (gradients,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    # unlike a square root of squares, the norm has a gradient (0) where it is 0
    return torch.linalg.vector_norm(gradients.flatten(1), dim=1)


def critic_loss(
    critic: nn.Module,
    real: Tensor,
    fake: Tensor,
    classes: Tensor,
    mix: Tensor,
    *,
    gradient_penalty: float,
    drift: float,
) -> CriticLoss:
    """E D(fake) - E D(real) + lambda E (||grad D(between)|| - 1)^2 + epsilon E D(real)^2.

    `real` and `fake` (B, C, side, side) are of the same `classes` (B,); `between` = real + mix (fake - real), with
    `mix` (B, 1, 1, 1) in [0, 1]. Gulrajani et al. 2017, equation 3; the drift term is in Karras et al., appendix A.1.
    """
    real_scores, fake_scores = critic(real, classes), critic(fake, classes)
    norms = gradient_norms(critic, torch.lerp(real, fake, mix), classes)
    penalty = (norms - 1).square().mean()
    real_score, fake_score = real_scores.mean(), fake_scores.mean()
    total = fake_score - real_score + gradient_penalty * penalty + drift * real_scores.square().mean()
    return CriticLoss(
        total=total,
        real_score=real_score.detach(),
        fake_score=fake_score.detach(),
        gradient_norm=norms.detach().mean(),
        gradient_penalty=penalty.detach(),
    )


@register_recipe("pggan")
class PgganRecipe:
    """Networks, optimisers and step of one PGGAN run; see `recipe.Recipe` for the contract.

    When the layers in use change (a level comes in, or has come in), both optimisers start anew. The averaged
    generator does not: layers that come in are, untrained, the same in both generators, and are averaged from then on.
    """

    exact_on_cuda = True
    # beside the pass of the generator and the two of the discriminator that an estimate of memory counts, a step keeps
    # the discriminator's on the images between and, to differentiate its gradient again, what that gradient came from;
    # measured: docs/benchmarks.md
    memory_factor = 1.6

    def __init__(self, config: PgganConfig, *, n_classes: int, device: str = "cpu") -> None:
        """Raises ValueError when a batch leaves a process with a single image, of which nothing can vary."""
        few = min(config.batch_sizes[: config.levels])
        if few < 2 * world().size:
            raise ValueError(
                f"batch_sizes has {few} images per step, which {world().size} processes cannot share: each needs 2 or "
                "more. Choose larger batches or fewer processes"
            )
        self.config, self.device = config, device
        self.total_images = config.total_images
        self.cadence = Cadence.of_kimg(config.checkpoint_kimg, config.grid_kimg, config.metrics_kimg)
        generator = PgganGenerator(config, n_classes=n_classes)
        discriminator = PgganDiscriminator(config, n_classes=n_classes)
        average = deepcopy(generator).requires_grad_(False)
        self.networks: dict[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
            "generator_ema": average,
        }
        for network in self.networks.values():
            network.to(device).to(memory_format=torch.channels_last)
        self.generator, self.discriminator, self.average = generator, discriminator, average
        generator_adam, discriminator_adam = _adam(generator, config), _adam(discriminator, config)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": generator_adam,
            "discriminator": discriminator_adam,
        }
        precision = config.precision
        self.generator_step = Stepper(generator_adam, generator, precision=precision, device=device)
        self.discriminator_step = Stepper(discriminator_adam, discriminator, precision=precision, device=device)
        self.phase_begins = -1  # first image of the phase of the last step; no step yet
        self.prepare(self.stage(0))

    @property
    def sampled(self) -> nn.Module:
        return self.average

    def stage(self, images_seen: int) -> Stage:
        return stage_at(self.config, images_seen)

    def prepare(self, stage: Stage) -> None:
        """Put the networks at the moment of `stage`; also before an estimate of what a step there needs."""
        for network in (self.generator, self.discriminator, self.average):
            network.set_stage(level=SIDES.index(stage.image_size), alpha=stage.alpha)

    def step(
        self, real: Tensor, classes: Tensor, *, images_seen: int, random: torch.Generator
    ) -> dict[str, Tensor | None]:
        config, generator, discriminator = self.config, self.generator, self.discriminator
        stage, phase = self.stage(images_seen), phase_at(config, images_seen)
        self.prepare(stage)
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = config.learning_rates[phase.level]
            if phase.first_image != self.phase_begins:
                optimiser.state.clear()
        self.phase_begins = phase.first_image

        # batch: generated images of the classes of the real ones, so that the critic compares like with like
        latents = share(torch.randn(stage.batch_size, config.latent_dim, generator=random))
        mix = share(torch.rand(stage.batch_size, 1, 1, 1, generator=random))
        latents, mix = (drawn.to(real, non_blocking=True) for drawn in (latents, mix))
        real = fade_reals(real, stage.alpha)
        with autocast(config.precision, device=self.device):
            fake = generator(latents, classes)
        fake = fake.to(real.dtype)

        # discriminator
        with autocast(config.precision, device=self.device):
            critic = critic_loss(
                discriminator,
                real,
                fake.detach(),
                classes,
                mix,
                gradient_penalty=config.gradient_penalty,
                drift=config.drift,
            )
        self.discriminator_step.backward(critic.total)
        skipped = self.discriminator_step.step()

        # generator: the same images through the improved discriminator, whose own gradients nobody needs
        discriminator.requires_grad_(False)
        with autocast(config.precision, device=self.device):
            generator_loss = -discriminator(fake, classes).mean()
        self.generator_step.backward(generator_loss)
        skipped = self.generator_step.step(skip=skipped)
        discriminator.requires_grad_(True)
        with torch.no_grad():
            averages: list[Tensor] = list(self.average.parameters())
            weights: list[Tensor] = list(generator.parameters())
            torch._foreach_lerp_(averages, weights, 1 - config.ema_decay)

        return {
            "discriminator_loss": critic.total.detach(),
            "generator_loss": generator_loss.detach(),
            "wasserstein_estimate": critic.real_score - critic.fake_score,
            "real_score": critic.real_score,
            "fake_score": critic.fake_score,
            "gradient_norm": critic.gradient_norm,
            "gradient_penalty": critic.gradient_penalty,
            "skipped_steps": skipped,
        }

    def state(self) -> dict[str, Any]:
        return {"phase_begins": self.phase_begins}

    def load_state(self, values: dict[str, Any]) -> None:
        self.phase_begins = int(values["phase_begins"])


def _adam(network: nn.Module, config: PgganConfig) -> Adam:
    return Adam(
        network.parameters(),
        lr=config.learning_rates[0],
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True,  # one pass over each tensor, and able to leave a step out without waiting for the device
    )
