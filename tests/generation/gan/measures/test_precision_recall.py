"""Against Algorithm 1 as loops and against torch-fidelity; identical sets have both at 1."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_prc import calculate_precision_recall_full

from generation.gan.measures.precision_recall import precision_recall


def rows(n: int, seed: int, d: int = 4, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * scale + shift


def by_loops(real: np.ndarray, synthetic: np.ndarray, k: int) -> tuple[float, float]:
    def covered(points, manifold):
        count = 0
        for point in points:
            for other in manifold:
                radius = sorted(np.linalg.norm(manifold - other, axis=1))[k]  # [0] is itself
                if np.linalg.norm(point - other) <= radius:
                    count += 1
                    break
        return count / len(points)

    return covered(synthetic, real), covered(real, synthetic)


@pytest.mark.parametrize("k", [1, 3])
def test_is_algorithm_1(k):
    real, synthetic = rows(30, 0), rows(25, 1, scale=0.9, shift=0.9)

    found = precision_recall(real, synthetic, neighbours=k)

    assert (found.precision, found.recall) == by_loops(real, synthetic, k)
    assert 0 < min(found.recall, found.precision) < max(found.recall, found.precision) < 1


def test_is_torch_fidelitys():
    real, synthetic = rows(80, 2), rows(70, 3, scale=0.7)
    precision, recall = calculate_precision_recall_full(torch.from_numpy(synthetic), torch.from_numpy(real))

    found = precision_recall(real, synthetic)

    assert found.precision == pytest.approx(precision, abs=1e-6)
    assert found.recall == pytest.approx(recall, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(4, 30), d=st.integers(1, 20), seed=st.integers(0, 100), scale=st.floats(1e-3, 1e3))
def test_identical_sets_have_both_at_one(n, d, seed, scale):
    points = rows(n, seed, d=d, scale=scale)
    found = precision_recall(points, points[::-1].copy())

    assert (found.precision, found.recall) == (1.0, 1.0)


def test_a_collapsed_generator_has_precision_without_recall():
    real = rows(200, 0)
    one_picture = real[7] + rows(200, 1, scale=1e-3)

    found = precision_recall(real, one_picture)

    assert found.precision > 0.95
    assert found.recall < 0.05


def test_far_away_has_neither():
    found = precision_recall(rows(50, 0), rows(50, 1, shift=50.0))
    assert (found.precision, found.recall) == (0.0, 0.0)


def test_exchanging_the_sets_exchanges_the_numbers():
    one, two = rows(40, 0), rows(40, 1, scale=0.5)
    there, back = precision_recall(one, two), precision_recall(two, one)
    assert (there.precision, there.recall) == (back.recall, back.precision)


def test_of_more_images_so_many_are_drawn():
    found = precision_recall(rows(40, 0), rows(30, 1), most=20, seed=1)
    assert (found.n_real, found.n_synthetic) == (20, 20)
    assert found == precision_recall(rows(40, 0), rows(30, 1), most=20, seed=1)
