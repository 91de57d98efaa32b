"""Does a training stall when something else runs? Iterations per second with OpenMP's threads spinning or sleeping.

`python benchmarks/openmp_waiting.py` from the root of the project; needs PyTorch, not Django. Four measurements of the
demonstration preset, each in a process of its own: OpenMP's default and OMP_WAIT_POLICY=PASSIVE (what job processes
are given), on the machine as it is and beside one process that keeps a core busy.
"""

import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SECONDS = 15


def train() -> float:
    """Iterations per second over SECONDS, the first second left out."""
    from generation.gan.data import TrainingImages
    from generation.gan.presets import demonstration_config
    from generation.gan.training import TrainingProgress
    from generation.gan.training import train as train_generator

    pixels = np.random.default_rng(0).integers(0, 256, (100, 56, 56), dtype=np.uint8)
    images = TrainingImages(pixels=pixels, labels=np.arange(100) % 2, classes=("a", "b"))
    config = replace(demonstration_config(), iterations=1_000_000, grid_every=1_000_000, checkpoint_every=1_000_000)
    start = time.monotonic()
    first = last = 0

    def progress(now: TrainingProgress) -> None:
        nonlocal first, last
        last = now.iteration
        if time.monotonic() - start < 1:
            first = last

    train_generator(
        generator="acgan",
        config=config,
        images=images,
        progress=progress,
        abort=lambda: time.monotonic() - start > SECONDS + 1,
    )
    return (last - first) / SECONDS


def measure(policy: str | None) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    done = subprocess.run(
        [sys.executable, __file__, "--train"], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for busy in (False, True):
        burner = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
        try:
            spinning, sleeping = measure(None), measure("PASSIVE")
        finally:
            if burner:
                burner.kill()
                burner.wait()
        where = "beside a busy process" if busy else "machine as it is"
        print(
            f"{where}: default {spinning:.1f} it/s, PASSIVE {sleeping:.1f} it/s, ratio {sleeping / spinning:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    if "--train" in sys.argv:
        print(train())
    else:
        main()
