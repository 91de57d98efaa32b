"""Against torchmetrics and the definition."""

import numpy as np
import pytest
import torch
from torchmetrics.image.mifid import _mifid_compute

from generation.gan.measures import mifid
from generation.gan.measures.frechet import frechet_distance
from generation.gan.measures.mifid import mean_cosine_distance, memorisation_informed


def rows(n: int, seed: int, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(mifid, "ROWS", 7)
    monkeypatch.setattr(mifid, "COLUMNS", 11)


@pytest.mark.parametrize("threshold", [0.01, 0.9])
def test_is_torchmetrics(threshold):
    training, synthetic = rows(40, 0), rows(30, 1)

    found = memorisation_informed(training, synthetic, threshold=threshold)

    x, y = torch.from_numpy(training), torch.from_numpy(synthetic)
    expected = _mifid_compute(y.mean(0), y.T.cov(), y, x.mean(0), x.T.cov(), x, cosine_distance_eps=threshold).item()
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.is_penalised is (threshold == 0.9)


def test_above_the_threshold_it_is_the_plain_distance():
    found = memorisation_informed(rows(40, 0), rows(30, 1), threshold=1e-6)
    assert found.value == found.frechet == frechet_distance(rows(40, 0), rows(30, 1)).value


def test_copies_are_punished():
    training = rows(40, 0)
    honest = memorisation_informed(training, rows(30, 1))
    copied = memorisation_informed(training, training[:30] * (1 + 1e-9))

    assert copied.cosine_distance < 1e-12
    assert copied.value > 1e6 * honest.value
    assert copied.frechet < honest.frechet  # which alone would have called it better


def test_the_mean_of_the_nearest_angles():
    others = np.array([[1.0, 0.0], [0.0, 3.0]])
    queries = np.array([[2.0, 0.0], [5.0, 5.0], [0.0, -7.0]])
    assert mean_cosine_distance(queries, others) == pytest.approx((0 + (1 - 0.5**0.5) + 0) / 3)


def test_features_of_zeros_are_left_out():
    others = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert mean_cosine_distance(np.array([[0.0, 0.0], [0.0, 1.0]]), others) == 1.0
    with pytest.raises(ValueError, match="not zero"):
        mean_cosine_distance(np.zeros((2, 2)), others)
