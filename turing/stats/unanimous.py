"""Images about which all readers say the same, right or wrong, and how many of them chance alone would make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

MISSING = -1
TINY = 1e-13  # probability of a number of images that is no longer followed


@dataclass(frozen=True)
class UnanimousKind:
    """Images of one truth that all readers gave the same answer."""

    truth: int
    answer: int
    images: tuple[Any, ...]  # labels, in the order given
    expected: float  # if each reader's answers had fallen on images of this truth at random
    p: float  # P(as many or more) then, exact; what is below 1e-12 may be given as 0
    n_complete: int  # images of this truth that every reader answered

    @property
    def n(self) -> int:
        return len(self.images)

    @property
    def is_right(self) -> bool:
        return self.truth == self.answer


@dataclass(frozen=True)
class Unanimous:
    """The four kinds (truth 1 first, as in Jang et al., figure 1). Empty, with a reason, below two readers."""

    kinds: tuple[UnanimousKind, ...]
    n_readers: int
    n_images: int
    n_complete: int  # answered by every reader; only these can be unanimous
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return bool(self.kinds)


def unanimous_images(answers: ArrayLike, truth: ArrayLike, images: Sequence[Any] | None = None) -> Unanimous:
    """Lists images with one answer from all readers, and what chance would make of the readers' own habits.

    Chance: every reader gives as many answers of each kind as he or she did, but on images drawn at random within the
    truth. With k_r of n images answered so by reader r, the expected number is n prod_r (k_r / n), and the number after
    reader r is hypergeometric given that after reader r - 1, which gives its exact distribution. More than that means
    that readers see the same thing in the same images; for wrong answers, that the images fool everybody alike.

    Parameters
    ----------
    answers : (images, readers), codes 0 and 1, -1 for no answer.
    truth : (images,), codes 0 and 1 (0 real, 1 synthetic).
    images : labels; left out: positions.

    Raises
    ------
    ValueError : shapes that do not fit, or other codes.

    References
    ----------
    Jang M et al. Sci Rep 2023;13:2356 (the cases). Fisher's permutation argument, reader by reader; no R function.
    """
    codes, true = np.asarray(answers), np.asarray(truth)
    if codes.ndim != 2 or true.shape != codes.shape[:1]:
        raise ValueError(f"answers has shape {codes.shape} and truth {true.shape}: (images, readers) and (images,)")
    if not np.isin(codes, (MISSING, 0, 1)).all() or not np.isin(true, (0, 1)).all():
        raise ValueError("answers must be 0, 1 or -1 (no answer), and truth 0 or 1")
    labels = list(range(len(codes))) if images is None else list(images)
    if len(labels) != len(codes):
        raise ValueError(f"{len(labels)} labels for {len(codes)} images: one each is needed")
    n_images, n_readers = codes.shape
    complete = (codes != MISSING).all(axis=1)
    if n_readers < 2:
        reason = "with fewer than two readers there is nothing to be unanimous about"
        return Unanimous((), n_readers, n_images, int(complete.sum()), reason)
    if not complete.any():
        return Unanimous((), n_readers, n_images, 0, "no image was answered by every reader")
    kinds = []
    for kind, answer in ((1, 1), (1, 0), (0, 0), (0, 1)):
        chosen = complete & (true == kind)
        found = chosen & (codes == answer).all(axis=1)
        counts = (codes[chosen] == answer).sum(axis=0)
        expected, p = _by_chance(counts, int(chosen.sum()), int(found.sum()))
        names = tuple(labels[image] for image in np.flatnonzero(found))
        kinds.append(UnanimousKind(kind, answer, names, expected, p, int(chosen.sum())))
    return Unanimous(tuple(kinds), n_readers, n_images, int(complete.sum()))


def _by_chance(counts: np.ndarray, n: int, observed: int) -> tuple[float, float]:
    """Mean of the size of the intersection of random subsets of n of these sizes, and P(size >= observed)."""
    if not n:
        return 0.0, 1.0
    share = np.zeros(n + 1)
    share[counts[0]] = 1.0
    for count in counts[1:]:
        new = np.zeros(n + 1)
        for size in np.flatnonzero(share > TINY):
            possible = np.arange(max(0, size + count - n), min(size, count) + 1)
            new[possible] += share[size] * stats.hypergeom.pmf(possible, n, size, count)
        share = new
    return float(n * np.prod(counts / n)), float(min(share[observed:].sum(), 1.0)) if observed else 1.0
