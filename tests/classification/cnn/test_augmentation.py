"""Variants: what is drawn, and that turning does what it says."""

import numpy as np
import pytest
from scipy import ndimage

from classification.cnn.augmentation import Augmentation, turn
from tests.classification.cnn.conftest import make_images

SMOOTH = ndimage.gaussian_filter(np.random.default_rng(3).uniform(0, 255, (41, 41)), 3)
SMOOTH = np.rint((SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH) * 255).astype(np.uint8)


def test_a_turn_is_counter_clockwise_about_the_centre():
    assert np.array_equal(turn(SMOOTH, 90), np.rot90(SMOOTH))
    assert np.array_equal(turn(SMOOTH, 0), SMOOTH)


def test_a_turn_agrees_with_scipy():
    theirs = ndimage.rotate(SMOOTH.astype(float), 10, reshape=False, order=1, mode="nearest")
    assert np.abs(turn(SMOOTH, 10) - theirs).max() <= 0.51


def test_there_and_back_again_loses_little():
    back = turn(turn(SMOOTH, 7), -7)
    assert np.abs(back[10:-10, 10:-10].astype(int) - SMOOTH[10:-10, 10:-10]).max() <= 6


def test_a_variant_depends_on_image_seed_and_slot_alone():
    images = make_images(2)
    first, second = images.hashes
    draw = Augmentation(seed=5).draw

    assert draw(first, 3) == Augmentation(seed=5).draw(first, 3)
    assert len({draw(first, 3), draw(first, 4), draw(second, 3), Augmentation(seed=6).draw(first, 3)}) == 4


def test_half_are_mirrored_and_turns_are_even():
    draws = [Augmentation(rotation_degrees=10).draw("image", slot) for slot in range(2000)]
    turns = np.array([degrees for _, degrees in draws])

    assert np.mean([mirrored for mirrored, _ in draws]) == pytest.approx(0.5, abs=0.05)
    assert np.abs(turns).max() <= 10
    assert turns.std() == pytest.approx(10 / np.sqrt(3), rel=0.05)
    assert not any(mirrored for mirrored, _ in (Augmentation(mirror=False).draw("image", slot) for slot in range(50)))


def test_a_mirrored_variant_is_the_mirrored_image():
    image = make_images(1).pixels[0]
    found = {Augmentation(rotation_degrees=0).apply(image, "image", slot).tobytes() for slot in range(20)}
    assert found == {image.tobytes(), image[:, ::-1].tobytes()}


def test_what_cannot_be_used_is_named():
    with pytest.raises(ValueError, match="rotation_degrees is 181"):
        Augmentation(rotation_degrees=181)
    with pytest.raises(ValueError, match="seed is -1"):
        Augmentation(seed=-1)
