"""Draws the images of a study and their order from a seed. Pure: hashes in, hashes out; nobody picks."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from turing.errors import StudyError

ALGORITHM = "numpy.random.Generator(PCG64(seed)): permutation of sorted hashes, per side; permutation of the mix"
LARGEST_SEED = 2**53 - 1  # exact in JSON everywhere


@dataclass(frozen=True)
class DrawnImage:
    position: int  # from 1
    origin: str  # "real" or "synthetic"
    pixel_sha256: str


def new_seed() -> int:
    """An unpredictable seed, for studies whose investigator gives none."""
    return secrets.randbelow(LARGEST_SEED) + 1


def draw_images(
    *, real: Iterable[str], synthetic: Iterable[str], n_real: int, n_synthetic: int, seed: int
) -> list[DrawnImage]:
    """`n_real` and `n_synthetic` images without replacement, in one mixed random order.

    The result depends on the sets of hashes, the numbers and the seed alone, not on the order the hashes come in.

    Raises
    ------
    StudyError : a hash twice, or on both sides; too few candidates; a seed out of range.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise StudyError(f"Seed {seed} is out of range: it must lie between 0 and {LARGEST_SEED}.")
    real, synthetic = sorted(real), sorted(synthetic)
    _refuse_repeats(real, synthetic)
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = []
    for origin, candidates, number in (("real", real, n_real), ("synthetic", synthetic, n_synthetic)):
        if number > len(candidates):
            raise StudyError(
                f"Not enough {origin} images: the study asks for {number} and {len(candidates)} match the filters. "
                "Ask for fewer, widen the filters, or choose a larger dataset."
            )
        indices = generator.permutation(len(candidates))[:number]
        chosen += [(origin, candidates[index]) for index in indices]
    order = generator.permutation(len(chosen))
    return [
        DrawnImage(position=position, origin=chosen[index][0], pixel_sha256=chosen[index][1])
        for position, index in enumerate(order, start=1)
    ]


def _refuse_repeats(real: list[str], synthetic: list[str]) -> None:
    for origin, candidates in (("real", real), ("synthetic", synthetic)):
        if len(set(candidates)) != len(candidates):
            raise StudyError(f"The {origin} dataset holds the same pixels twice. Remove the duplicate images.")
    shared = sorted(set(real) & set(synthetic))
    if shared:
        raise StudyError(
            f"{len(shared)} image(s) with the same pixels are in the real and in the synthetic dataset "
            f"(first: {shared[0][:12]}). An image must be one or the other: remove them from one of the two."
        )
