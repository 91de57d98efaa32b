"""Pairs of near hashes, against comparing each with each in plain Python."""

import numpy as np
import pytest

from imaging.duplicates import matching
from imaging.duplicates.matching import BYTES, near_pairs, pack_hashes


def hashes(n: int, seed: int, spread: int = 40) -> list[bytes]:
    """Hashes around a few centres, so that some are near one another."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, size=(5, BYTES), dtype=np.uint8)
    rows = []
    for place in range(n):
        flips = np.zeros(8 * BYTES, dtype=np.uint8)
        flips[rng.choice(8 * BYTES, size=rng.integers(0, spread), replace=False)] = 1
        rows.append((centres[place % 5] ^ np.packbits(flips)).tobytes())
    return rows


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """So that 50 hashes are several blocks in both directions, the last ones not full."""
    monkeypatch.setattr(matching, "ROWS", 7)
    monkeypatch.setattr(matching, "COLUMNS", 11)


def found(first, second=None, *, limit):
    pairs = []
    for _, near in near_pairs(first, second, limit=limit):
        pairs += zip(near.first.tolist(), near.second.tolist(), near.distance.tolist(), strict=True)
    return sorted(pairs)


@pytest.mark.parametrize("limit", [0, 20, 48])
def test_within_a_set_each_pair_once(limit):
    rows = hashes(50, seed=1)
    rows[30] = rows[3]

    expected = sorted(
        (i, j, distance(rows[i], rows[j]))
        for i in range(50)
        for j in range(i + 1, 50)
        if distance(rows[i], rows[j]) <= limit
    )

    assert found(pack_hashes(rows), limit=limit) == expected
    assert (3, 30, 0) in expected


def test_between_two_sets():
    first, second = hashes(23, seed=1), hashes(40, seed=1, spread=60)

    expected = sorted(
        (i, j, distance(one, other))
        for i, one in enumerate(first)
        for j, other in enumerate(second)
        if distance(one, other) <= 48
    )

    assert found(pack_hashes(first), pack_hashes(second), limit=48) == expected
    assert expected


def test_progress_counts_the_rows():
    rows = pack_hashes(hashes(16, seed=2))

    assert [done for done, _ in near_pairs(rows, limit=10)] == [7, 14, 16]


def test_nothing_in_nothing():
    assert found(pack_hashes([]), limit=48) == []
    assert found(pack_hashes(hashes(3, seed=1)), pack_hashes([]), limit=48) == []


def test_what_is_refused():
    with pytest.raises(ValueError, match="31 bytes; 32 are needed"):
        pack_hashes([bytes(32), bytes(31)])
    with pytest.raises(ValueError, match="limit is 256; it must be from 0 to 255"):
        next(near_pairs(pack_hashes([bytes(32)]), limit=256))
