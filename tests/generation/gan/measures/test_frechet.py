"""Against closed forms for Gaussians, scipy's matrix square root, torch-fidelity and torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from torch_fidelity.metric_fid import fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from generation.gan.measures.frechet import Gaussian, GaussianFit, fit_gaussian, frechet_distance


def features(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)) @ random.normal(size=(d, d)) + shift


class TestFit:
    def test_batches_give_what_numpy_gives_of_all(self):
        rows = features(100, 5, seed=0, shift=1e6)  # a large mean: sums of squares would cancel
        fit = GaussianFit()
        for part in np.array_split(rows, [1, 1, 20, 63]):
            fit.add(part)

        gaussian = fit.gaussian()

        assert gaussian.n == 100
        assert np.allclose(gaussian.mean, rows.mean(axis=0), rtol=1e-14)
        assert np.allclose(gaussian.covariance, np.cov(rows, rowvar=False), rtol=1e-7)

    def test_one_image_has_no_covariance(self):
        with pytest.raises(ValueError, match="1 images: a Fréchet distance needs at least 2"):
            fit_gaussian(np.ones((1, 3)))

    def test_what_is_not_finite_is_refused(self):
        with pytest.raises(ValueError, match="not finite"):
            fit_gaussian(np.array([[1.0, np.nan], [0.0, 1.0]]))

    def test_another_width_is_refused(self):
        fit = GaussianFit()
        fit.add(np.ones((2, 3)))
        with pytest.raises(ValueError, match=r"expected \(B, 3\)"):
            fit.add(np.ones((2, 4)))


class TestClosedForms:
    """Dowson and Landau 1982, eq. 4 and 6."""

    def test_of_one_dimension(self):
        one = Gaussian(n=9, mean=np.array([1.0]), covariance=np.array([[4.0]]))
        two = Gaussian(n=9, mean=np.array([3.0]), covariance=np.array([[25.0]]))

        distance = frechet_distance(one, two)

        assert distance.value == pytest.approx((1 - 3) ** 2 + (2 - 5) ** 2)
        assert distance.mean_part == pytest.approx(4.0)
        assert distance.covariance_part == pytest.approx(9.0)

    def test_of_covariances_that_commute(self):
        basis = linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
        first, second = np.arange(1.0, 7.0), np.array([9.0, 1.0, 4.0, 0.0, 2.5, 16.0])
        one = Gaussian(n=9, mean=np.zeros(6), covariance=(basis * first) @ basis.T)
        two = Gaussian(n=9, mean=np.zeros(6), covariance=(basis * second) @ basis.T)

        assert frechet_distance(one, two).value == pytest.approx(((np.sqrt(first) - np.sqrt(second)) ** 2).sum())

    def test_a_shift_alone_counts_its_square(self):
        rows = features(60, 4, seed=1)
        assert frechet_distance(rows, rows + np.array([3.0, 0.0, 4.0, 0.0])).value == pytest.approx(25.0)


class TestAgainstOthers:
    @pytest.mark.parametrize(("n", "d"), [(400, 6), (40, 12)])
    def test_scipy_torch_fidelity_and_torchmetrics(self, n, d):
        one, two = features(n, d, seed=4), features(n + 7, d, seed=5, shift=0.4)
        found = frechet_distance(one, two)
        m1, m2, s1, s2 = one.mean(0), two.mean(0), np.cov(one, rowvar=False), np.cov(two, rowvar=False)

        definition = ((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(linalg.sqrtm(s1 @ s2)))
        fidelity = fid_statistics_to_metric({"mu": m1, "sigma": s1}, {"mu": m2, "sigma": s2}, verbose=False)[
            "frechet_inception_distance"
        ]
        metrics = _compute_fid(*map(torch.from_numpy, (m1, s1, m2, s2))).item()

        assert found.value == pytest.approx(definition, rel=1e-9)
        assert found.value == pytest.approx(fidelity, rel=1e-6)
        assert found.value == pytest.approx(metrics, rel=1e-6)


class TestProperties:
    @settings(max_examples=25, deadline=None)
    @given(n=st.integers(2, 40), d=st.integers(1, 30), seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
    def test_a_set_is_at_zero_from_itself(self, n, d, seed, scale):
        rows = scale * features(n, d, seed)
        total = np.trace(np.atleast_2d(np.cov(rows, rowvar=False)))

        assert frechet_distance(rows, rows[::-1]).value <= 1e-9 * total + 1e-12

    @settings(max_examples=25, deadline=None)
    @given(d=st.integers(1, 10), seed=st.integers(0, 1000))
    def test_symmetric_and_the_same_in_every_orthogonal_basis(self, d, seed):
        one, two = features(30, d, seed), features(20, d, seed + 1, shift=1.0)
        basis = linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
        value = frechet_distance(one, two).value

        assert frechet_distance(two, one).value == pytest.approx(value, rel=1e-8)
        assert frechet_distance(one @ basis, two @ basis).value == pytest.approx(value, rel=1e-8)
        assert value >= 0

    def test_it_falls_with_n_though_the_distribution_is_the_same(self):
        random = np.random.default_rng(0)
        values = [
            np.mean([frechet_distance(random.normal(size=(n, 8)), random.normal(size=(n, 8))).value for _ in range(20)])
            for n in (20, 200, 2000)
        ]
        assert values[0] > 5 * values[1] > 25 * values[2]
