"""The memorisation check without a network: pictures reduced to 32 x 32, compared whatever their brightness, contrast,
sharpness and noise, and mirrored as well.

The distance of two pictures is (2 - 2 r)^(1/2) for the correlation r of their reduced pixels: 0 for a copy. It finds
what an extractor with other weights may miss, and misses what is turned, shifted far or enlarged.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn import functional

from generation.gan.measures.memorisation import HELD_OUT, OTHER_PATIENTS, Memorisation, judge_distances
from generation.gan.measures.neighbours import Nearest, find_nearest

SIDE = 32  # pixels

Small = NDArray[np.float32]


def small_pictures(pixels: NDArray[np.uint8]) -> Small:
    """Pictures (B, side, side) uint8 as (B, 1024) float32: block means, mean 0, norm 1; a flat one is zeros."""
    means = functional.adaptive_avg_pool2d(torch.from_numpy(pixels.astype(np.float32)).unsqueeze(1), SIDE)
    rows = means.flatten(1).double().numpy()
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 1e-6), dtype=np.float32)


def mirrored(small: ArrayLike) -> Small:
    """Left and right exchanged, of `small_pictures` (B, 1024)."""
    return np.asarray(small, dtype=np.float32).reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(-1, SIDE * SIDE)


def check_small_pictures(
    training: Small,
    synthetic: Small,
    *,
    held_out: Small | None = None,
    training_patients: ArrayLike | None = None,
    level: float = 0.01,
) -> Memorisation:
    """As `check_memorisation`, of small pictures (n, 1024); each is compared as it is and mirrored."""
    if held_out is not None and len(held_out):
        reference, distances = HELD_OUT, _nearest(held_out, training).distance
    else:
        patients = np.arange(len(training)) if training_patients is None else np.asarray(training_patients)
        reference, distances = OTHER_PATIENTS, _nearest(training, training, patients).distance
    found = _nearest(synthetic, training)
    return judge_distances(found, distances, reference=reference, level=level, n_training=len(training))


def _nearest(queries: Small, others: Small, groups: NDArray | None = None) -> Nearest:
    plain = find_nearest(queries, others, query_groups=groups, groups=groups)
    turned = find_nearest(mirrored(queries), others, query_groups=groups, groups=groups)
    nearer = turned.distance < plain.distance
    return Nearest(
        index=np.where(nearer, turned.index, plain.index), distance=np.minimum(turned.distance, plain.distance)
    )
