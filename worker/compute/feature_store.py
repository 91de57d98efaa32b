"""Vectors of numbers on disk by a 32-byte key, so that none is computed twice, whatever happens to the process.

Several processes may use one folder at once: each appends to a file of its own, and reads those of all.
"""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

READ_RECORDS = 1024  # that are checked at a time


class FeatureStore:
    """Features on disk in one folder; a file belongs to the one process that writes it.

    A record is a SHA-256, the features and a checksum. What a killed process leaves half written does not have its
    checksum, and is not there. Files are only appended to and may be removed at any time. In memory there is about 200
    bytes per vector, whatever its length.
    """

    def __init__(self, folder: Path, *, n_features: int, writer: str) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record = np.dtype([("sha256", "u1", (32,)), ("features", "<f4", (n_features,)), ("crc", "<u4")])
        self.path = self.folder / f"{writer}.features"
        if self.path.exists():  # an earlier attempt of the same writer: on from its last whole record
            whole = self.path.stat().st_size // self.record.itemsize * self.record.itemsize
            os.truncate(self.path, whole)
        self._places: dict[bytes, tuple[Path, int]] = {}
        for path in sorted(self.folder.glob("*.features")):
            self._index(path)

    def __contains__(self, sha256: str) -> bool:
        return bytes.fromhex(sha256) in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, sha256s: Sequence[str], features: NDArray[np.float32]) -> None:
        """Keep features (B, d); on disk when it returns."""
        if not sha256s:
            return
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
        """Features (n, d) float32 of these in this order, in the file `out`, memory-mapped.

        The file has its name only when it is whole. Raises KeyError for one that has no features.
        """
        width = self.record["features"].shape[0]
        temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
        try:
            rows = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=(len(sha256s), width))
            opened: dict[Path, NDArray[np.void]] = {}
            for number, sha256 in enumerate(sha256s):
                path, position = self._places[bytes.fromhex(sha256)]
                if path not in opened:
                    opened[path] = np.memmap(path, dtype=self.record, mode="r")
                rows[number] = opened[path][position]["features"]
            rows.flush()
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
        return np.asanyarray(np.load(out, mmap_mode="r"))

    def _index(self, path: Path) -> None:
        count = path.stat().st_size // self.record.itemsize
        with path.open("rb") as file:
            for start in range(0, count, READ_RECORDS):
                records = np.fromfile(file, dtype=self.record, count=min(READ_RECORDS, count - start))
                for number, record in enumerate(records):
                    if int(record["crc"]) == _checksum(record):
                        self._places[record["sha256"].tobytes()] = (path, start + number)


def _checksum(record: np.void) -> int:
    return zlib.crc32(record["sha256"].tobytes() + record["features"].tobytes())
