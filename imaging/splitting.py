"""Train, tune and test: which image goes where. Stratified by class, all images of a patient in one split.

Pure: labels, patients and a seed in, a split for each image out. The same input gives the same splits on every machine.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

SPLITS = ("train", "tune", "test")


def assign_splits(
    labels: Sequence[str],
    patients: Sequence[str],
    *,
    shares: Mapping[str, float],
    seed: int,
) -> list[str]:
    """The split of each image: "train", "tune" or "test".

    `labels` and `patients` (any text that names one) have one entry for each image. `shares` of the three add up to 1;
    one that is 0 or absent gets no image. Patients come in the order of SHA-256("<seed>/<patient>"), and each goes,
    with all images, where it brings the numbers of its classes nearest to their shares: the greedy form of iterative
    stratification (Sechidis, Tsoumakas and Vlahavas, ECML 2011) for groups. So with one image for each patient, the
    number of each class in each split is within one image of its share; with several, within about as many images as
    one patient has.

    Raises ValueError for shares that do not add up to 1, or lists of different lengths.
    """
    if len(labels) != len(patients):
        raise ValueError(
            f"{len(labels)} labels and {len(patients)} patients; there must be one of each for every image"
        )
    wanted = _checked(shares)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for label, patient in zip(labels, patients, strict=True):
        groups[patient][label] += 1
    totals = Counter(labels)
    missing = {split: {label: share * n for label, n in totals.items()} for split, share in wanted.items()}
    chosen: dict[str, str] = {}
    for patient in sorted(groups, key=lambda patient: hashlib.sha256(f"{seed}/{patient}".encode()).digest()):
        group = groups[patient]

        def gain(split: str, group: Counter[str] = group) -> float:
            """How much nearer to the shares, as the fall of the squared distance in shares of a class."""
            left = missing[split]
            return sum(n * (2 * left[label] - n) / totals[label] ** 2 for label, n in group.items())

        best = max(wanted, key=gain)  # the first of equals: in the order of SPLITS
        chosen[patient] = best
        for label, n in group.items():
            missing[best][label] -= n
    return [chosen[patient] for patient in patients]


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares above 0 in the order of SPLITS."""
    unknown = sorted(set(shares) - set(SPLITS))
    if unknown:
        raise ValueError(f"Unknown split {', '.join(unknown)}; there are {', '.join(SPLITS)}")
    if not all(math.isfinite(share) and 0 <= share <= 1 for share in shares.values()):
        raise ValueError(f"Shares are {dict(shares)}; each must be from 0 to 1")
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError(f"Shares add up to {sum(shares.values()):g}; they must add up to 1")
    return {split: shares[split] for split in SPLITS if shares.get(split)}
