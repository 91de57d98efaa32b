"""The real-real floor: what a measure says about two halves of the real images, at the same number of images.

No generator can be asked to come nearer to real images than other real images do. Halves are disjoint by patient, since
two films of one patient are alike. The synthetic images are measured against the same halves, as many of them as the
other half has, so that both numbers have the same n.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Positions of images; all three have the same length."""

    first: Indices  # real
    second: Indices  # real, other patients
    synthetic: Indices


@dataclass(frozen=True, kw_only=True)
class FloorValue:
    """Means over splits, with the smallest and the largest; all of `n` images against `n`."""

    n: int
    splits: int
    floor: float
    floor_low: float
    floor_high: float
    synthetic: float
    synthetic_low: float
    synthetic_high: float


def split_by_patient(
    patients: ArrayLike, *, n_synthetic: int, splits: int, seed: int = 0, most: int | None = None
) -> list[Halves]:
    """`splits` random halves of the real images with these patient names (n,); "" is a patient of its own.

    Patients come in random order; each goes to the half that has fewer images. Halves and synthetic images are then
    cut at random to one size, the smallest of them all, and at most `most`. Raises ValueError when there are fewer
    than two patients.
    """
    names = np.asarray(patients).astype(str)
    names = np.where(names == "", np.char.add("\x00", np.arange(len(names)).astype(str)), names)
    found, membership = np.unique(names, return_inverse=True)
    if len(found) < 2:
        raise ValueError("All real images are of one patient: they cannot be cut in two halves of different patients")
    members: list[list[int]] = [[] for _ in found]
    for position, patient in enumerate(membership):
        members[patient].append(position)
    random = np.random.default_rng(seed)
    cuts: list[tuple[list[int], list[int]]] = []
    for _ in range(splits):
        halves: tuple[list[int], list[int]] = ([], [])
        for patient in random.permutation(len(found)):
            min(halves, key=len).extend(members[patient])
        cuts.append(halves)
    size = min(n_synthetic, most or n_synthetic, *(len(half) for halves in cuts for half in halves))
    return [
        Halves(
            first=np.sort(random.choice(first, size, replace=False)),
            second=np.sort(random.choice(second, size, replace=False)),
            synthetic=np.sort(random.choice(n_synthetic, size, replace=False)),
        )
        for first, second in cuts
    ]


def floor_value(pairs: list[tuple[float, float]], *, n: int) -> FloorValue:
    """From (real against real, real against synthetic) of each split."""
    floor, synthetic = np.array(pairs, dtype=np.float64).T
    return FloorValue(
        n=n,
        splits=len(pairs),
        floor=float(floor.mean()),
        floor_low=float(floor.min()),
        floor_high=float(floor.max()),
        synthetic=float(synthetic.mean()),
        synthetic_low=float(synthetic.min()),
        synthetic_high=float(synthetic.max()),
    )


def measure_floor(
    measure: Callable[[NDArray[np.floating], NDArray[np.floating]], float],
    *,
    real: ArrayLike,
    synthetic: ArrayLike,
    halves: list[Halves],
) -> FloorValue:
    """`measure(real rows, other rows)` of features (n, d) on every split: against real ones, against synthetic ones."""
    real_rows, synthetic_rows = np.asanyarray(real), np.asanyarray(synthetic)
    pairs = []
    for split in halves:
        first = real_rows[split.first]
        pairs.append((measure(first, real_rows[split.second]), measure(first, synthetic_rows[split.synthetic])))
    return floor_value(pairs, n=len(halves[0].first))
