"""Which of many perceptual hashes lie near one another: all pairs, compared in blocks of the size of a cache.

No index: within 48 of 256 bits the pigeonhole principle rules out too few pairs to be worth one, and 100,000 images
against themselves take about half a minute (benchmarks/duplicates.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BYTES = 32  # of a hash
ROWS, COLUMNS = 256, 1024  # of a block: 2 MB of 64-bit words
WORDS = BYTES // 8


@dataclass(frozen=True, kw_only=True)
class Near:
    """Pairs of one block: places in the first and in the second set, and how many bits differ."""

    first: NDArray[np.intp]  # (n,)
    second: NDArray[np.intp]  # (n,)
    distance: NDArray[np.uint8]  # (n,) bits


def pack_hashes(hashes: Sequence[bytes]) -> NDArray[np.uint64]:
    """(N, 4) words of N hashes of 32 bytes. Raises ValueError for a hash of another length."""
    wrong = next((one for one in hashes if len(one) != BYTES), None)
    if wrong is not None:
        raise ValueError(f"A hash has {len(wrong)} bytes; {BYTES} are needed")
    return np.frombuffer(b"".join(hashes), dtype=np.uint64).reshape(len(hashes), WORDS)


def near_pairs(
    first: NDArray[np.uint64], second: NDArray[np.uint64] | None = None, *, limit: int
) -> Iterator[tuple[int, Near]]:
    """After each block of rows of `first`: how many rows are done, and the pairs found in them.

    `first` (N, 4) and `second` (M, 4) as `pack_hashes` gives them; without `second` each pair within `first` once, the
    smaller place first. A pair is near when at most `limit` bits differ (0 to 255). Memory: one block, and its pairs.
    Raises ValueError for another limit.
    """
    if not 0 <= limit <= 255:
        raise ValueError(f"limit is {limit}; it must be from 0 to 255 bits")
    other = first if second is None else second
    for row in range(0, len(first), ROWS):
        rows = first[row : row + ROWS]
        found: list[Near] = []
        begin = row if second is None else 0
        for column in range(begin, len(other), COLUMNS):
            distance = _distances(rows, other[column : column + COLUMNS])
            i, j = np.nonzero(distance <= limit)
            if second is None:
                above = j + column > i + row
                i, j = i[above], j[above]
            if len(i):
                found.append(Near(first=i + row, second=j + column, distance=distance[i, j].astype(np.uint8)))
        yield row + len(rows), _joined(found)


def _distances(rows: NDArray[np.uint64], columns: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """(R, C) bits that differ."""
    total: NDArray[np.uint16] = np.zeros((len(rows), len(columns)), dtype=np.uint16)
    for word in range(WORDS):
        total += np.bitwise_count(rows[:, word, None] ^ columns[None, :, word])
    return total


def _joined(found: Sequence[Near]) -> Near:
    if not found:
        return Near(first=np.empty(0, np.intp), second=np.empty(0, np.intp), distance=np.empty(0, np.uint8))
    return Near(
        first=np.concatenate([one.first for one in found]),
        second=np.concatenate([one.second for one in found]),
        distance=np.concatenate([one.distance for one in found]),
    )
