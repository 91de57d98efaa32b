"""Every reader meets all trials once, in a lawful order, which is the same whenever it is drawn. What studies draw is
tested in test_drawing; here are the orders themselves.
"""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turing.errors import StudyError
from turing.models import TrialOrder
from turing.ordering import WIDEST_GAP, Place, draw_order


def places(n, *, repeats=0, phase=1, block=0, first=1):
    """`n` trials, of which the first `repeats` are shown twice."""
    pictures = [f"{phase}-{index}" for index in [*range(n), *range(repeats)]]
    return [
        Place(position=first + index, phase=phase, block=block, is_practice=False, picture=picture)
        for index, picture in enumerate(pictures)
    ]


def order_of(trials, *, order=TrialOrder.PER_READER, seed=1, reader=1):
    return draw_order(trials, order=order, seed=seed, reader=reader)


def test_the_order_of_a_reader_never_changes():
    """Pinned (numpy 2.4, PCG64): results of before must be drawn again by later versions."""
    trials = [*places(5, repeats=1), *places(3, phase=2, first=7)]

    assert order_of(trials, seed=2023, reader=4) == [3, 5, 6, 2, 1, 4, 8, 7, 9]
    blocks = [*places(3, block=1), *places(3, block=2, first=4)]
    assert order_of(blocks, order=TrialOrder.BLOCKS, seed=2023, reader=4) == [3, 1, 2, 4, 6, 5]


def test_the_same_for_all_is_the_order_of_the_positions():
    trials = places(30)
    shuffled = random.Random(1).sample(trials, len(trials))

    assert order_of(shuffled, order=TrialOrder.SAME, reader=5) == list(range(1, 31))
    assert order_of(trials, order=TrialOrder.SAME, reader=0) != list(range(1, 31))  # how the positions are found


@pytest.mark.parametrize("order", [TrialOrder.PER_READER, TrialOrder.BLOCKS])
def test_each_reader_has_an_order_of_their_own(order):
    trials = [*places(15, block=1), *places(15, block=2, first=16)]

    orders = {tuple(order_of(trials, order=order, reader=reader)) for reader in range(1, 41)}
    seeds = {tuple(order_of(trials, order=order, seed=seed)) for seed in range(40)}

    assert len(orders) == len(seeds) == 40


def test_the_order_of_the_rows_does_not_matter():
    trials = places(20, repeats=6)
    shuffled = random.Random(1).sample(trials, len(trials))

    assert order_of(shuffled) == order_of(trials)


def test_every_trial_is_as_likely_in_every_place():
    """2,000 readers of eight images. Standard deviation of a count: sqrt(2000 / 8 * 7 / 8) = 15."""
    counts = Counter()
    for reader in range(1, 2001):
        counts.update(enumerate(order_of(places(8), reader=reader)))

    assert len(counts) == 64
    assert all(abs(count - 250) < 5 * 15 for count in counts.values())


def test_blocks_are_met_in_any_order_and_whole():
    trials = [place for block in (1, 2, 3) for place in places(4, block=block, first=4 * block - 3)]
    block_of = {place.position: place.block for place in trials}

    met = Counter()
    for reader in range(1, 601):
        blocks = [block_of[position] for position in order_of(trials, order=TrialOrder.BLOCKS, reader=reader)]
        assert blocks == sorted(blocks, key=blocks.index)
        met[tuple(dict.fromkeys(blocks))] += 1

    assert len(met) == 6
    assert all(abs(count - 100) < 5 * 9.2 for count in met.values())  # sqrt(600 * 1/6 * 5/6) = 9.1


def test_repeats_lie_far_apart_where_there_is_room():
    """With 200 images and 20 repeats no repeat comes within ten places; by chance alone about one in ten would."""
    trials = places(200, repeats=20)
    picture_of = {place.position: place.picture for place in trials}

    for reader in range(1, 21):
        met = [picture_of[position] for position in order_of(trials, reader=reader)]
        last: dict[str, int] = {}
        for index, picture in enumerate(met):
            assert index - last.get(picture, -100) > WIDEST_GAP
            last[picture] = index


@settings(deadline=None, max_examples=200)
@given(n=st.integers(2, 25), data=st.data(), reader=st.integers(0, 500))
def test_no_picture_follows_itself_even_when_it_is_tight(n, data, reader):
    repeats = data.draw(st.integers(0, (n + 1) // 2))
    trials = places(n, repeats=repeats)
    picture_of = {place.position: place.picture for place in trials}

    met = [picture_of[position] for position in order_of(trials, reader=reader)]

    assert Counter(met) == Counter(place.picture for place in trials)
    assert not any(before == after for before, after in pairwise(met))


def test_practice_keeps_its_order_and_comes_first():
    practice = [Place(position=index, phase=1, block=0, is_practice=True, picture=f"p{index}") for index in (1, 2, 3)]
    trials = [*places(10, first=4), *practice]

    for reader in range(20):
        assert order_of(trials, reader=reader)[:3] == [1, 2, 3]


def test_what_cannot_be_kept_apart_is_refused():
    with pytest.raises(StudyError, match="2 images with these repeats cannot be ordered so that no image"):
        order_of(places(1, repeats=1))
