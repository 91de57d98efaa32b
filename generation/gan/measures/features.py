"""Features of many pictures: computed in batches of one size, and kept by extractor and picture, so that none is
computed twice, whatever happens to the process that computes them.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generation.gan.measures.extractors import Extractor
from worker.compute.feature_store import FeatureStore

BATCH_SIZE = 32  # pictures: memory of an extraction, and the same numbers whoever asks

Load = Callable[[str], NDArray[np.uint8]]  # a picture (side, side) uint8 by its hash


class FeatureCache(FeatureStore):
    """One folder per extractor and picture size; records go by the SHA-256 of the picture's pixels."""

    def __init__(self, folder: Path, *, extractor: Extractor, side: int, writer: str) -> None:
        super().__init__(folder / f"{extractor.key}-{side}px", n_features=extractor.n_features, writer=writer)


def extract_missing(sha256s: Sequence[str], load: Load, *, extractor: Extractor, cache: FeatureCache) -> Iterator[int]:
    """Compute and keep what the cache lacks of these pictures; yields how many it has, after each batch."""
    missing = [sha256 for sha256 in dict.fromkeys(sha256s) if sha256 not in cache]
    lacking = set(missing)
    there = sum(sha256 not in lacking for sha256 in sha256s)
    yield there
    for start in range(0, len(missing), BATCH_SIZE):
        batch = missing[start : start + BATCH_SIZE]
        cache.add(batch, extractor(np.stack([load(sha256) for sha256 in batch])))
        there += len(batch)
        yield min(there, len(sha256s))


def extract_features(pixels: NDArray[np.uint8], *, extractor: Extractor) -> NDArray[np.float32]:
    """Features (N, d) of pictures in memory (N, side, side) uint8, in batches."""
    parts = [extractor(pixels[start : start + BATCH_SIZE]) for start in range(0, len(pixels), BATCH_SIZE)]
    return np.concatenate(parts) if parts else np.zeros((0, extractor.n_features), dtype=np.float32)
