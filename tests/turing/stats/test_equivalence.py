"""Tests against 50 % and equivalence with it: against R, definitions, and size by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from turing.stats.accuracy import clopper_pearson
from turing.stats.equivalence import (
    balanced_equivalence,
    balanced_interval,
    exact_p,
    logit_equivalence,
    no_equivalence,
    proportion_equivalence,
)

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
margins = st.sampled_from([0.02, 0.05, 0.1, 0.2, 0.4])


# binom.test(k, n)$p.value of R, as its documentation and textbooks print it: Conover 1999, section 3.1; 682 of 925
# against 3/4 (Mendel) is the example of ?binom.test: p-value = 0.3825
@pytest.mark.parametrize(("k", "n", "chance", "p", "digits"), [(682, 925, 0.75, 0.3825, 4), (8, 10, 0.5, 0.1094, 4)])
def test_exact_test_equals_r(k, n, chance, p, digits):
    assert round(exact_p(k, n, chance=chance), digits) == p


@given(counts)
def test_exact_test_against_one_half_doubles_the_tail(pair):
    k, n = pair

    tail = sum(math.comb(n, i) for i in range(min(k, n - k) + 1)) / 2**n
    assert exact_p(k, n) == pytest.approx(min(2 * tail, 1.0), rel=1e-9)
    assert exact_p(n - k, n) == pytest.approx(exact_p(k, n), rel=1e-9)


@given(counts, margins)
def test_equivalence_is_the_interval_inside_of_the_margin(pair, margin):
    k, n = pair

    result = proportion_equivalence(k, n, margin=margin)

    interval = clopper_pearson(k, n, confidence=0.9)
    assert (result.low, result.high) == (interval.low, interval.high)
    assert result.holds == (interval.low >= 0.5 - margin and interval.high <= 0.5 + margin)
    assert result.low <= result.estimate <= result.high
    assert result.p == max(result.p_lower, result.p_upper)


@given(counts, margins)
def test_counting_the_wrong_answers_mirrors_the_tests(pair, margin):
    k, n = pair

    result, mirrored = proportion_equivalence(k, n, margin=margin), proportion_equivalence(n - k, n, margin=margin)

    assert mirrored.p_lower == pytest.approx(result.p_upper, abs=1e-12)
    assert mirrored.holds == result.holds


def test_exact_equivalence_is_never_too_eager():
    """At the edge of the margin the exact test errs at most as often as it may."""
    k = np.arange(201)
    at_edge = stats.binom.pmf(k, 200, 0.6)

    wrong = sum(at_edge[i] for i in k if proportion_equivalence(int(i), 200, margin=0.1).holds)

    assert 0.03 < wrong <= 0.05


@given(counts, counts, st.sampled_from([0.8, 0.9, 0.95]))
def test_balanced_interval_contains_the_estimate_and_mirrors(one, other, confidence):
    low, high = balanced_interval(*one, *other, confidence=confidence)
    mirrored = balanced_interval(one[1] - one[0], one[1], other[1] - other[0], other[1], confidence=confidence)

    estimate = (one[0] / one[1] + other[0] / other[1]) / 2
    assert -1e-12 <= low <= estimate + 1e-12
    assert estimate - 1e-12 <= high <= 1 + 1e-12
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_balanced_interval_is_half_of_newcombes():
    """Newcombe 1998, table II, method 10: 56/70 - 48/80 has 0.0524 to 0.3339; 9/10 - 3/10 has 0.1705 to 0.8090."""
    for (a, m), (b, n), published in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
    ):
        low, high = balanced_interval(a, m, n - b, n)
        assert [round(2 * (limit - 0.5), 4) for limit in (low, high)] == list(published)


@given(counts, counts, margins)
def test_balanced_equivalence_is_the_interval_inside_of_the_margin(one, other, margin):
    result = balanced_equivalence(*one, *other, margin=margin)

    inside = result.low > 0.5 - margin and result.high < 0.5 + margin
    if abs(result.p - 0.05) > 1e-6:
        assert result.holds == inside
    assert result.low - 1e-12 <= result.estimate <= result.high + 1e-12


def test_balanced_p_is_where_the_interval_touches_the_margin():
    result = balanced_equivalence(40, 70, 70, 140, margin=0.1)

    low, _ = balanced_interval(40, 70, 70, 140, confidence=1 - 2 * result.p_lower)
    _, high = balanced_interval(40, 70, 70, 140, confidence=1 - 2 * result.p_upper)
    assert (low, high) == pytest.approx((0.4, 0.6), abs=1e-9)


def test_balanced_equivalence_keeps_its_level_where_it_is_hardest():
    """Unequal classes, balanced accuracy at the edge of the margin: 4,000 readers."""
    generator = np.random.default_rng(1)
    real, synthetic = generator.binomial(60, 0.75, 4000), generator.binomial(140, 0.45, 4000)

    wrong = [
        balanced_equivalence(int(a), 60, int(b), 140, margin=0.1).holds for a, b in zip(real, synthetic, strict=True)
    ]

    assert 0.035 < np.mean(wrong) < 0.06


def test_logit_equivalence_is_students_test_on_the_logit_scale():
    result = logit_equivalence(0.52, 0.1, df=5, margin=0.1, measure="accuracy", method="model")

    half = stats.t.ppf(0.95, 5) * 0.1
    assert special.logit([result.low, result.high]) == pytest.approx(special.logit(0.52) + np.array([-half, half]))
    assert result.p_upper == pytest.approx(stats.t.cdf((special.logit(0.52) - special.logit(0.6)) / 0.1, 5))
    assert result.holds == (result.low >= 0.4 and result.high <= 0.6)
    wide = logit_equivalence(0.52, 0.3, df=5, margin=0.1, measure="accuracy", method="model")
    assert (result.holds, wide.holds) == (True, False)


def test_nothing_to_test_is_no_equivalence():
    for result in (
        proportion_equivalence(0, 0, margin=0.1),
        balanced_equivalence(0, 0, 5, 9, margin=0.1),
        no_equivalence("why", margin=0.1, alpha=0.05, measure="accuracy", method="none"),
    ):
        assert (result.is_defined, result.holds, math.isnan(result.estimate)) == (False, False, True)
        assert result.reason in ("there is no answer", "answers about both classes are needed", "why")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_p(3, 2), "k = 3, n = 2 are not possible"),
        (lambda: exact_p(1, 2, chance=1), "chance = 1 is out of range"),
        (lambda: proportion_equivalence(1, 2, margin=0.5), "margin = 0.5 is out of range"),
        (lambda: proportion_equivalence(1, 2, margin=0.1, alpha=0.5), "alpha = 0.5 is out of range"),
        (lambda: balanced_equivalence(1, 2, -1, 2, margin=0.1), "k = -1, n = 2 are not possible"),
        (lambda: logit_equivalence(1.0, 1, df=1, margin=0.1, measure="", method=""), "a share inside"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
