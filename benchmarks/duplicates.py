"""Speed and memory of the search for near duplicates, against ImageHash's own comparison.

`python benchmarks/duplicates.py [IMAGES]` (100,000 by default). Random hashes of 256 bits, each with each, on one core:
processor time, and how much the memory of the process grows. The baseline subtracts ImageHash objects pair by pair,
which is how the library compares, on a sample of the pairs; the ratio is of pairs per second. Needs no database.
"""

import os
import platform
import resource
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import imagehash
import numpy as np

from imaging.duplicates.matching import near_pairs, pack_hashes

SAMPLE = 300  # hashes of the baseline
COPIES = 1000  # pairs that are there to be found


def main(images: int) -> None:
    rng = np.random.default_rng(0)
    hashes = [bytes(row) for row in rng.integers(0, 256, size=(images - COPIES, 32), dtype=np.uint8)]
    hashes += hashes[:COPIES]
    words = pack_hashes(hashes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    found = sum(len(near.first) for _, near in near_pairs(words, limit=48))
    seconds = time.process_time() - begin
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    pairs = images * (images - 1) / 2
    assert found >= COPIES

    bits = [np.unpackbits(np.frombuffer(one, np.uint8)).astype(bool).reshape(16, 16) for one in hashes[:SAMPLE]]
    objects = [imagehash.ImageHash(one) for one in bits]
    begin = time.process_time()
    near = sum(objects[i] - objects[j] <= 48 for i in range(SAMPLE) for j in range(i))
    baseline = (time.process_time() - begin) / (SAMPLE * (SAMPLE - 1) / 2)
    assert near == 0

    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"{images:,} images, each with each: {seconds:.1f} s, memory grows by {grown:.0f} MB, {found:,} pairs found")
    print(f"ImageHash pair by pair: {baseline * pairs:,.0f} s; ratio {baseline * pairs / seconds:,.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
