"""Does training wait for its images when the set does not fit into memory?

`python benchmarks/loader.py` from the root of the project. A set in memory (the baseline) against the same set mapped
from a file that the system is made to forget after each batch, so that nothing read earlier is still in memory: the
worst case of a set that is much larger than memory. `--images` and `--size` make the set larger.

* the loader alone: images per second, as fast as they are taken;
* a real training (ACGAN of the demonstration preset, 56 x 56): the share of the time that its step waits for images,
  as the run page shows it.
"""

import argparse
import mmap
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.acgan_training import processor
from generation.gan import data
from generation.gan.data import TrainingImages
from generation.gan.image_files import PIXELS, ImageWriter
from generation.gan.loader import BatchLoader
from generation.gan.presets import demonstration_config
from generation.gan.recipe import Stage
from generation.gan.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description="Waiting for images from a file against images in memory.")
    parser.add_argument("--size", type=int, default=256, help="pixels of the images that the loader alone reads")
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=100, help="of the training")
    options = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, PyTorch {torch.__version__}")
    print(f"{processor()}; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="loader-benchmark-", dir=os.environ.get("DATA_DIR")) as folder:
        alone(options, Path(folder) / "large")
        training(options, Path(folder) / "small")


def alone(options: argparse.Namespace, folder: Path) -> None:
    mapped = write(folder, count=options.images, side=options.size)
    count = min(options.images, 2000)  # in memory: enough to be drawn from at random
    resident = TrainingImages(pixels=np.array(mapped.pixels[:count]), labels=mapped.labels[:count], classes=("a", "b"))
    gigabytes = mapped.pixels.nbytes / 1e9
    print(f"loader alone, {options.images:,} images of {options.size} pixels, {gigabytes:.2f} GB")
    baseline = rate(resident, options)
    print(f"  in memory                  {baseline:9.0f} images/s  (baseline)")
    warm = rate(mapped, options)
    print(f"  mapped, as the system does {warm:9.0f} images/s  {warm / baseline:.2f} x the baseline")
    with forgotten(mapped, folder):
        expect, data.expect = data.expect, lambda pixels, rows: None
        plain = rate(mapped, options)
        data.expect = expect
        cold, read = rate(mapped, options), memory_of_file(folder / PIXELS, mapped)
    print(f"  mapped, forgotten, plainly {plain:9.0f} images/s  {plain / baseline:.2f} x the baseline")
    print(f"  mapped, forgotten          {cold:9.0f} images/s  {cold / baseline:.2f} x the baseline (asked for ahead)")
    print(f"  share of the file in memory at the end of that: {read:.1%}")


def rate(images: TrainingImages, options: argparse.Namespace) -> float:
    with BatchLoader(
        images,
        channels=1,
        seed=0,
        position=0,
        total=options.batch * (options.batches + 1),
        stage=lambda seen: Stage(image_size=options.size, batch_size=options.batch),
        device=torch.device("cpu"),
    ) as loader:
        loader.next()
        start = time.perf_counter()
        for _ in range(options.batches):
            loader.next()
        return options.batch * options.batches / (time.perf_counter() - start)


def training(options: argparse.Namespace, folder: Path) -> None:
    config = replace(demonstration_config(iterations=options.iterations), metrics_every=options.iterations)
    mapped = write(folder, count=options.images, side=config.image_size)
    resident = TrainingImages(pixels=np.array(mapped.pixels), labels=mapped.labels, classes=("a", "b"))
    shares, rates = [], []
    for name, images in (("in memory", resident), ("mapped, forgotten", mapped)):
        curves: list[dict[str, float]] = []
        with forgotten(images, folder):
            outcome = train(
                generator="acgan",
                config=config,
                images=images,
                metrics=lambda seen, values, curves=curves: curves.append(values),  # type: ignore[misc]
            )
        shares.append(outcome.waiting_share or 0.0)
        rates.append(curves[-1]["images_per_second"])
        print(f"training, {name:18s} {rates[-1]:7.1f} images/s, waiting {shares[-1]:.2%} of the time")
    print(f"  mapped / in memory: {rates[1] / rates[0]:.2f} x the images per second")


def write(folder: Path, *, count: int, side: int) -> TrainingImages:
    random = np.random.default_rng(0)
    writer = ImageWriter(folder, count=count, side=side)
    noise = random.integers(0, 256, (256, side, side), dtype=np.uint8)
    for start in range(0, count, 256):
        part = writer.pixels[start : start + 256]
        part[:] = noise[: len(part)]
    return writer.finish(labels=np.arange(count) % 2, classes=("a", "b"))


@contextmanager
def forgotten(images: TrainingImages, folder: Path) -> Iterator[None]:
    """Within it the pages of a mapped set are given back to the system and dropped after each batch."""
    if not images.mapped:
        yield
        return
    read, handle = TrainingImages.read, os.open(folder / PIXELS, os.O_RDONLY)

    def forget() -> None:
        images.pixels._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined] # a memmap
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def read_and_forget(self: TrainingImages, size: int, indices: np.ndarray) -> np.ndarray:
        batch = read(self, size, indices)
        forget()
        return batch

    forget()
    TrainingImages.read = read_and_forget  # type: ignore[method-assign]
    try:
        yield
    finally:
        TrainingImages.read = read  # type: ignore[method-assign]
        os.close(handle)


def memory_of_file(path: Path, images: TrainingImages) -> float:
    """Share of the file's pages that are in this process's memory."""
    for block in Path("/proc/self/smaps").read_text(encoding="ascii").split("VmFlags:"):
        if str(path) in block:
            resident = next(int(line.split()[1]) for line in block.splitlines() if line.startswith("Rss:"))
            return resident * 1024 / images.pixels.nbytes
    return 0.0


if __name__ == "__main__":
    main()
