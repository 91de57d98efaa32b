"""Augmentation: identities of the geometry, of the filters and of the controller; no effect where nothing is drawn."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.gan.augmentation import (
    BAND_POWER,
    SYM2,
    SYM6,
    Augmentation,
    AugmentationStrength,
    band_filters,
    draw_augmentation,
    filter_bands,
    move,
    rotation,
    scaling,
    translation,
)
from generation.gan.stylegan2_config import StyleGan2Config

F64 = torch.float64
EVERYTHING = {"augment_flip": True, "augment_filter": True, "augment_noise": True, "augment_cutout": True}


def config_of(side: int = 32, **changes) -> StyleGan2Config:
    return StyleGan2Config(image_size=side, batch_size=8, **changes)


def drawn(config: StyleGan2Config, batch: int = 8, *, probability: float, seed: int = 0) -> Augmentation:
    return draw_augmentation(config, batch, probability=probability, random=torch.Generator().manual_seed(seed))


def still(batch: int) -> Augmentation:
    return Augmentation(
        matrices=torch.eye(3, dtype=F64).repeat(batch, 1, 1),
        contrast=torch.ones(batch, dtype=F64),
        brightness=torch.zeros(batch, dtype=F64),
    )


def smooth_images(side: int, *, channels: int = 1) -> torch.Tensor:
    """Two images of broad bumps off the centre, (2, channels, side, side), near 0 at the edges."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    bumps = [
        np.exp(-((x - 0.11) ** 2 + (y + 0.06) ** 2) / 0.012),
        np.exp(-(((x + 0.08) / 1.4) ** 2 + (y - 0.1) ** 2) / 0.01),
    ]
    return torch.from_numpy(np.stack(bumps))[:, None].repeat(1, channels, 1, 1)


def value(number: float) -> torch.Tensor:
    return torch.full((2,), number, dtype=F64)


class TestMove:
    def test_whole_pixels_are_a_roll(self):
        images = smooth_images(32)

        moved = move(images, translation(value(3.0), value(-2.0)))

        expected = images.roll((-2, 3), dims=(2, 3))
        torch.testing.assert_close(moved[:, :, 4:-4, 4:-4], expected[:, :, 4:-4, 4:-4], rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        ("matrix", "expected"),
        [
            (scaling(value(-1.0), value(1.0)), lambda images: images.flip(3)),
            (rotation(value(math.pi)), lambda images: images.flip(2, 3)),
            (rotation(value(math.pi / 2)), lambda images: images.rot90(-1, (2, 3))),  # clockwise
        ],
    )
    def test_mirror_and_turns_of_smooth_images(self, matrix, expected):
        images = smooth_images(64)

        moved = move(images, matrix)

        # bilinear between samples of the doubled image: at most 1/8 of the second difference, twice
        torch.testing.assert_close(moved, expected(images), rtol=0, atol=4e-3)

    @pytest.mark.parametrize(("x", "y"), [(0.5, 0.0), (1.3, -0.7)])
    def test_fractions_of_a_pixel_put_the_bump_where_it_belongs(self, x, y):
        images = smooth_images(64)

        moved = move(images, translation(value(x), value(y)))

        for before, after in zip(centres(images), centres(moved), strict=True):
            np.testing.assert_allclose(after - before, [x, y], atol=0.02)

    def test_enlarging_enlarges_about_the_centre(self):
        images = smooth_images(64)

        moved = move(images, scaling(value(1.5), value(1.5)))

        for before, after in zip(centres(images), centres(moved), strict=True):
            np.testing.assert_allclose(after, before * 1.5, rtol=0.02)  # some leaves the image
        torch.testing.assert_close(moved.sum(dim=(1, 2, 3)), images.sum(dim=(1, 2, 3)) * 2.25, rtol=0.01, atol=0)

    @given(seed=st.integers(0, 10_000))
    @settings(max_examples=15, deadline=None)
    def test_one_matrix_is_one_transformation_after_the_other(self, seed):
        random = torch.Generator().manual_seed(seed)
        turn, zoom, x, y = (torch.rand(4, generator=random, dtype=F64) - 0.5).tolist()
        first, second = rotation(value(turn)), scaling(value(1 + zoom / 4), value(1 - zoom / 4))
        third = translation(value(4 * x), value(4 * y))
        images = smooth_images(64)

        at_once = move(images, third @ second @ first)
        one_by_one = move(move(move(images, first), second), third)

        inside = (..., slice(8, -8), slice(8, -8))  # at the edges each step mirrors what the one before it left
        torch.testing.assert_close(at_once[inside], one_by_one[inside], rtol=0, atol=6e-3)
        assert float((at_once - images).abs().max()) > 0.02

    def test_what_lies_beyond_the_edge_is_mirrored(self):
        ramp = torch.arange(32, dtype=F64).view(1, 1, 1, 32).expand(2, 1, 32, 32).contiguous()

        moved = move(ramp, translation(value(8.0), value(0.0)))

        torch.testing.assert_close(moved[0, 0, 16, 12:28], torch.arange(4.0, 20.0, dtype=F64), rtol=0, atol=0.02)
        mirrored = torch.arange(6.0, 2.0, -1.0, dtype=F64)  # pixels 1 to 4 show what is 6 to 3 pixels inside
        # the doubled samples lie a fifth of a pixel off the edges, so the mirror does, and its image twice as much
        torch.testing.assert_close(moved[0, 0, 16, 1:5], mirrored, rtol=0, atol=0.45)

    def test_images_that_stay_are_the_same_bits_beside_others_that_move(self):
        images = torch.randn(2, 3, 32, 32)
        matrices = torch.stack([torch.eye(3, dtype=F64), rotation(value(0.3))[0]])

        moved = move(images, matrices)

        assert torch.equal(moved[0], images[0])
        assert not torch.allclose(moved[1], images[1])

    def test_doubling_and_halving_alone_change_nothing(self):
        """The filters cancel: a move by nothing that is not known to be nothing."""
        images = torch.randn(2, 1, 32, 32, dtype=F64)
        nearly = translation(value(1e-12), value(0.0))

        torch.testing.assert_close(move(images, nearly)[:, :, 3:-3, 3:-3], images[:, :, 3:-3, 3:-3], rtol=0, atol=1e-8)

    def test_channels_move_together(self):
        images = smooth_images(32, channels=3)

        moved = move(images, rotation(value(0.4)))

        assert torch.equal(moved[:, 0], moved[:, 1])
        assert torch.equal(moved[:, 0], moved[:, 2])


def centres(images: torch.Tensor) -> np.ndarray:
    """Centre of mass (x, y) of each image, in pixels from the image's centre."""
    side = images.shape[2]
    places = torch.arange(side, dtype=F64) - (side - 1) / 2
    mass = images.sum(dim=(1, 2, 3))
    x = (images.sum(dim=(1, 2)) * places).sum(dim=1) / mass
    y = (images.sum(dim=(1, 3)) * places).sum(dim=1) / mass
    return torch.stack([x, y], dim=1).numpy()


class TestApply:
    def test_probability_zero_gives_the_same_bits(self):
        images = torch.randn(8, 1, 32, 32)

        augmented = drawn(config_of(**EVERYTHING), probability=0.0).apply(images)

        assert torch.equal(augmented, images)

    def test_contrast_then_brightness(self):
        images = torch.randn(2, 1, 8, 8, dtype=F64)
        augmentation = replace(still(2), contrast=value(2.0), brightness=torch.tensor([0.0, 0.5], dtype=F64))

        augmented = augmentation.apply(images)

        torch.testing.assert_close(augmented[0], images[0] * 2)
        torch.testing.assert_close(augmented[1], images[1] * 2 + 0.5)

    def test_cutout_blanks_a_quarter_in_the_middle_and_no_other_image(self):
        images = torch.ones(2, 1, 16, 16)
        centre = torch.full((2, 2), 0.5, dtype=F64)

        augmented = replace(still(2), cutouts=centre, cut=torch.tensor([True, False])).apply(images)

        assert float(augmented[0].sum()) == 256 - 64
        assert float(augmented[0, 0, 4:12, 4:12].abs().max()) == 0
        assert torch.equal(augmented[1], images[1])

    def test_noise_has_its_deviation(self):
        images = torch.zeros(2, 1, 64, 64, dtype=F64)
        noise = torch.tensor([0.0, 0.3], dtype=F64)

        augmented = replace(still(2), noise=noise, noise_seeds=torch.tensor([1, 2])).apply(images)

        assert torch.equal(augmented[0], images[0])
        assert float(augmented[1].std()) == pytest.approx(0.3, rel=0.05)

    def test_first_and_second_derivatives_of_everything(self):
        """Through D(augment(G(z))) goes the generator's gradient, and through R1 its derivative."""
        augmentation = drawn(config_of(**EVERYTHING), 2, probability=1.0, seed=3)
        pixels = torch.randn(2, 1, 32, 32, dtype=F64, generator=torch.Generator().manual_seed(1)) * 0.1

        def some(corner: torch.Tensor) -> torch.Tensor:
            images = torch.cat([torch.cat([corner, pixels[:, :, :3, 3:]], dim=3), pixels[:, :, 3:]], dim=2)
            return augmentation.apply(images)[:, :, ::7, ::7].tanh()

        corner = pixels[:, :, :3, :3].clone().requires_grad_(True)
        assert torch.autograd.gradcheck(some, (corner,))
        assert torch.autograd.gradgradcheck(some, (corner,))

    def test_another_number_of_images_is_refused(self):
        with pytest.raises(ValueError, match="3 images, but an augmentation of 2"):
            still(2).apply(torch.zeros(3, 1, 8, 8))

    def test_two_processes_see_their_own_rows(self):
        images = torch.randn(8, 1, 32, 32)
        augmentation = drawn(config_of(**EVERYTHING), probability=0.7)

        whole = augmentation.apply(images)

        rows = {
            name: None if values is None else values[1::2]
            for name, values in ((name, getattr(augmentation, name)) for name in augmentation.__dataclass_fields__)
        }
        torch.testing.assert_close(Augmentation(**rows).apply(images[1::2]), whole[1::2], rtol=1e-4, atol=1e-5)


class TestDraw:
    def test_the_same_numbers_are_drawn_whatever_the_probability(self):
        after = []
        for probability in (0.0, 0.3, 1.0):
            random = torch.Generator().manual_seed(0)
            draw_augmentation(config_of(), 8, probability=probability, random=random)
            after.append(random.get_state())

        assert torch.equal(after[0], after[1])
        assert torch.equal(after[0], after[2])

    @pytest.mark.parametrize("probability", [0.2, 0.7])
    def test_each_happens_with_the_probability(self, probability):
        augmentation = drawn(config_of(), 20_000, probability=probability)

        # nothing of the geometry: neither move, scaling, stretch nor fractional move, and no turn, whose two chances
        # multiply to 1 - p. A whole-pixel move of both axes rounds to nothing in (1/8)^2 of cases or less.
        nothing = (augmentation.matrices == torch.eye(3, dtype=F64)).all(dim=2).all(dim=1).double().mean()
        whole = (1 - probability * (1 - 1 / 8)) ** 2  # of an axis: (-4, 4) pixels, to 0 with probability 1/8
        expected = whole * (1 - probability) ** 4
        assert float(nothing) == pytest.approx(expected, abs=4 * math.sqrt(expected / 20_000) + 1e-3)
        for values, neutral in ((augmentation.contrast, 1.0), (augmentation.brightness, 0.0)):
            assert float((values != neutral).double().mean()) == pytest.approx(probability, abs=0.015)

    def test_deviations_are_the_papers(self):
        augmentation = drawn(config_of(), 20_000, probability=1.0)

        assert float(augmentation.brightness.std()) == pytest.approx(0.2, rel=0.03)
        assert float(augmentation.contrast.log2().std()) == pytest.approx(0.5, rel=0.03)
        areas = torch.linalg.det(augmentation.matrices)  # of the zoom alone: squared
        assert float(areas.log2().std()) == pytest.approx(2 * 0.2, rel=0.03)

    def test_mirrors_only_when_asked(self):
        plain = drawn(config_of(), 500, probability=1.0).matrices
        mirrored = drawn(config_of(augment_flip=True), 500, probability=1.0).matrices

        assert bool((torch.linalg.det(plain) > 0).all())
        share = float((torch.linalg.det(mirrored) < 0).double().mean())
        assert share == pytest.approx(0.5, abs=0.08)  # half of them, so that it cannot be learned

    def test_optional_ones_are_off(self):
        augmentation = drawn(config_of(), probability=1.0)

        assert augmentation.bands is augmentation.noise is augmentation.cutouts is None


class TestFilters:
    @pytest.mark.parametrize(("taps", "moments"), [(SYM6, 6), (SYM2, 2)])
    def test_wavelets_are_orthogonal_with_their_vanishing_moments(self, taps, moments):
        """Daubechies 1992, chapters 5 and 6: what defines these filters, but for their symmetry."""
        values, places = np.array(taps), np.arange(len(taps)) - (len(taps) - 1) / 2

        assert values.sum() == pytest.approx(math.sqrt(2), abs=1e-10)
        for shift in range(0, len(taps), 2):
            product = float(values[: len(taps) - shift] @ values[shift:])
            assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-10)
        for moment in range(moments):
            assert float(((-1.0) ** np.arange(len(taps)) * places**moment) @ values) == pytest.approx(0.0, abs=1e-7)

    def test_bands_sum_to_the_unit_impulse(self):
        total = band_filters().sum(dim=0)

        impulse = torch.zeros(43, dtype=F64)
        impulse[21] = 1.0
        torch.testing.assert_close(total, impulse, rtol=0, atol=1e-10)

    def test_each_band_passes_its_octave(self):
        """Octaves of frequency below 1/2 cycle per pixel: up to 1/16, to 1/8, to 1/4, to 1/2."""
        frequencies = np.linspace(0, 0.5, 2001)
        waves = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(43)))

        response = np.abs(waves @ band_filters().numpy().T)

        for band, (low, high) in enumerate([(0, 1 / 16), (1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 1 / 2)]):
            inside = (frequencies > low) & (frequencies < high)
            assert response[inside].mean(axis=0).argmax() == band
        np.testing.assert_allclose(response[0], [1, 0, 0, 0], atol=1e-9)

    def test_gains_of_one_change_nothing_and_others_act_on_their_band(self):
        images = torch.randn(2, 3, 48, 48, dtype=F64)
        flat = torch.ones(2, 1, 48, 48, dtype=F64)
        board = (torch.arange(48) % 2 * 2.0 - 1).to(F64).expand(2, 1, 48, 48)

        torch.testing.assert_close(filter_bands(images, torch.ones(2, 4, dtype=F64)), images, rtol=0, atol=1e-9)
        gains = torch.tensor([[2.0, 1, 1, 1], [1, 1, 1, 3.0]], dtype=F64)
        # along both axes: what is flat is multiplied twice
        torch.testing.assert_close(filter_bands(flat, gains)[0], flat[0] * 4)
        torch.testing.assert_close(filter_bands(flat, gains)[1], flat[1])
        torch.testing.assert_close(filter_bands(board, gains)[1], board[1] * 3)  # 1/2 cycle per pixel across, flat down

    def test_drawn_gains_have_the_papers_deviation(self):
        bands = drawn(config_of(augment_filter=True), 5000, probability=1.0).bands

        # common factors keep the power of the image and cancel; two gains of deviation 1 remain
        assert float((bands[:, 1] / bands[:, 3]).log2().std()) == pytest.approx(math.sqrt(2), rel=0.05)
        power = bands.square() @ torch.tensor(BAND_POWER, dtype=F64)
        assert float(power.log2().median()) == pytest.approx(0.0, abs=0.35)


class TestStrength:
    def observe(self, strength: AugmentationStrength, score: float, times: int) -> None:
        for _ in range(times):
            strength.observe(torch.full((8,), score))
            strength.adjust()

    def test_rises_to_one_within_its_kimg_and_falls_again(self):
        strength = AugmentationStrength(config_of(augment_kimg=1.6), device=torch.device("cpu"))

        self.observe(strength, 1.0, 100)
        half = strength.probability
        self.observe(strength, 1.0, 200)
        top = strength.probability
        self.observe(strength, -1.0, 100)

        assert half == pytest.approx(0.5)  # 800 of 1,600 images
        assert top == 1.0
        assert strength.probability == pytest.approx(0.5)
        self.observe(strength, -1.0, 400)
        assert strength.probability == 0.0

    def test_changes_every_four_steps_by_the_sign_of_the_difference(self):
        strength = AugmentationStrength(config_of(), device=torch.device("cpu"))

        seen = []
        for scores in ([1.0] * 8, [1.0] * 8, [1.0] * 8, [1.0] * 4 + [-1.0] * 4):  # r = (1 + 1 + 1 + 0) / 4 > 0.6
            strength.observe(torch.tensor(scores))
            strength.adjust()
            seen.append(strength.probability)

        assert seen == [0.0, 0.0, 0.0, pytest.approx(4 * 8 / 500_000)]

    def test_at_the_target_it_stays(self):
        strength = AugmentationStrength(
            config_of(augment_target=0.5, augment_probability=0.25), device=torch.device("cpu")
        )

        for _ in range(40):
            strength.observe(torch.tensor([1.0, 1.0, 1.0, -1.0]))
            strength.adjust()

        assert strength.probability == 0.25

    @pytest.mark.parametrize(("kind", "expected"), [("fixed", 0.4), ("off", 0.0)])
    def test_fixed_and_off_do_not_change(self, kind, expected):
        strength = AugmentationStrength(
            config_of(augmentation=kind, augment_probability=0.4), device=torch.device("cpu")
        )

        self.observe(strength, 1.0, 100)

        assert strength.probability == expected

    def test_goes_on_from_its_state(self):
        first, whole = (AugmentationStrength(config_of(), device=torch.device("cpu")) for _ in range(2))
        self.observe(first, 1.0, 6)
        second = AugmentationStrength(config_of(), device=torch.device("cpu"))
        second.load_state(first.state())
        self.observe(second, 0.1, 7)

        self.observe(whole, 1.0, 6)
        self.observe(whole, 0.1, 7)

        assert second.state() == whole.state()
        assert second.probability > 0
