"""Estimate of memory before a run against the memory that a run of two steps takes, on the CPU.

`python benchmarks/training_memory.py` from the root of the project. Each case trains in a process of its own: the
growth of its peak (VmHWM of Linux) over a tiny run of the same generator, which brings in PyTorch's own memory, is set
against `generation.gan.memory.estimate_memory`. The estimate promises half to double.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PGGAN: dict[str, Any] = {"stabilise_kimg": 0.001, "fade_in_kimg": 0.001, "total_kimg": 0.25, "grid_kimg": 1000}
STYLEGAN2: dict[str, Any] = {"total_kimg": 0.032, "grid_kimg": 1000, "metrics_kimg": 1000}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "acgan": (
        "acgan",
        {"generator_channels": (8, 6, 4), "discriminator_channels": (4, 6, 8, 10), "batch_size": 2, "iterations": 1},
    ),
    "pggan": (
        "pggan",
        {**PGGAN, "image_size": 8, "feature_maps_max": 4, "latent_dim": 4, "batch_sizes": (2,) * 9, "total_kimg": 0.01},
    ),
    "stylegan2": (
        "stylegan2",
        {
            **STYLEGAN2,
            "image_size": 16,
            "batch_size": 4,
            "total_kimg": 0.004,
            "feature_maps_max": 4,
            "style_dim": 4,
            "latent_dim": 4,
        },
    ),
}
SMALL_STYLEGAN2 = {**STYLEGAN2, "feature_maps_base": 2048, "feature_maps_max": 64, "style_dim": 64, "latent_dim": 64}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "ACGAN, as published, batch 64": ("acgan", {"iterations": 2}),
    "PGGAN 64 px, at most 64 maps, batch 32": (
        "pggan",
        {
            **PGGAN,
            "image_size": 64,
            "feature_maps_base": 1024,
            "feature_maps_max": 64,
            "latent_dim": 64,
            "batch_sizes": (32,) * 9,
        },
    ),
    "PGGAN 128 px, at most 32 maps, batch 16": (
        "pggan",
        {
            **PGGAN,
            "image_size": 128,
            "feature_maps_base": 2048,
            "feature_maps_max": 32,
            "latent_dim": 32,
            "batch_sizes": (16,) * 9,
        },
    ),
    "PGGAN 64 px, published widths, batch 4": (
        "pggan",
        {**PGGAN, "image_size": 64, "batch_sizes": (4,) * 9, "total_kimg": 0.1},
    ),
    "StyleGAN2 64 px, at most 64 maps, batch 16": (
        "stylegan2",
        {**SMALL_STYLEGAN2, "image_size": 64, "batch_size": 16},
    ),
    "StyleGAN2 128 px, at most 64 maps, batch 8": (
        "stylegan2",
        {**SMALL_STYLEGAN2, "image_size": 128, "batch_size": 8, "total_kimg": 0.016},
    ),
    "StyleGAN2 64 px, batch 16, no augmentation": (
        "stylegan2",
        {**SMALL_STYLEGAN2, "image_size": 64, "batch_size": 16, "augmentation": "off"},
    ),
    "StyleGAN2 64 px, batch 16, relativistic": (
        "stylegan2",
        {**SMALL_STYLEGAN2, "image_size": 64, "batch_size": 16, "loss": "relativistic"},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Estimated against measured memory of a training run.")
    parser.add_argument("--case", nargs="+", help="parts of the names of cases; all when left out")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # in the process of one case
    options = parser.parse_args()
    if options.one:
        generator, values = json.loads(options.one)
        print(json.dumps(measure(generator, values)))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, one thread")
    for name, (generator, values) in CASES.items():
        if options.case and not any(part in name for part in options.case):
            continue
        row = in_a_process(generator, values)
        print(
            f"{name:45s} measured {row['measured'] / 1e6:7.0f} MB, estimated {row['estimated'] / 1e6:7.0f} MB "
            f"({row['activations'] / 1e6:.0f} of it a step), ratio {row['estimated'] / row['measured']:.2f}",
            flush=True,
        )


def in_a_process(generator: str, values: dict[str, Any]) -> dict[str, float]:
    """Bytes "measured", "estimated" and, of these, "activations" of two steps or more with these settings."""
    command = [sys.executable, __file__, "--one", json.dumps([generator, values])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure(generator: str, values: dict[str, Any]) -> dict[str, float]:
    import torch

    from generation.gan.memory import estimate_memory
    from generation.gan.registry import get_generator

    torch.set_num_threads(1)
    kind = get_generator(generator).config
    config = kind.from_dict({**kind().to_dict(), **values})
    tiny = kind.from_dict({**kind().to_dict(), **TINY[generator][1]})
    run(generator, tiny)
    before = status("VmRSS")
    run(generator, config)
    measured = status("VmHWM") - before
    estimate = estimate_memory(generator, config, n_classes=2 if getattr(config, "conditional", True) else 1)
    return {"measured": measured, "estimated": estimate.total, "activations": estimate.activations}


def run(generator: str, config: Any) -> None:
    import numpy as np

    from generation.gan.data import TrainingImages
    from generation.gan.training import train

    side = config.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (16, side, side), dtype=np.uint8)
    images = TrainingImages(pixels=pixels, labels=np.arange(16) % 2, classes=("a", "b"))
    train(generator=generator, config=config, images=images)


def status(name: str) -> int:
    """Bytes, of this process alone; what getrusage says includes its parent's past."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


if __name__ == "__main__":
    main()
