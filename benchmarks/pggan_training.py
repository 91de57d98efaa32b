"""Images per second of a PGGAN step against a plain single-precision implementation of the same step.

`python benchmarks/pggan_training.py` from the root of the project: 64 x 64 on the CPU, feature maps of the quick look.
On a GPU: `--device cuda --widths published --resolution 256` (or 1024), with `--precision bfloat16` if wanted;
`--schedule` times every resolution of the published schedule and sums it up to the 12,000 kimg of a whole run.
The plain version is what one writes first, in standard modules: nearest upsampling before the convolution, PyTorch's
own second derivative, new generated images for the generator's step, gradients of the discriminator that nobody uses,
unfused Adam, PyTorch's default memory layout, losses read at every step. Both take the same batches, in turns.
"""

import argparse
import math
import platform
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.acgan_training import processor
from generation.gan.pggan import PgganRecipe
from generation.gan.pggan_config import PgganConfig, Phase, feature_maps, quick_look_config, schedule
from worker.compute.devices import choose_device, deterministic_algorithms, device_name

JANG = 14.0  # images per second over the whole schedule, two Titan RTX: 130 epochs of 111,163 images in 12.2 days

WIDTHS = {
    "tiny": replace(quick_look_config(), feature_maps_base=256, feature_maps_max=8, latent_dim=8),  # does it run?
    "quick": quick_look_config(),
    "published": PgganConfig(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of PGGAN training against a plain implementation.")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--widths", choices=tuple(WIDTHS), default="quick", help="feature maps")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of ours")
    parser.add_argument("--batch", type=int, help="images per step; that of the settings when left out")
    parser.add_argument("--steps", type=int, help="of ours per turn; chosen by the device when left out")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--schedule", action="store_true", help="ours alone, each resolution up to --resolution")
    options = parser.parse_args()

    device = choose_device(options.device)
    steps = options.steps or (50 if device == "cuda" else 5)
    base = WIDTHS[options.widths]
    config = replace(
        base,
        image_size=options.resolution,
        total_kimg=12_000,
        stabilise_kimg=600,
        fade_in_kimg=600,
        precision=options.precision,
        batch_sizes=(options.batch,) * 9 if options.batch else base.batch_sizes,
    )
    print(f"{platform.platform()}, Python {platform.python_version()}, PyTorch {torch.__version__}")
    print(f"{device_name(device)}, {processor()}")
    widths = ", ".join(str(feature_maps(config, level)) for level in range(config.levels))
    print(f"feature maps from 4 to {options.resolution} pixels: {widths}; precision {options.precision}")
    if options.schedule:
        sum_schedule(config, device=device, steps=steps)
    else:
        compare(config, device=device, steps=steps, turns=options.turns)


def compare(config: PgganConfig, *, device: str, steps: int, turns: int) -> None:
    phase = schedule(config)[-1]
    batch = config.batch_sizes[phase.level]
    ours, plain = Ours(config, phase, device=device), Plain(config, device=device)
    plain_steps = steps if device == "cuda" else 1
    print(
        f"{config.image_size} x {config.image_size}, batch {batch}, {steps} steps of ours a turn, {plain_steps} plain"
    )
    rate(ours, batch=batch, steps=2), rate(plain, batch=batch, steps=1)  # warm up both
    fast, slow, ratios = [], [], []
    for turn in range(1, turns + 1):
        slow.append(rate(plain, batch=batch, steps=plain_steps))
        fast.append(rate(ours, batch=batch, steps=steps))
        ratios.append(fast[-1] / slow[-1])
        print(f"turn {turn}: plain {slow[-1]:.2f}, ours {fast[-1]:.2f} images/s, ratio {ratios[-1]:.2f}", flush=True)
    # other load only slows down: the best turn is nearest to what the machine can do
    print(f"plain implementation  {max(slow):8.2f} images/s  (baseline)")
    print(f"PGGAN recipe          {max(fast):8.2f} images/s  {max(fast) / max(slow):.2f} x the baseline")
    print(f"ratio of a turn: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


def sum_schedule(config: PgganConfig, *, device: str, steps: int) -> None:
    seconds = 0.0
    for phase in schedule(config):
        batch = config.batch_sizes[phase.level]
        speed = rate(Ours(config, phase, device=device), batch=batch, steps=steps, warm_up=3)
        seconds += phase.images / speed
        what = "fading in" if phase.fading else "complete"
        print(f"{phase.side:5d} px, {what:9s} batch {batch:3d}: {speed:9.1f} images/s, {phase.images / 1000:6.0f} kimg")
    mean = config.total_images / seconds
    print(f"{config.total_images / 1000:.0f} kimg: {seconds / 3600:.1f} h, {mean:.1f} images/s over the whole schedule")
    print(f"Jang et al. 2023 at 1024 px, two Titan RTX: about {JANG:.0f} images/s; ratio {mean / JANG:.1f}")


def rate(train: "Ours | Plain", *, batch: int, steps: int, warm_up: int = 0) -> float:
    """Images per second."""
    for _ in range(warm_up):
        train.step()
    train.wait()
    start = time.perf_counter()
    with deterministic_algorithms():  # ours must be reproducible
        for _ in range(steps):
            train.step()
    train.wait()
    return batch * steps / (time.perf_counter() - start)


class Run:
    def __init__(self, config: PgganConfig, phase: Phase, *, device: str) -> None:
        self.config, self.phase, self.device = config, phase, device
        batch, side = config.batch_sizes[phase.level], phase.side
        torch.manual_seed(0)  # the content of the images does not change the time that a step takes
        self.real = (torch.rand(batch, config.channels, side, side) * 2 - 1).to(device)

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


class Ours(Run):
    def __init__(self, config: PgganConfig, phase: Phase, *, device: str) -> None:
        super().__init__(config, phase, device=device)
        self.recipe = PgganRecipe(config, n_classes=1, device=device)
        self.real = self.real.contiguous(memory_format=torch.channels_last)
        self.classes = torch.zeros(len(self.real), dtype=torch.int64, device=device)
        self.random = torch.Generator().manual_seed(0)
        self.seen = phase.first_image + (phase.images // 2 if phase.fading else 0)

    def step(self) -> None:
        self.recipe.step(self.real, self.classes, images_seen=self.seen, random=self.random)


class Plain(Run):
    """The same networks, losses and optimiser at the last resolution, without anything done for speed."""

    def __init__(self, config: PgganConfig, *, device: str) -> None:
        super().__init__(config, schedule(config)[-1], device=device)
        widths = [feature_maps(config, level) for level in range(config.levels)]
        self.generator = plain_generator(config, widths).to(device)
        self.average = plain_generator(config, widths).to(device)
        self.discriminator = plain_discriminator(config, widths).to(device)
        rate, betas = config.learning_rates[config.levels - 1], (config.beta1, config.beta2)
        self.adams = [
            torch.optim.Adam(network.parameters(), lr=rate, betas=betas, eps=config.epsilon, foreach=False)
            for network in (self.generator, self.discriminator)
        ]

    def latents(self) -> Tensor:
        return torch.randn(len(self.real), self.config.latent_dim, 1, 1, device=self.device)

    def step(self) -> None:
        config, critic, real = self.config, self.discriminator, self.real
        fake = self.generator(self.latents()).detach()
        mix = torch.rand(len(real), 1, 1, 1, device=self.device)
        between = (real + mix * (fake - real)).requires_grad_(True)
        real_score, fake_score = critic(real), critic(fake)
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = fake_score.mean() - real_score.mean() + config.gradient_penalty * penalty
        loss = loss + config.drift * (real_score**2).mean()
        self.adams[1].zero_grad()
        loss.backward()
        self.adams[1].step()

        generator_loss = -critic(self.generator(self.latents())).mean()
        self.adams[0].zero_grad()
        generator_loss.backward()
        self.adams[0].step()
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                average.mul_(config.ema_decay).add_(weight, alpha=1 - config.ema_decay)
        loss.item(), generator_loss.item()


class Scaled(nn.Module):
    """Equalised learning rate around a standard layer, by scaling what goes in."""

    def __init__(self, layer: nn.Conv2d, *, gain: float = math.sqrt(2)) -> None:
        super().__init__()
        nn.init.normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        self.layer = layer
        self.scale = gain / math.sqrt(layer.weight[0].numel())

    def forward(self, maps: Tensor) -> Tensor:
        return self.layer(maps * self.scale)


class PixelNorm(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps / torch.sqrt((maps**2).mean(dim=1, keepdim=True) + 1e-8)


class MinibatchStddev(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        batch, channels, height, width = maps.shape
        groups = maps.view(4, batch // 4, channels, height, width)
        deviation = torch.sqrt(groups.var(dim=0, unbiased=False) + 1e-8).mean(dim=(1, 2, 3))
        extra = deviation.repeat(4).view(batch, 1, 1, 1).expand(batch, 1, height, width)
        return torch.cat([maps, extra], dim=1)


def plain_generator(config: PgganConfig, widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = [PixelNorm()]
    layers += [Scaled(nn.Conv2d(config.latent_dim, widths[0], 4, padding=3)), nn.LeakyReLU(0.2), PixelNorm()]
    layers += [Scaled(nn.Conv2d(widths[0], widths[0], 3, padding=1)), nn.LeakyReLU(0.2), PixelNorm()]
    for few, many in zip(widths[1:], widths, strict=False):
        layers += [nn.Upsample(scale_factor=2)]
        layers += [Scaled(nn.Conv2d(many, few, 3, padding=1)), nn.LeakyReLU(0.2), PixelNorm()]
        layers += [Scaled(nn.Conv2d(few, few, 3, padding=1)), nn.LeakyReLU(0.2), PixelNorm()]
    return nn.Sequential(*layers, Scaled(nn.Conv2d(widths[-1], config.channels, 1), gain=1.0))


def plain_discriminator(config: PgganConfig, widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = [Scaled(nn.Conv2d(config.channels, widths[-1], 1)), nn.LeakyReLU(0.2)]
    for wide, few in zip(widths[::-1], widths[-2::-1], strict=False):
        layers += [Scaled(nn.Conv2d(wide, wide, 3, padding=1)), nn.LeakyReLU(0.2)]
        layers += [Scaled(nn.Conv2d(wide, few, 3, padding=1)), nn.LeakyReLU(0.2), nn.AvgPool2d(2)]
    layers += [MinibatchStddev(), Scaled(nn.Conv2d(widths[0] + 1, widths[0], 3, padding=1)), nn.LeakyReLU(0.2)]
    layers += [Scaled(nn.Conv2d(widths[0], widths[0], 4)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, Scaled(nn.Conv2d(widths[0], 1, 1), gain=1.0), nn.Flatten(0))


if __name__ == "__main__":
    main()
