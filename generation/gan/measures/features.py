"""Features of many pictures: computed in batches of one size, and kept by extractor and picture, so that none is
computed twice, whatever happens to the process that computes them.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generation.gan.measures.extractors import Extractor

BATCH_SIZE = 32  # pictures: memory of an extraction, and the same numbers whoever asks

Load = Callable[[str], NDArray[np.uint8]]  # a picture (side, side) uint8 by its hash


class FeatureCache:
    """Features on disk, one folder per extractor and picture size; a file belongs to the one process that writes it.

    A record is the SHA-256 of the picture's pixels, its features and a checksum. What a killed process leaves half
    written does not have its checksum, and is not there. Files are only appended to and may be removed at any time.
    """

    def __init__(self, folder: Path, *, extractor: Extractor, side: int, writer: str) -> None:
        self.folder = folder / f"{extractor.key}-{side}px"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record = np.dtype([("sha256", "u1", (32,)), ("features", "<f4", (extractor.n_features,)), ("crc", "<u4")])
        self.path = self.folder / f"{writer}.features"
        if self.path.exists():  # an earlier attempt of the same writer: on from its last whole record
            whole = self.path.stat().st_size // self.record.itemsize * self.record.itemsize
            os.truncate(self.path, whole)
        self._places: dict[bytes, tuple[Path, int]] = {}
        for path in sorted(self.folder.glob("*.features")):
            self._index(path)

    def __contains__(self, sha256: str) -> bool:
        return bytes.fromhex(sha256) in self._places

    def add(self, sha256s: Sequence[str], features: NDArray[np.float32]) -> None:
        """Keep features (B, d) of pictures; on disk when it returns."""
        records = np.zeros(len(sha256s), dtype=self.record)
        records["sha256"] = [np.frombuffer(bytes.fromhex(sha256), dtype=np.uint8) for sha256 in sha256s]
        records["features"] = features
        records["crc"] = [_checksum(record) for record in records]
        first = self.path.stat().st_size // self.record.itemsize if self.path.exists() else 0
        with self.path.open("ab") as file:
            file.write(records.tobytes())
            file.flush()
            os.fsync(file.fileno())
        for number, sha256 in enumerate(sha256s):
            self._places[bytes.fromhex(sha256)] = (self.path, first + number)

    def gather(self, sha256s: Sequence[str], out: Path) -> NDArray[np.float32]:
        """Features (n, d) float32 of these pictures in this order, in the file `out`, memory-mapped.

        Raises KeyError for a picture that has none.
        """
        width = self.record["features"].shape[0]
        rows = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=(len(sha256s), width))
        opened: dict[Path, NDArray[np.void]] = {}
        for number, sha256 in enumerate(sha256s):
            path, position = self._places[bytes.fromhex(sha256)]
            if path not in opened:
                opened[path] = np.memmap(path, dtype=self.record, mode="r")
            rows[number] = opened[path][position]["features"]
        rows.flush()
        return np.asanyarray(np.load(out, mmap_mode="r"))

    def _index(self, path: Path) -> None:
        count = path.stat().st_size // self.record.itemsize
        with path.open("rb") as file:
            for start in range(0, count, 1024):
                records = np.fromfile(file, dtype=self.record, count=min(1024, count - start))
                for number, record in enumerate(records):
                    if int(record["crc"]) == _checksum(record):
                        self._places[record["sha256"].tobytes()] = (path, start + number)


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


def _checksum(record: np.void) -> int:
    return zlib.crc32(record["sha256"].tobytes() + record["features"].tobytes())
