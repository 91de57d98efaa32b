"""Against the definition with scipy's filters; the variant follows the side."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from generation.gan.measures.ms_ssim import WEIGHTS, choose_variant, draw_pairs, ms_ssim, pair_likeness
from imaging.phantoms import chest_phantom


def by_definition(x: np.ndarray, y: np.ndarray, weights: tuple[float, ...]) -> float:
    """Wang et al. 2003, eq. 7, and Wang et al. 2004, eq. 8 to 10 and section III.C, over windows inside the picture; at
    the last scale also over those at its border, with the picture mirrored there, as torchmetrics does.
    """
    x, y = x.astype(float), y.astype(float)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    result = 1.0
    for scale, weight in enumerate(weights):
        last = scale == len(weights) - 1
        inside = slice(None) if last else slice(5, -5)

        def blur(a, inside=inside):
            return gaussian_filter(a, 1.5, truncate=5 / 1.5, mode="mirror")[inside, inside]  # radius 5: a window of 11

        mx, my = blur(x), blur(y)
        vx, vy, cxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        contrast_structure = (2 * cxy + c2) / (vx + vy + c2)
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        term = (luminance * contrast_structure if last else contrast_structure).mean()
        result *= max(term, 0.0) ** weight
        h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
        x, y = (a[:h, :w].reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3)) for a in (x, y))
    return result


@pytest.mark.parametrize(("side", "scales"), [(32, 2), (56, 3), (64, 3), (128, 4), (176, 5), (256, 5)])
def test_is_the_definition(side, scales):
    x, y = (chest_phantom(seed=seed, size=side, lesion=False) for seed in (1, 2))
    variant = choose_variant(side)

    assert variant.scales == scales
    assert ms_ssim(x[None], y[None])[0] == pytest.approx(by_definition(x, y, variant.weights), rel=1e-6)


class TestVariant:
    def test_published_weights_where_five_scales_fit(self):
        assert choose_variant(256).weights == pytest.approx(WEIGHTS, rel=1e-3)  # which sum to 1.0001

    @pytest.mark.parametrize("side", [12, 56, 100, 1024])
    def test_weights_sum_to_one(self, side):
        assert sum(choose_variant(side).weights) == pytest.approx(1.0)

    def test_said_in_words(self):
        assert str(choose_variant(56)) == (
            "3 scales at 56 px (weights 0.0711, 0.4530, 0.4760), Gaussian window 11 px (SD 1.5), "
            "grey levels 0 to 255, negative terms as 0, borders mirrored at the last scale"
        )

    def test_a_picture_below_the_window_is_refused(self):
        with pytest.raises(ValueError, match="8 px are smaller"):
            choose_variant(8)


class TestValues:
    def test_a_picture_is_at_one_from_itself(self):
        pictures = np.stack([chest_phantom(seed=seed, size=56, lesion=False) for seed in range(3)])
        assert np.allclose(ms_ssim(pictures, pictures), 1.0)

    def test_symmetric(self):
        x, y = (chest_phantom(seed=seed, size=56, lesion=False)[None] for seed in (1, 2))
        assert ms_ssim(x, y) == pytest.approx(ms_ssim(y, x))

    def test_noise_has_little_likeness(self):
        random = np.random.default_rng(0)
        x, y = random.integers(0, 256, (2, 40, 56, 56)).astype(np.uint8)  # more than one batch
        assert ms_ssim(x, y).max() < 0.2
        assert len(ms_ssim(x, y)) == 40

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match="both must be"):
            ms_ssim(np.zeros((2, 56, 56), np.uint8), np.zeros((2, 64, 64), np.uint8))


class TestPairs:
    @settings(max_examples=60, deadline=None)
    @given(n=st.integers(2, 40), pairs=st.integers(1, 60), seed=st.integers(0, 99))
    def test_different_images_of_the_class_and_no_pair_twice(self, n, pairs, seed):
        labels = ["a", "b"] * n
        found = draw_pairs(labels, label="b", pairs=pairs, seed=seed)

        assert len(found) == min(pairs, n * (n - 1) // 2)
        assert (found % 2 == 1).all()
        assert (found[:, 0] != found[:, 1]).all()
        assert len({tuple(sorted(pair)) for pair in found.tolist()}) == len(found)

    def test_every_pair_can_be_drawn(self):
        found = draw_pairs(["a"] * 9, label="a", pairs=10**6)
        assert {tuple(sorted(pair)) for pair in found.tolist()} == {(i, j) for j in range(9) for i in range(j)}

    def test_of_very_many_images(self):
        found = draw_pairs(["a"] * 20_000, label="a", pairs=500)
        assert found.shape == (500, 2)
        assert found.max() < 20_000
        assert found.max() > 15_000

    def test_one_image_has_no_pair(self):
        with pytest.raises(ValueError, match="1 images of class b"):
            draw_pairs(["a", "a", "b"], label="b", pairs=3)


def test_a_collapsed_generator_is_seen():
    real = np.stack([chest_phantom(seed=seed, size=56, lesion=False) for seed in range(12)])
    collapsed = np.repeat(real[:1], 12, axis=0)
    pairs = draw_pairs(["a"] * 12, label="a", pairs=20)

    varied = pair_likeness(real[pairs[:, 0]], real[pairs[:, 1]], label="a", n_images=12)
    same = pair_likeness(collapsed[pairs[:, 0]], collapsed[pairs[:, 1]], label="a", n_images=12)

    assert varied.low < varied.mean < varied.high < 0.99
    assert same.mean == pytest.approx(1.0)
    assert (varied.n_pairs, varied.n_images, varied.variant.scales) == (20, 12, 3)
