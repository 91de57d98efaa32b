"""Against loops, torch-fidelity and torchmetrics; unbiased about 0."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kernel_poly, mmd2
from torchmetrics.image.kid import poly_mmd

from generation.gan.measures.kernel import kernel_distance, unbiased_mmd2


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


class TestUnbiasedMmd2:
    def test_is_the_loop_over_pairs(self):
        x, y = normal(7, 3, 0), normal(5, 3, 1, shift=0.5)

        def kernel(a, b):
            return (sum(p * q for p, q in zip(a, b, strict=True)) / 3 + 1) ** 3

        within_x = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
        within_y = [kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
        across = [kernel(a, b) for a in x for b in y]

        expected = np.mean(within_x) + np.mean(within_y) - 2 * np.mean(across)
        assert unbiased_mmd2(x, y) == pytest.approx(expected, rel=1e-12)

    def test_is_what_torch_fidelity_and_torchmetrics_give(self):
        x, y = normal(30, 8, 2), normal(30, 8, 3, shift=0.3)
        own = unbiased_mmd2(x, y)
        options = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
        kernels = [kernel_poly(a, b, **options) for a, b in ((x, x), (x, y), (y, y))]

        assert own == pytest.approx(mmd2(*kernels), rel=1e-9)
        assert own == pytest.approx(poly_mmd(torch.from_numpy(x), torch.from_numpy(y)).item(), rel=1e-6)

    def test_unbiased_about_zero(self):
        """Mean of 400 independent estimates, between the same distribution twice: within 4 standard errors of 0."""
        values = np.array([unbiased_mmd2(normal(10, 4, 2 * i), normal(10, 4, 2 * i + 1)) for i in range(400)])

        assert abs(values.mean()) < 4 * values.std() / 20
        assert (values < 0).any()

    def test_what_it_estimates_of_a_known_shift(self):
        """One dimension, N(0, 1) against N(m, 1): E k(x, y) = sum of binomial(3, j) E x^j E y^j; moments by hand."""
        m = 0.7
        moments_x, moments_y = (1, 0, 1, 0), (1, m, m**2 + 1, m**3 + 3 * m)

        def expected_kernel(a, b):
            return sum(c * p * q for c, p, q in zip((1, 3, 3, 1), a, b, strict=True))

        expected = (
            expected_kernel(moments_x, moments_x)
            + expected_kernel(moments_y, moments_y)
            - 2 * expected_kernel(moments_x, moments_y)
        )
        values = np.array([unbiased_mmd2(normal(200, 1, 2 * i), normal(200, 1, 2 * i + 1, m)) for i in range(200)])

        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(200)


class TestKernelDistance:
    def test_the_same_seed_gives_the_same_value(self):
        x, y = normal(60, 4, 0), normal(50, 4, 1)
        assert kernel_distance(x, y, subsets=5, seed=3) == kernel_distance(x, y, subsets=5, seed=3)
        assert kernel_distance(x, y, subsets=5, seed=3).value != kernel_distance(x, y, subsets=5, seed=4).value

    def test_a_subset_is_at_most_half_of_the_smaller_set(self):
        found = kernel_distance(normal(60, 4, 0), normal(50, 4, 1), subsets=7)

        assert (found.subset_size, found.n_subsets, found.n_first, found.n_second) == (25, 7, 60, 50)
        assert found.sd > 0

    def test_a_set_and_itself_are_below_zero_by_what_the_shared_images_give(self):
        """One pair in n is an image and itself: -2 / n (mean k(x, x) - mean k(x, y)), which is no distance."""
        rows = normal(200, 6, 5)
        found = kernel_distance(rows, rows, subsets=200)

        kernel = (rows @ rows.T / 6 + 1) ** 3
        own = np.trace(kernel) / 200
        expected = -2 / 200 * (own - (kernel.sum() - 200 * own) / (200 * 199))
        assert found.value == pytest.approx(expected, rel=0.1)
        assert unbiased_mmd2(rows, rows) == pytest.approx(expected)

    def test_two_halves_of_one_distribution_are_at_zero_within_the_spread(self):
        found = kernel_distance(normal(400, 6, 5), normal(400, 6, 6), subsets=50)
        assert abs(found.value) < 3 * found.sd

    def test_a_shift_is_seen(self):
        assert kernel_distance(normal(100, 6, 0), normal(100, 6, 1, shift=1.0)).value > 0.5

    def test_a_memory_mapped_file_will_do(self, tmp_path):
        x, y = normal(60, 4, 0).astype(np.float32), normal(50, 4, 1).astype(np.float32)
        np.save(tmp_path / "x.npy", x)

        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")

        assert kernel_distance(mapped, y, subsets=5) == kernel_distance(x, y, subsets=5)

    @pytest.mark.parametrize(("first", "second"), [((3, 4), (9, 4)), ((9, 4), (9, 5)), ((9,), (9, 5))])
    def test_what_cannot_be_compared_is_refused(self, first, second):
        with pytest.raises(ValueError, match=r"at least 4|one d"):
            kernel_distance(np.ones(first), np.ones(second))
