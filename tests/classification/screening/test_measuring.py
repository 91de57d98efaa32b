"""Precision of a ranking against its definition, and the interval of the check against scipy's."""

import numpy as np
import pytest
from scipy.stats import binomtest

from classification.screening.measuring import measure_check, measure_ranking


def test_average_precision_is_the_mean_precision_at_each_excluded_image():
    excluded = [True, False, True, True, False, False, False, True]

    found = measure_ranking(scores=[1 - place / 10 for place in range(8)], excluded=excluded)

    # precisions where an excluded one is met: 1/1, 2/3, 3/4, 4/8
    assert found.average_precision == pytest.approx(np.mean([1, 2 / 3, 3 / 4, 4 / 8]))
    assert (found.n, found.excluded, found.percent) == (8, 4, 50)


def test_the_firsts_count_what_came_before_them():
    excluded = [True] * 8 + [False] * 2 + [True] * 2 + [False] * 13

    found = measure_ranking(scores=list(np.linspace(1, 0, 25)), excluded=excluded)

    assert [(one.n, one.excluded, one.percent) for one in found.firsts] == [(10, 8, 80), (20, 10, 50), (25, 10, 40)]


@pytest.mark.parametrize("excluded", [[True] * 3, [False] * 3])
def test_of_one_kind_alone_there_is_no_average_precision(excluded):
    assert measure_ranking(scores=[0.9, 0.5, 0.1], excluded=excluded).average_precision is None


@pytest.mark.parametrize(("k", "n", "rest"), [(0, 100, 1100), (3, 50, 400), (10, 10, 20)])
def test_the_interval_of_the_check_is_the_exact_one(k, n, rest):
    expected = binomtest(k, n).proportion_ci(method="exact")

    found = measure_check(excluded=k, sampled=n, rest=rest)

    assert (found.share.low, found.share.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)
    assert found.unseen == rest - n
    assert (found.missed, found.missed_high) == (round(k / n * (rest - n)), round(expected.high * (rest - n)))


def test_of_none_in_a_hundred_the_form_says_what_follows():
    """The help text of the check form promises 3.6 %."""
    assert measure_check(excluded=0, sampled=100, rest=100).share.high == pytest.approx(0.036, abs=5e-4)


@pytest.mark.parametrize(("sampled", "rest"), [(0, 5), (6, 5)])
def test_a_sample_that_cannot_be(sampled, rest):
    with pytest.raises(ValueError, match="A sample of"):
        measure_check(excluded=0, sampled=sampled, rest=rest)
