"""Distributions of reading times and declared outliers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turing.stats.times import OutlierRules, describe_times, find_outliers, times_by_answer

times = st.lists(st.floats(0, 1000), min_size=1, max_size=60)


def test_by_hand():
    """R: quantile(c(1, 2, 4, 8), type = 7), mean 3.75, sd 3.095696; geometric mean (2 * 3 * 5 * 9)^(1/4) - 1."""
    result = describe_times([8, 1, math.nan, 4, 2])

    assert (result.n, result.n_timed, result.median, result.mean) == (5, 4, 3.0, 3.75)
    assert result.quantiles[2:5] == (1.75, 3.0, 5.0)
    assert result.sd == pytest.approx(3.095696, abs=1e-6)
    assert result.geometric_mean == pytest.approx(270**0.25 - 1)
    assert (result.times.tolist(), result.shares.tolist()) == ([1, 2, 4, 8], [0.25, 0.5, 0.75, 1])


def test_interval_of_the_median_is_that_of_the_sign_test():
    """n = 10: ranks 2 and 9 hold the median with 1 - 22/1024 = 97.9 % (Conover, table of the binomial)."""
    result = describe_times(np.arange(1, 11))

    assert (result.median_low, result.median_high) == (2, 9)


@given(times)
def test_interval_of_the_median_holds_what_no_sign_test_rejects(values):
    """The limits are the outermost observed values that the exact sign test does not reject (ties apart)."""
    values = np.unique(values)
    result = describe_times(values)
    n = len(values)
    if n < 6:
        assert math.isnan(result.median_low)
        return

    kept = [
        value for rank, value in enumerate(values, 1)
        if min(stats.binom.cdf(rank - 1, n, 0.5), stats.binom.cdf(n - rank, n, 0.5)) > 0.025
    ]  # fmt: skip
    # a limit itself is one step further out than the innermost rejected rank allows
    assert result.median_low <= kept[0]
    assert result.median_high >= kept[-1]
    assert result.median_low <= result.median <= result.median_high


def test_interval_of_the_median_keeps_its_promise_for_skewed_times():
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        result = describe_times(generator.lognormal(2, 1, 40))
        hits += result.median_low <= math.exp(2) <= result.median_high

    assert hits / 2000 >= 0.945


def test_no_time_says_so():
    result = describe_times([math.nan, math.nan])

    assert (result.n, result.n_timed, result.is_defined) == (2, 0, False)
    assert result.reason == "no answer has a reading time"
    assert math.isnan(result.median)


@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_impossible_times_are_named_with_their_row(value):
    with pytest.raises(ValueError, match=r"in row 1 \(counted from 0\) is not possible"):
        describe_times([1.0, value])


def test_cells_are_by_truth_and_correctness():
    cells = times_by_answer([1, 2, 3, 4, 5], ["real", "real", "synthetic", "synthetic", "real"], [1, 0, 1, 1, math.nan])

    assert [(cell.truth, cell.is_correct, cell.distribution.times.tolist()) for cell in cells] == [
        ("real", True, [1]),
        ("real", False, [2]),
        ("synthetic", True, [3, 4]),
        ("synthetic", False, []),
    ]


def test_rules_mark_and_count_and_drop_nothing():
    seconds = [0.2, 5, 6, 7, 8, 400, math.nan]

    result = find_outliers(seconds, ["A"] * 7, OutlierRules(min_seconds=0.5, max_seconds=300))

    assert result.too_fast.tolist() == [True] + [False] * 6
    assert np.flatnonzero(result.too_slow).tolist() == [5]
    assert (result.n_timed, result.n_marked) == (6, 2)
    assert result.text == ("Doubtful among 6 reading times: 1 shorter than 0.5 s, 1 longer than 300 s; 2 in all.")


def test_mad_rule_is_by_reader():
    """A slow reader is no outlier for being slow; R: mad(log(x + 1)) with its constant 1.4826."""
    fast, slow = [4.0, 5, 6, 5, 4, 90], [40.0, 50, 60, 50, 40, 90]

    result = find_outliers(fast + slow, ["A"] * 6 + ["B"] * 6, OutlierRules(mad_factor=3.5))

    assert np.flatnonzero(result.unusual).tolist() == [5]
    logs = np.log1p(fast)
    distance = abs(logs[5] - np.median(logs)) / stats.median_abs_deviation(logs, scale="normal")
    assert find_outliers(fast, ["A"] * 6, OutlierRules(mad_factor=distance * 1.0001)).n_marked == 0
    assert find_outliers(fast, ["A"] * 6, OutlierRules(mad_factor=distance * 0.9999)).n_marked == 1


def test_equal_times_cannot_be_judged_by_mad_and_that_is_said():
    result = find_outliers([5.0, 5, 5, 99], ["R2"] * 4, OutlierRules(mad_factor=3))

    assert result.n_marked == 0
    assert result.notes[0].startswith("More than half of the reading times of R2 are equal")


def test_times_that_the_measurement_doubts_are_marked_too():
    result = find_outliers([5.0, 6, math.nan], ["A"] * 3, OutlierRules(), flagged=[True, False, True])

    assert result.marked.tolist() == [True, False, False]
    assert result.text == "Doubtful among 2 reading times: 1 flagged by the measurement; 1 in all."


def test_without_rules_every_time_counts():
    result = find_outliers([0.0, 1e6], ["A", "A"], OutlierRules())

    assert (result.n_marked, result.text) == (0, "No rule for outliers was declared: every reading time counts.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_seconds": -1}, "min_seconds = -1 is out of range"),
        ({"max_seconds": math.inf}, "max_seconds = inf is out of range"),
        ({"mad_factor": 0}, "mad_factor = 0 is out of range"),
        ({"min_seconds": 5, "max_seconds": 5}, "min_seconds = 5 must be below max_seconds = 5"),
    ],
)
def test_impossible_rules_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OutlierRules(**options)
