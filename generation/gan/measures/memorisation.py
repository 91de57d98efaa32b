"""The memorisation check: is a synthetic image nearer to a training image than real images are that nobody trained on?

Each synthetic image has a distance to its nearest training image in feature space. Real images that were held out have
such distances as well: they are what a picture that copies nothing looks like. The suspicion of a synthetic image is

    p = (1 + number of held-out images that are as near or nearer) / (1 + number of held-out images),

a conformal p-value (Vovk et al. 2005, section 2.2): were the synthetic images drawn like the held-out ones, p <= alpha
for at most a share alpha of them. Without held-out images, each training image's nearest image of another patient takes
their place.

A generator that makes average, smooth pictures comes near to training images without copying one: flags are for eyes
to judge, side by side. And a copy that the extractor places far away (turned, brighter) is not found:
`small_pictures` looks a second time, without a network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from generation.gan.measures.neighbours import Nearest, find_nearest

Array = NDArray[np.float64]
HELD_OUT, OTHER_PATIENTS = "held_out", "other_patients"


@dataclass(frozen=True, kw_only=True)
class Memorisation:
    """Arrays are in the order of the synthetic images."""

    nearest: NDArray[np.int64]  # (n,) position of the nearest training image
    distance: Array  # (n,)
    suspicion: Array  # (n,) p-value, in (0, 1]; small is suspicious
    flagged: NDArray[np.bool_]  # (n,)
    reference: str  # HELD_OUT or OTHER_PATIENTS
    reference_distance: Array  # (r,) sorted
    level: float  # alpha
    threshold: float  # an image is flagged when its distance is at most this; 0 when the reference is too small
    n_training: int

    @property
    def n_flagged(self) -> int:
        return int(self.flagged.sum())

    @property
    def share(self) -> float:
        return self.n_flagged / len(self.flagged)

    @property
    def share_interval(self) -> tuple[float, float]:
        """Exact 95 % interval (Clopper, Pearson 1934) of the share, images taken as independent."""
        interval = binomtest(self.n_flagged, len(self.flagged)).proportion_ci(0.95, method="exact")
        return float(interval.low), float(interval.high)

    @property
    def multiple(self) -> float:
        """How many times the share that chance alone would flag."""
        return self.share / self.level

    def order(self) -> NDArray[np.int64]:
        """Positions of the synthetic images, the most suspicious first; of equal distances the first."""
        return np.argsort(self.distance, kind="stable").astype(np.int64)


def smallest_level(n_reference: int) -> float:
    """No image can be flagged at a level below this."""
    return 1.0 / (n_reference + 1)


def check_memorisation(
    training: ArrayLike,
    synthetic: ArrayLike,
    *,
    held_out: ArrayLike | None = None,
    training_patients: ArrayLike | None = None,
    level: float = 0.01,
) -> Memorisation:
    """Of features (n, d).

    `held_out`: of real images that the generator was not trained on, best of other patients. Without them
    `training_patients` (n_training,) keeps images of one patient from standing for one another; without that too,
    every training image counts as a patient of its own. With fewer reference images than 1 / level - 1 the level
    is raised to the smallest that can flag anything. Raises ValueError for empty sets or a level outside (0, 1).
    """
    rows = np.asanyarray(training)
    _require_level(level)
    if not len(np.asanyarray(synthetic)):
        raise ValueError("There are no synthetic images to check")
    if held_out is not None and len(np.asanyarray(held_out)):
        reference, distances = HELD_OUT, find_nearest(held_out, rows).distance
    else:
        patients = np.arange(len(rows)) if training_patients is None else np.asarray(training_patients)
        reference = OTHER_PATIENTS
        distances = find_nearest(rows, rows, query_groups=patients, groups=patients).distance
    return judge_distances(
        find_nearest(synthetic, rows), distances, reference=reference, level=level, n_training=len(rows)
    )


def judge_distances(
    found: Nearest, reference_distance: ArrayLike, *, reference: str, level: float, n_training: int
) -> Memorisation:
    """The check from distances that are known: of synthetic images, and of the reference (infinite ones left out).

    Raises ValueError when the reference is empty or the level outside (0, 1).
    """
    _require_level(level)
    distances = np.asarray(reference_distance, dtype=np.float64)
    distances = np.sort(distances[np.isfinite(distances)])
    if not len(distances):
        raise ValueError("All training images are of one patient: there is nothing to compare distances with")
    level = max(level, smallest_level(len(distances)))
    suspicion = (1 + np.searchsorted(distances, found.distance, side="right")) / (1 + len(distances))
    # an image is flagged when at most so many reference images are as near: it lies before the next of them
    allowed = int(np.floor(level * (len(distances) + 1) + 1e-9)) - 1
    return Memorisation(
        nearest=found.index,
        distance=found.distance,
        suspicion=suspicion,
        flagged=suspicion <= level + 1e-12,
        reference=reference,
        reference_distance=distances,
        level=level,
        threshold=float(np.nextafter(distances[allowed], 0.0)),
        n_training=n_training,
    )


def _require_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must be above 0 and below 1")
