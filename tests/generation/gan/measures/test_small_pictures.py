"""Copies whose grey levels were changed are found, without a network."""

import numpy as np
import pytest

from generation.gan.measures.small_pictures import check_small_pictures, mirrored, small_pictures
from imaging.phantoms import chest_phantom

PHANTOMS = np.stack([chest_phantom(seed=seed, size=64, lesion=False) for seed in range(60)])
TRAINING, HELD_OUT, OTHERS = PHANTOMS[:20], PHANTOMS[20:50], PHANTOMS[50:]


def check(changed: np.ndarray):
    small = [small_pictures(pictures) for pictures in (TRAINING, changed, HELD_OUT)]
    return check_small_pictures(small[0], small[1], held_out=small[2], level=1 / 31)


def changed(how: str) -> np.ndarray:
    random = np.random.default_rng(0)
    levels = TRAINING[:8].astype(float)
    levels = {
        "brighter": levels + 12,
        "contrast": 128 + 0.8 * (levels - 128),
        "noise": levels + random.normal(0, 4, levels.shape),
        "mirrored": levels[:, :, ::-1],
        "blurred": levels.reshape(8, 32, 2, 32, 2).mean(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2),
    }[how]
    return np.clip(levels, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("how", ["brighter", "contrast", "noise", "mirrored", "blurred"])
def test_a_changed_copy_is_flagged_with_its_source(how):
    found = check(changed(how))
    assert found.flagged.all()
    assert found.nearest.tolist() == list(range(8))


def test_others_are_not():
    assert check(OTHERS).n_flagged <= 1


def test_the_distance_is_of_the_correlation():
    one, two = TRAINING[:1], TRAINING[1:2]
    r = np.corrcoef(*(p.reshape(32, 2, 32, 2).mean(axis=(1, 3)).ravel() for p in (one[0], two[0])))[0, 1]
    found = check_small_pictures(small_pictures(one), small_pictures(two), held_out=small_pictures(HELD_OUT))
    turned = np.corrcoef(small_pictures(one)[0], mirrored(small_pictures(two))[0])[0, 1]
    assert found.distance[0] == pytest.approx(np.sqrt(2 - 2 * max(r, turned)), rel=1e-4)


def test_one_grey_is_like_nothing():
    assert (small_pictures(np.full((2, 40, 40), 7, np.uint8)) == 0).all()


def test_other_patients_are_the_reference_without_held_out_images():
    small = small_pictures(TRAINING)
    patients = np.arange(20) // 2
    found = check_small_pictures(small, small[:3], training_patients=patients)
    assert (found.reference, len(found.reference_distance)) == ("other_patients", 20)
    assert found.distance.max() < 1e-3
