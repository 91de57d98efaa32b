"""Iterations per second of the ACGAN's training loop against a plain implementation of the same step.

`python benchmarks/acgan_training.py` from the root of the project; needs PyTorch and Pillow, not Django. The plain
version is what one writes first: new generated images for the generator's step, gradients of the discriminator that
nobody uses, `nn.Dropout`, unfused Adam, PyTorch's default memory layout, losses read at every iteration. Both train on
the same images and settings, in turns, so that other load on the machine meets both.
"""

import argparse
import platform
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from generation.gan.acgan import AcganDiscriminator, AcganGenerator
from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages
from generation.gan.presets import PRESETS, PUBLISHED_DURATION, PUBLISHED_ITERATIONS
from generation.gan.training import train
from worker.compute.devices import choose_device, deterministic_algorithms, device_name


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of ACGAN training against a plain implementation.")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="kong")
    parser.add_argument("--iterations", type=int, help="per turn; chosen by the device when left out")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads; all when left out")
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--compile", action="store_true", help="ours with torch.compile")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead of the comparison")
    options = parser.parse_args()

    if options.threads:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    iterations = options.iterations or (300 if device == "cuda" else 10 if options.preset == "kong" else 50)
    config = replace(PRESETS[options.preset].make(1), iterations=iterations, metrics_every=50)
    config = replace(config, precision=options.precision, compile=options.compile)
    images = noise_images(256)
    print(f"{platform.platform()}, Python {platform.python_version()}, PyTorch {torch.__version__}")
    print(f"{device_name(device)}, {processor()}")
    widths = f"widths {config.generator_channels} {config.discriminator_channels}"
    print(f"{options.preset}: batch {config.batch_size}, {widths}, {iterations} iterations a turn")
    print(f"ours: {config.precision}, {'compiled' if config.compile else 'not compiled'}; the baseline: float32")
    if options.profile:
        profile(config, images, device)
        return

    train_ours(config=replace(config, iterations=3), images=images, device=device)  # warm up both
    train_plainly(config=replace(config, iterations=3), images=images, device=device)
    ours, plain, ratios = [], [], []
    for turn in range(1, options.turns + 1):
        plain.append(rate(train_plainly, config, images, device))
        ours.append(rate(train_ours, config, images, device))
        ratios.append(ours[-1] / plain[-1])
        print(f"turn {turn}: plain {plain[-1]:.2f}, ours {ours[-1]:.2f} iterations/s, ratio {ratios[-1]:.2f}")
    # other load only slows down: the best turn is nearest to what the machine can do
    print(f"plain implementation          {max(plain):8.2f} iterations/s  (baseline)")
    print(f"generation.gan.training.train {max(ours):8.2f} iterations/s  {max(ours) / max(plain):.2f} x the baseline")
    print(f"ratio of a turn: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")
    if options.preset == "kong":
        hours = PUBLISHED_ITERATIONS / max(ours) / 3600
        print(f"{PUBLISHED_ITERATIONS:,} iterations would take {hours:.2f} h here; the paper: {PUBLISHED_DURATION}")
    else:
        length = PRESETS[options.preset].make(0).iterations
        print(f"the demonstration's {length:,} iterations would take {length / max(ours):.0f} s here")


def train_ours(*, config: AcganConfig, images: TrainingImages, device: str) -> None:
    train(generator="acgan", config=config, images=images, device=device)


def profile(config: AcganConfig, images: TrainingImages, device: str) -> None:
    """Share of the wall time of a run in each of its parts; on a GPU, of the device's time."""
    train_ours(config=replace(config, iterations=3), images=images, device=device)
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as recorded:
        start = time.perf_counter()
        train_ours(config=config, images=images, device=device)
        total = time.perf_counter() - start
    parts = {"loader": 0.0, "discriminator": 0.0, "generator": 0.0, "optimiser": 0.0}
    for event in recorded.key_averages():
        if event.key in parts:
            parts[event.key] += (event.device_time_total if device == "cuda" else event.cpu_time_total) / 1e6
    rest = total - sum(parts.values())
    for name, seconds in [*parts.items(), ("rest (curves, building networks)", rest)]:
        print(f"{name:34} {seconds / config.iterations * 1000:8.2f} ms an iteration  {seconds / total:6.1%}")
    print(f"{'together':34} {total / config.iterations * 1000:8.2f} ms an iteration, profiler included")


def rate(train, config: AcganConfig, images: TrainingImages, device: str) -> float:
    """Iterations per second of one turn."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    train(config=config, images=images, device=device)
    if device == "cuda":
        torch.cuda.synchronize()
    return config.iterations / (time.perf_counter() - start)


def noise_images(count: int) -> TrainingImages:
    """The content does not change the time that a step takes."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, size=(count, 56, 56), dtype=np.uint8)
    return TrainingImages(pixels=pixels, labels=np.arange(count) % 2, classes=("first", "second"))


def train_plainly(*, config: AcganConfig, images: TrainingImages, device: str) -> None:
    """The baseline: the same networks, losses and optimiser, without anything done for speed."""
    torch.manual_seed(config.seed)
    n_classes = len(images.classes)
    generator = with_plain_layers(AcganGenerator(config, n_classes=n_classes), config).to(device)
    discriminator = with_plain_layers(AcganDiscriminator(config, n_classes=n_classes), config).to(device)
    betas = (config.beta1, config.beta2)
    generator_optimiser = torch.optim.Adam(generator.parameters(), lr=config.learning_rate, betas=betas, foreach=False)
    discriminator_optimiser = torch.optim.Adam(
        discriminator.parameters(), lr=config.learning_rate, betas=betas, foreach=False
    )
    with deterministic_algorithms():  # as ours, which must be reproducible
        for _ in range(config.iterations):
            chosen = np.random.randint(len(images), size=config.batch_size)
            real = torch.tensor(images.pixels[chosen]).float().div(127.5).sub(1).unsqueeze(1).to(device)
            real_classes = torch.tensor(images.labels[chosen]).to(device)
            fake, fake_classes = plain_fake(generator, config, n_classes, device)
            discriminator_optimiser.zero_grad()
            loss = plain_loss(discriminator, real, real_classes, 1.0)
            loss = loss + plain_loss(discriminator, fake.detach(), fake_classes, 0.0)
            loss.backward()
            discriminator_optimiser.step()

            fake, fake_classes = plain_fake(generator, config, n_classes, device)
            generator_optimiser.zero_grad()
            generator_loss = plain_loss(discriminator, fake, fake_classes, 1.0)
            generator_loss.backward()
            generator_optimiser.step()
            loss.item(), generator_loss.item()


def plain_fake(generator: nn.Module, config: AcganConfig, n_classes: int, device: str) -> tuple:
    latents = torch.randn(config.batch_size, config.latent_dim, device=device)
    classes = torch.randint(n_classes, (config.batch_size,), device=device)
    return generator(latents, classes), classes


def plain_loss(discriminator: nn.Module, pictures: torch.Tensor, classes: torch.Tensor, target: float) -> torch.Tensor:
    source, predicted = discriminator(pictures)
    wanted = torch.full_like(source, target)
    return functional.binary_cross_entropy_with_logits(source, wanted) + functional.cross_entropy(predicted, classes)


def with_plain_layers(network: nn.Module, config: AcganConfig) -> nn.Module:
    features = getattr(network, "features", None)
    if features is not None:
        for index, layer in enumerate(features):
            if type(layer).__name__ == "Dropout":
                features[index] = nn.Dropout(config.dropout)
    return network


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


if __name__ == "__main__":
    main()
