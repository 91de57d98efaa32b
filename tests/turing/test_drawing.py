"""The draw: nobody picks, and the same seed draws the same."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.drawing import LARGEST_SEED, draw_images, new_seed
from turing.errors import StudyError

REAL = [f"{index:064x}" for index in range(20)]
SYNTHETIC = [f"{index:064x}" for index in range(100, 130)]


def draw(**changes):
    return draw_images(**{"real": REAL, "synthetic": SYNTHETIC, "n_real": 5, "n_synthetic": 8, "seed": 3, **changes})


@given(st.integers(0, LARGEST_SEED), st.integers(1, 20), st.integers(1, 30))
def test_the_numbers_asked_for_without_repeats(seed, n_real, n_synthetic):
    drawn = draw(seed=seed, n_real=n_real, n_synthetic=n_synthetic)

    assert [image.position for image in drawn] == list(range(1, n_real + n_synthetic + 1))
    assert Counter(image.origin for image in drawn) == {"real": n_real, "synthetic": n_synthetic}
    assert len({image.pixel_sha256 for image in drawn}) == len(drawn)
    assert all(image.pixel_sha256 in (REAL if image.origin == "real" else SYNTHETIC) for image in drawn)


def test_the_order_of_candidates_does_not_matter():
    shuffled = random.Random(1).sample(REAL, len(REAL))

    assert draw(real=shuffled, synthetic=reversed(SYNTHETIC)) == draw()


def test_another_seed_draws_another_study():
    assert draw(seed=4) != draw(seed=3)


def test_the_draw_of_a_seed_never_changes():
    """Pinned: an open study must be drawn the same by later versions (numpy 2.4, PCG64)."""
    drawn = draw(n_real=2, n_synthetic=2, seed=2023)

    assert [(image.origin, int(image.pixel_sha256, 16)) for image in drawn] == [
        ("real", 1),
        ("synthetic", 121),
        ("real", 18),
        ("synthetic", 112),
    ]


def test_every_candidate_and_every_place_has_the_same_chance():
    """3,000 seeds: each real image is drawn in 5 of 20 studies, and stands first as often as any other drawn one."""
    draws = [draw(seed=seed) for seed in range(3000)]

    chosen = Counter(image.pixel_sha256 for drawn in draws for image in drawn if image.origin == "real")
    first_is_real = sum(drawn[0].origin == "real" for drawn in draws)
    # standard deviations: sqrt(3000 * .25 * .75) = 24 and sqrt(3000 * 5/13 * 8/13) = 27
    assert all(abs(chosen[sha256] - 750) < 4 * 24 for sha256 in REAL)
    assert abs(first_is_real - 3000 * 5 / 13) < 4 * 27


def test_too_few_images_are_refused_with_both_numbers():
    with pytest.raises(StudyError, match="Not enough real images: the study asks for 21 and 20 match the filters"):
        draw(n_real=21)


def test_an_image_on_both_sides_is_refused():
    with pytest.raises(StudyError, match="1 image\\(s\\) with the same pixels are in the real and in the synthetic"):
        draw(synthetic=[*SYNTHETIC, REAL[4]])


def test_an_image_twice_is_refused():
    with pytest.raises(StudyError, match="The real dataset holds the same pixels twice"):
        draw(real=[*REAL, REAL[0]])


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(StudyError, match=f"Seed {seed} is out of range"):
        draw(seed=seed)


def test_new_seeds_differ_and_are_in_range():
    seeds = {new_seed() for _ in range(100)}

    assert len(seeds) == 100
    assert all(0 < seed <= LARGEST_SEED for seed in seeds)
