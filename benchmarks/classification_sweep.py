"""The sweep over K with kept features, against training the head through the backbone at every step.

    python benchmarks/classification_sweep.py [--side 56] [--epochs 100] [--extract 512] [--naive-steps 10]

304 original images in two equal classes, K = 1 ... 26 times as many synthetic ones, DenseNet-121 (random weights: they
take as long), batches of 8, 100 epochs for each K: 1.4 million steps. Naive is what one writes first: eight images
through the frozen backbone in evaluation mode, `nn.Linear`, autograd, `torch.optim.Adam`; it is measured on a few steps
and multiplied. Ours: features of all 8,208 images once, measured on `--extract` of them and multiplied when these are
fewer; then the heads of all 26 K, with all their epochs (with `--epochs` fewer than 100: multiplied), with one seed and
with ten. Times are those of the processor, since the machine may be shared. Needs PyTorch, not Django.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import nn

from classification.cnn.backbones import Backbone, BackboneWeights, create_backbone
from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import Extractor, FeatureCache, Wanted
from classification.cnn.head_training import HeadTask, rows_of, train_heads

ORIGINALS, LARGEST_K, EPOCHS, BATCH = 304, 26, 100, 8
IMAGE_SIDE = 56  # pixels, as Kong's
SEEDS = 10
WANTED = {56: 100, 224: 300}
WANTED_SEEDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, choices=(56, 224), help="pixels of the backbone's input; left out: both")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="that are run of the 100; the rest is multiplied")
    parser.add_argument("--extract", type=int, default=512, help="images whose features are computed")
    parser.add_argument("--naive-steps", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, one thread, load {os.getloadavg()[0]:.1f}, PyTorch {torch.__version__}")
    steps = sum(EPOCHS * -(-ORIGINALS * (1 + k) // BATCH) for k in range(1, LARGEST_K + 1))
    total = ORIGINALS * (1 + LARGEST_K)
    print(f"K = 1 to {LARGEST_K}, {EPOCHS} epochs, {ORIGINALS} originals: {steps:,} steps, {total:,} images")
    heads = {seeds: train_all(seeds, options.epochs) for seeds in (1, SEEDS)}
    part = f" (measured on {options.epochs} of {EPOCHS} epochs and multiplied)" if options.epochs < EPOCHS else ""
    for seeds, seconds in heads.items():
        print(f"heads, {seeds} seed(s): {seconds:.1f} s, {seconds / steps * 1e6:.1f} us per step{part}")
    print(f"ten seeds against one, heads alone: {heads[SEEDS] / heads[1]:.2f} x")
    met = True
    for side in [options.side] if options.side else WANTED:
        backbone = create_backbone("densenet121", weights=BackboneWeights(), input_side=side)
        step = naive_step(backbone, options.naive_steps)
        naive = step * steps
        count = min(options.extract, total)
        features = extract(backbone, count) * total / count
        one, ten = features + heads[1], features + heads[SEEDS]
        print(f"--- input of {side} px")
        measured = f"measured on {options.naive_steps} and multiplied"
        print(f"naive: {step * 1e3:.1f} ms per step, {measured}: {naive / 3600:.1f} h")
        part = f" (measured on {count} images and multiplied)" if count < total else ""
        print(f"features once: {features:.0f} s{part}")
        met &= verdict(f"whole sweep, one seed: {one:.0f} s, naive / ours", naive / one, at_least=WANTED[side])
        met &= verdict(f"ten seeds: {ten:.0f} s, ten seeds / one seed", ten / one, at_most=WANTED_SEEDS)
    return 0 if met else 1


def verdict(words: str, ratio: float, *, at_least: float | None = None, at_most: float | None = None) -> bool:
    met = ratio >= at_least if at_least is not None else ratio <= (at_most or 0)
    wanted = f">= {at_least}" if at_least is not None else f"<= {at_most}"
    print(f"{words}: {ratio:.2f} x; wanted {wanted}: {'met' if met else 'NOT met'}")
    return met


def naive_step(backbone: Backbone, steps: int) -> float:
    """Median processor seconds of a step of the plain loop."""
    random = np.random.default_rng(0)
    head = nn.Linear(backbone.n_features, 1)
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-4)
    seconds = []
    for _ in range(steps + 2):
        images = torch.from_numpy(random.integers(0, 256, (BATCH, 1, IMAGE_SIDE, IMAGE_SIDE), dtype=np.uint8))
        truth = torch.from_numpy(random.integers(0, 2, BATCH)).float()
        start = time.process_time()
        with torch.no_grad():
            features = backbone.features(images)
        loss = nn.functional.binary_cross_entropy_with_logits(head(features)[:, 0], truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds[2:])


def extract(backbone: Backbone, count: int) -> float:
    """Processor seconds to compute and keep the features of `count` images; the first batches warm up."""
    extractor = Extractor(backbone)
    extractor.batch_size(IMAGE_SIDE)
    with tempfile.TemporaryDirectory() as folder:
        cache = FeatureCache(Path(folder), extractor=extractor, writer="benchmark")
        images = make_images(count)
        start = time.process_time()
        cache.features([Wanted(images=images)], out=Path(folder) / "all.npy")
        return time.process_time() - start


def make_images(count: int) -> LabelledImages:
    pixels = np.random.default_rng(1).integers(0, 256, (count, IMAGE_SIDE, IMAGE_SIDE), dtype=np.uint8)
    return LabelledImages(
        pixels=pixels,
        labels=np.arange(count, dtype=np.int64) % 2,
        classes=("normal", "abnormal"),
        names=tuple(str(number) for number in range(count)),
        synthetic=np.zeros(count, dtype=bool),
    )


def train_all(n_seeds: int, epochs: int) -> float:
    """Processor seconds of the heads of every K, for 100 epochs."""
    random = np.random.default_rng(2)
    total = ORIGINALS * (1 + LARGEST_K)
    features = random.standard_normal((total, 1024)).astype(np.float32)
    labels = np.arange(total, dtype=np.int64) % 2
    config = ClassifierConfig(epochs=epochs)
    tune = features[:100], labels[:100]
    seconds = 0.0
    for k in range(1, LARGEST_K + 1):
        synthetic = np.arange(ORIGINALS, total)
        own = [
            np.r_[:ORIGINALS, random.permutation(synthetic)[: ORIGINALS * k]].astype(np.int64) for _ in range(n_seeds)
        ]
        task = HeadTask(
            source=rows_of(features),
            n_features=1024,
            labels=labels,
            rows=np.stack(own)[:, None],
            n_classes=2,
            positive=1,
            tune=tune,
        )
        start = time.process_time()
        heads = train_heads(task, config=config, seeds=list(range(n_seeds)))
        seconds += time.process_time() - start
        assert heads is not None
    return seconds * EPOCHS / epochs


if __name__ == "__main__":
    sys.exit(main())
