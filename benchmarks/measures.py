"""Speed of the feature extractor and memory of a whole measurement.

`python benchmarks/measures.py` from the root of the project; needs PyTorch, not Django.

Speed: pictures per second of processor time, in batches with channels last, against the same network one picture at
a time in PyTorch's default layout, in turns. Memory: peak resident memory of a process that keeps features of so many
pictures on disk and computes every measure from them, at 2,000 and at 20,000 pictures of each set. The features are
random numbers as wide as DenseNet-121's, since what the network itself takes depends on its batch alone (it is part of
the speed's peak, printed as well).
"""

import argparse
import hashlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from generation.gan.measures.config import MeasureSettings
from generation.gan.measures.extractors import Extractor, load_extractor
from generation.gan.measures.features import BATCH_SIZE, FeatureCache, extract_features, extract_missing
from generation.gan.measures.whole import measure_features

WIDTH = 1024  # features


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of the measures.")
    parser.add_argument("--weights", type=Path, help="a file of weights; random ones when left out")
    parser.add_argument("--pictures", type=int, default=64, help="per turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=("speed", "memory"))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.child:
        measure_many(options.child)
        return
    print(f"{platform.processor() or platform.machine()}, {options.threads} thread(s), PyTorch {torch.__version__}")
    if options.only != "memory":
        speed(options.weights, options.pictures, options.turns)
    if options.only != "speed":
        memory()


def speed(weights: Path | None, pictures: int, turns: int) -> None:
    ours, plain = load_extractor(weights), load_extractor(weights)
    plain._network.to(memory_format=torch.contiguous_format)  # type: ignore[attr-defined]
    pixels = np.random.default_rng(0).integers(0, 256, (pictures, 56, 56)).astype(np.uint8)
    ours(pixels[:2])
    plain(pixels[:1])
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(turns):
        start = time.process_time()
        extract_features(pixels, extractor=ours)
        rates["ours"].append(pictures / (time.process_time() - start))
        few = pixels[: pictures // 2]
        start = time.process_time()
        for picture in few:
            plain(picture[None])
        rates["plain"].append(len(few) / (time.process_time() - start))
    ours_rate, plain_rate = (statistics.median(rates[name]) for name in ("ours", "plain"))
    print(f"{ours.title}, batches of {BATCH_SIZE}: {ours_rate:.1f} pictures per second of processor time")
    print(f"one at a time, default layout: {plain_rate:.1f}; ratio {ours_rate / plain_rate:.2f}")
    print(f"1,000 pictures: {1000 / ours_rate:.0f} s of processor time; peak memory of this process {peak_mb():.0f} MB")


def memory() -> None:
    peaks = {}
    for count in (2_000, 20_000):
        start = time.perf_counter()
        child = [sys.executable, __file__, "--child", str(count)]
        peaks[count] = float(subprocess.run(child, check=True, capture_output=True, text=True).stdout.split()[-1])
        seconds = time.perf_counter() - start
        print(f"{count:,} + {count:,} pictures: peak {peaks[count]:.0f} MB, {seconds:.0f} s")
    print(f"ten times the pictures: {peaks[20_000] / peaks[2_000]:.2f} times the memory")


def measure_many(count: int) -> None:
    """In a process of its own: features of two sets to disk, then everything that is computed from them."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(64, WIDTH, generator=generator)
    extractor = Extractor(
        name="linear",
        title="A random linear map, as wide as DenseNet-121",
        weights_sha256=hashlib.sha256(weights.numpy().tobytes()).hexdigest(),
        n_features=WIDTH,
        input_side=8,
        is_random=True,
        device="cpu",
        _network=lambda batch: batch[:, 0].float().flatten(1) / 255 @ weights,
    )

    def load(sha256: str) -> np.ndarray:
        return np.random.default_rng(int(sha256[:16], 16)).integers(0, 256, (8, 8)).astype(np.uint8)

    with tempfile.TemporaryDirectory() as folder:
        cache = FeatureCache(Path(folder), extractor=extractor, side=8, writer="benchmark")
        sets = []
        for name in ("training", "synthetic"):
            hashes = [hashlib.sha256(f"{name}{number}".encode()).hexdigest() for number in range(count)]
            for _ in extract_missing(hashes, load, extractor=extractor, cache=cache):
                pass
            sets.append(cache.gather(hashes, Path(folder) / f"{name}.npy"))
        settings = MeasureSettings(floor_splits=1, most_neighbour_images=2000, kid_subsets=2)
        measure_features(sets[0], sets[1], patients=[""] * count, settings=settings)
        print(peak_mb())


def peak_mb() -> float:
    """Of this process alone: getrusage of a child begins with what its parent had."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
