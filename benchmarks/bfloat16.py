"""Time of a training step in bfloat16 against float32 (the baseline), of each generator; its own settings else.

`python benchmarks/bfloat16.py` from the root of the project: quick-look and demonstration presets on the CPU. In turns,
the best of each. On a CPU processor time of one thread, which other load hardly changes. `--device cuda` with
`--generator pggan --size 256` (or 1024) times a GPU by the clock.
"""

import argparse
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.acgan_training import processor
from generation.gan.presets import PRESETS
from generation.gan.registry import create_recipe
from worker.compute.devices import choose_device, device_name

SMALL = {"acgan": "demonstration", "pggan": "pggan-quick", "stylegan2": "stylegan2-quick-64"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Training steps in bfloat16 against float32.")
    parser.add_argument("--generator", nargs="+", choices=tuple(SMALL), default=tuple(SMALL))
    parser.add_argument("--size", type=int, help="of PGGAN and StyleGAN2; that of the preset when left out")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="a turn")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    torch.set_num_threads(1)
    print(f"{platform.platform()}, Python {platform.python_version()}, PyTorch {torch.__version__}")
    print(f"{device_name(device)}, {processor()}; {'processor time' if device == 'cpu' else 'wall time'}")
    for generator in options.generator:
        config = PRESETS[SMALL[generator]].make(0)
        if options.size and generator != "acgan":
            config = replace(config, image_size=options.size)
        runs = {name: Run(generator, replace(config, precision=name), device) for name in ("float32", "bfloat16")}
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(options.turns + 1):
            for name, run in runs.items():
                seconds = run.seconds(options.steps)
                if turn:  # the first warms up
                    times[name].append(seconds)
        baseline, ours = min(times["float32"]), min(times["bfloat16"])
        side, batch = runs["float32"].side, runs["float32"].batch
        print(f"{generator}, {side} pixels, batch {batch}")
        print(f"  float32   {baseline:8.3f} s a step  (baseline)")
        print(f"  bfloat16  {ours:8.3f} s a step  {baseline / ours:.2f} x as fast", flush=True)


class Run:
    """Steps at the last stage, on images of noise: the content does not change the time that a step takes."""

    def __init__(self, generator: str, config: Any, device: str) -> None:
        torch.manual_seed(0)
        self.recipe, self.device = create_recipe(generator, config, n_classes=2, device=device), device
        self.seen = self.recipe.total_images
        stage = self.recipe.stage(self.seen)
        self.side, self.batch = stage.image_size, stage.batch_size
        images = torch.rand(self.batch, config.channels, self.side, self.side) * 2 - 1
        self.real = images.to(device).contiguous(memory_format=torch.channels_last)
        self.classes = torch.arange(self.batch, device=device) % (2 if getattr(config, "conditional", True) else 1)
        self.random = torch.Generator().manual_seed(0)

    def seconds(self, steps: int) -> float:
        clock = time.process_time if self.device == "cpu" else time.perf_counter
        if self.device != "cpu":
            torch.cuda.synchronize()
        start = clock()
        for _ in range(steps):
            self.recipe.step(self.real, self.classes, images_seen=self.seen, random=self.random)
            self.seen += self.batch  # StyleGAN2 regularises every few steps
        if self.device != "cpu":
            torch.cuda.synchronize()
        return (clock() - start) / steps


if __name__ == "__main__":
    main()
