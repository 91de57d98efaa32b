"""Unanimous images: the lists, and chance by enumerating every way the answers could have fallen."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.stats.unanimous import unanimous_images


def test_four_kinds():
    answers = [[1, 1], [0, 0], [1, 0], [0, 0], [1, 1], [1, -1]]
    truth = [1, 1, 1, 0, 0, 0]

    result = unanimous_images(answers, truth, images=["a", "b", "c", "d", "e", "f"])

    assert [(kind.truth, kind.answer, kind.images, kind.is_right) for kind in result.kinds] == [
        (1, 1, ("a",), True),
        (1, 0, ("b",), False),
        (0, 0, ("d",), True),
        (0, 1, ("e",), False),
    ]
    assert (result.n_images, result.n_complete, result.kinds[3].n_complete) == (6, 5, 2)


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_that_of_every_possible_arrangement(seed):
    """6 images of one truth, 3 readers: all choices of each reader's k_r images."""
    generator = np.random.default_rng(seed)
    answers = generator.integers(0, 2, (6, 3))
    result = unanimous_images(answers, np.ones(6, int))
    for kind in result.kinds[:2]:
        sizes = (answers == kind.answer).sum(axis=0)
        ways = [
            len(set.intersection(*map(set, chosen)))
            for chosen in itertools.product(*(itertools.combinations(range(6), size) for size in sizes))
        ]
        assert kind.expected == pytest.approx(np.mean(ways))
        assert kind.p == pytest.approx(np.mean(np.array(ways) >= kind.n))


@given(st.integers(0, 10_000))
def test_order_of_images_and_readers_does_not_matter_and_classes_mirror(seed):
    generator = np.random.default_rng(seed)
    answers, truth = generator.integers(-1, 2, (12, 3)), generator.integers(0, 2, 12)
    order = generator.permutation(12)

    result = unanimous_images(answers, truth)
    other = unanimous_images(answers[order][:, ::-1], truth[order], images=order)
    mirrored = unanimous_images(np.where(answers < 0, -1, 1 - answers), 1 - truth)

    for one, two, three in zip(result.kinds, other.kinds, mirrored.kinds[2:] + mirrored.kinds[:2], strict=True):
        assert set(one.images) == set(two.images) == set(three.images)
        assert (one.expected, one.p) == pytest.approx((two.expected, two.p))
        assert one.p == pytest.approx(three.p)


def test_readers_who_agree_fully_are_beyond_chance():
    answers = np.repeat(np.array([1, 0] * 20)[:, None], 6, axis=1)

    result = unanimous_images(answers, np.ones(40, int))

    assert (result.kinds[0].n, result.kinds[0].expected) == (20, pytest.approx(40 / 64))
    assert result.kinds[0].p < 1e-20 or result.kinds[0].p == pytest.approx(math.comb(40, 20) ** -5.0)


def test_many_images_and_readers_take_no_time_to_speak_of():
    generator = np.random.default_rng(1)
    answers = (generator.random((1000, 20)) < 0.8).astype(int)

    result = unanimous_images(answers, np.ones(1000, int))

    assert result.kinds[0].expected == pytest.approx(1000 * np.prod(answers.mean(axis=0)))
    assert result.kinds[0].p > 1e-4


@pytest.mark.parametrize(
    ("answers", "reason"),
    [([[1], [0]], "fewer than two readers"), ([[1, -1], [-1, 0]], "no image was answered by every reader")],
)
def test_too_little_says_so(answers, reason):
    result = unanimous_images(answers, [0, 1])

    assert result.is_defined is False
    assert reason in result.reason


def test_one_class_leaves_the_other_empty():
    result = unanimous_images([[1, 1], [1, 1]], [1, 1])

    assert [(kind.n, kind.expected, kind.p) for kind in result.kinds[2:]] == [(0, 0.0, 1.0)] * 2
    assert result.kinds[0].p == pytest.approx(1)


@pytest.mark.parametrize(
    ("answers", "truth", "message"),
    [
        ([[1, 2]], [1], "answers must be 0, 1 or -1"),
        ([[1, 1]], [1, 0], r"\(images, readers\) and \(images,\)"),
        ([1, 1], [1, 0], r"\(images, readers\) and \(images,\)"),
    ],
)
def test_impossible_input_is_refused(answers, truth, message):
    with pytest.raises(ValueError, match=message):
        unanimous_images(answers, truth)
