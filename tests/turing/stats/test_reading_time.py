"""Medians of reading times, and that no time is dropped in silence."""

import math

import pytest

from turing.stats.reading_time import summarise_times


def test_median_and_quartiles_are_those_of_r():
    """R: quantile(c(1, 2, 4, 8), c(.25, .5, .75)), type 7: positions 1 + 3 p between the sorted values."""
    result = summarise_times([8, 1, 4, 2], [False] * 4)

    assert (result.q1, result.median, result.q3) == (1.75, 3.0, 5.0)


def test_flagged_times_count_and_stay_in_the_median():
    result = summarise_times([1.0, 2.0, 900.0], [False, False, True])

    assert (result.n, result.n_timed, result.n_flagged, result.median) == (3, 3, 1, 2.0)


def test_missing_times_are_counted():
    result = summarise_times([1.0, None, 3.0], [False, True, False])

    assert (result.n, result.n_timed, result.n_missing, result.n_flagged, result.median) == (3, 2, 1, 1, 2.0)


@pytest.mark.parametrize("seconds", [[], [None]])
def test_without_times_there_is_no_median(seconds):
    result = summarise_times(seconds, [False] * len(seconds))

    assert result.is_defined is False
    assert math.isnan(result.median)


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_impossible_times_are_refused(value):
    with pytest.raises(ValueError, match="is not possible"):
        summarise_times([value], [False])


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="seconds has 2 values and flagged 1"):
        summarise_times([1.0, 2.0], [False])
