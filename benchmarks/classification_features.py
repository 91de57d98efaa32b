"""Rate at which features are computed and kept, and memory of a classifier on 50,000 synthetic images.

    python benchmarks/classification_features.py [--images 256] [--turns 3] [--only rate|memory]

Rate: DenseNet-121 through the cache (hashing, reading, preprocessing, checks, files), against a bare loop that only
sends batches of the same size through the same network, in turns; wanted at least 0.9 of it. Memory: peak of a process
that computes and keeps the features of so many images from a mapped file, and trains and scores with them, at 5,000 and
at 50,000 images; the backbone is a linear map as wide as DenseNet-121, since what a network takes depends on its batch
alone. "Own" memory leaves out pages of mapped files, which the system takes back when it needs them. Needs PyTorch, not
Django.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor, nn

from classification.cnn.backbones import Architecture, Backbone, BackboneWeights, create_backbone, register_backbone
from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import Extractor, FeatureCache, Wanted
from classification.cnn.training import Trainer

SIDE = 56
BATCH = 32
WANTED_RATE = 0.9


class Linear(nn.Module):
    """As wide as DenseNet-121, as fast as can be."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map = nn.Linear(channels * 32 * 32, 1024)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(x.flatten(1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256, help="per turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=("rate", "memory"))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.child:
        use_many(options.child)
        return 0
    print(f"{platform.machine()}, one thread, load {os.getloadavg()[0]:.1f}, PyTorch {torch.__version__}")
    met = True
    if options.only != "memory":
        for side in (56, 224):
            met &= rate(side, options.images if side == 56 else max(BATCH, options.images // 4), options.turns)
    if options.only != "rate":
        memory()
    return 0 if met else 1


def rate(side: int, count: int, turns: int) -> bool:
    backbone = create_backbone("densenet121", weights=BackboneWeights(), input_side=side)
    extractor = Extractor(backbone, batch_size=BATCH)
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)
    extractor(pixels[:BATCH])
    ratios, ours_rates, bare_rates = [], [], []
    for turn in range(turns):
        own = np.bitwise_xor(pixels, np.uint8(turn))  # other images: none is in the cache yet
        images = make_images(own)
        with tempfile.TemporaryDirectory() as folder:
            cache = FeatureCache(Path(folder), extractor=extractor, writer="benchmark")
            start = time.process_time()
            cache.features([Wanted(images=images)], out=Path(folder) / "all.npy")
            ours = time.process_time() - start
        start = time.process_time()
        bare(backbone, own)
        plain = time.process_time() - start
        ratios.append(plain / ours)
        ours_rates.append(count / ours)
        bare_rates.append(count / plain)
    ratio = statistics.median(ratios)
    met = ratio >= WANTED_RATE
    print(
        f"input of {side} px: {statistics.median(ours_rates):.1f} images per second of processor time, bare loop "
        f"{statistics.median(bare_rates):.1f}; ratio {ratio:.2f}; wanted >= {WANTED_RATE}: "
        f"{'met' if met else 'NOT met'}"
    )
    return met


@torch.no_grad()
def bare(backbone: Backbone, pixels: np.ndarray) -> None:
    for start in range(0, len(pixels), BATCH):
        backbone.features(torch.from_numpy(pixels[start : start + BATCH]).unsqueeze(1))


def memory() -> None:
    found = {}
    for count in (5_000, 50_000):
        start = time.perf_counter()
        child = [sys.executable, __file__, "--child", str(count)]
        words = subprocess.run(child, check=True, capture_output=True, text=True).stdout.split()
        found[count] = own, peak = float(words[-2]), float(words[-1])
        seconds = time.perf_counter() - start
        print(f"{count:,} images: own memory {own:.0f} MB, with mapped files {peak:.0f} MB, {seconds:.0f} s")
    ratio = found[50_000][0] / found[5_000][0]
    print(
        f"ten times the images: {ratio:.2f} times the own memory (features of 50,000 images are 205 MB, pixels 157 MB)"
    )


def use_many(count: int) -> None:
    """In a process of its own."""
    register_backbone("linear", title="Linear map")(
        lambda channels: Architecture(module=Linear(channels), n_features=1024, layers=())
    )
    config = ClassifierConfig(epochs=1, batch_size=256, input_side=32)
    object.__setattr__(config, "backbone", "linear")
    watch = PeakOwnMemory()
    with tempfile.TemporaryDirectory() as folder:
        mapped = np.lib.format.open_memmap(f"{folder}/pixels.npy", mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE))
        random = np.random.default_rng(0)
        for start in range(0, count, 1000):
            mapped[start : start + 1000] = random.integers(0, 256, (min(1000, count - start), SIDE, SIDE))
        mapped.flush()
        pool = make_images(np.load(f"{folder}/pixels.npy", mmap_mode="r"))
        few = [make_images(random.integers(0, 256, (100, SIDE, SIDE), dtype=np.uint8)) for _ in range(3)]
        trainer = Trainer(
            backbone=create_backbone("linear", weights=BackboneWeights(), input_side=32),
            config=config,
            train=few[0],
            synthetic=pool,
            tune=few[1],
            tests={"test": few[2]},
            positive="abnormal",
            folder=Path(folder) / "features",
            work=Path(folder) / "work",
            writer="benchmark",
        )
        trainer.train(np.arange(100 + count)[None], seeds=[0], name="all")
    print(watch.stop(), peak_mb())


def make_images(pixels: np.ndarray) -> LabelledImages:
    count = len(pixels)
    return LabelledImages(
        pixels=pixels,
        labels=np.arange(count, dtype=np.int64) % 2,
        classes=("normal", "abnormal"),
        names=tuple(str(number) for number in range(count)),
        synthetic=np.zeros(count, dtype=bool),
    )


class PeakOwnMemory:
    """Looks every 20 ms at the memory of this process that is not a mapped file, in MB."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._end.set()
        self._thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            self.peak = max(self.peak, status_mb("RssAnon"))


def status_mb(what: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024


def peak_mb() -> float:
    """Of this process alone, mapped files included: getrusage of a child begins with what its parent had."""
    return status_mb("VmHWM")


if __name__ == "__main__":
    sys.exit(main())
