"""Comparison of two studies: published examples, scipy, and identities."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turing.stats.agreement import fleiss_kappa
from turing.stats.comparison import (
    adjust_benjamini_hochberg,
    adjust_holm,
    difference_between_readers,
    difference_of_kappas,
    difference_of_shares,
    mcnemar,
    paired_shares,
    wilson,
)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((48, 80, 56, 70), 0.0524, 0.3339), ((3, 10, 9, 10), 0.1705, 0.8090), ((2, 7, 6, 7), 0.0582, 0.8062),
     ((0, 29, 5, 56), -0.0381, 0.1926), ((0, 20, 0, 10), -0.1611, 0.2775), ((0, 10, 10, 10), 0.6075, 1.0)],
)  # fmt: skip
def test_newcombes_examples(counts, low, high):
    """Newcombe 1998 (Stat Med 17:873-890), table II, method 10; our difference is second - first."""
    result = difference_of_shares(*counts)

    assert (result.low, result.high) == pytest.approx((low, high), abs=5.1e-5)
    assert result.p == pytest.approx(
        stats.fisher_exact([[counts[0], counts[1] - counts[0]], [counts[2], counts[3] - counts[2]]]).pvalue
    )


@given(st.integers(1, 60), st.data())
def test_wilson_is_that_of_scipy(n, data):
    k = data.draw(st.integers(0, n))
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")

    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_exchanging_the_studies_changes_the_sign(n1, n2, data):
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    forth, back = difference_of_shares(k1, n1, k2, n2), difference_of_shares(k2, n2, k1, n1)

    assert (forth.difference, forth.low, forth.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert forth.low <= forth.difference <= forth.high
    assert -1 - 1e-12 <= forth.low <= forth.high <= 1 + 1e-12


def test_mcnemar_published_example():
    """Fagerland et al. 2013, airway hyper-responsiveness (1 and 7 discordant): exact 0.070, mid-p 0.039."""
    assert mcnemar(1, 7) == pytest.approx((0.0703125, 0.0390625))


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(b, c):
    exact, mid = mcnemar(b, c)

    assert exact == pytest.approx(stats.binomtest(b, b + c).pvalue if b + c else 1, abs=1e-12)
    assert mid <= exact
    assert mcnemar(c, b) == (exact, mid)


@given(st.integers(0, 10_000))
def test_paired_difference_turns_with_the_tests_and_holds_the_estimate(seed):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 2, 25).astype(float), generator.integers(0, 2, 25).astype(float)
    first[0] = math.nan

    forth, back = paired_shares(first, second), paired_shares(second, first)

    assert forth.n == 24
    assert (forth.first_only, forth.second_only) == (back.second_only, back.first_only)
    assert (forth.difference.low, forth.difference.high) == pytest.approx((-back.difference.high, -back.difference.low))
    assert forth.difference.low <= forth.difference.difference <= forth.difference.high
    assert forth.difference.p == forth.p_mid


def test_paired_interval_without_correlation_is_that_of_independent_shares():
    """Newcombe's paired method with phi = 0 is his unpaired one."""
    first, second = np.repeat([1, 1, 0, 0], 10), np.tile([1, 0], 20)

    paired, unpaired = paired_shares(first, second).difference, difference_of_shares(20, 40, 20, 40)

    assert (paired.low, paired.high) == pytest.approx((unpaired.low, unpaired.high))


def test_paired_interval_keeps_its_promise():
    """2,000 pairs of tests of 50 images; second right more often by 0.2 exactly, answers correlated."""
    generator, hits = np.random.default_rng(4), 0
    for _ in range(2000):
        normal = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 50)
        first, second = (normal < stats.norm.ppf([0.5, 0.7])).T.astype(float)
        result = paired_shares(first, second).difference
        hits += result.low <= 0.2 <= result.high

    assert 0.935 <= hits / 2000 <= 0.975


@given(st.integers(0, 10_000), st.booleans())
def test_readers_are_compared_by_t(seed, same):
    generator = np.random.default_rng(seed)
    first, second = generator.random(6), generator.random(6 if same else 8)
    expected = stats.ttest_rel(second, first) if same else stats.ttest_ind(second, first, equal_var=False)
    interval = expected.confidence_interval()

    result = difference_between_readers(first, second, same_readers=same)

    assert result.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), abs=1e-10)


def test_a_single_reader_has_a_difference_without_interval():
    result = difference_between_readers([0.5], [0.7], same_readers=True)

    assert result.difference == pytest.approx(0.2)
    assert (result.has_interval, result.reason) == (False, "a single reader does not show how readers differ")


def drawn(seed, n=30, m=4):
    generator = np.random.default_rng(seed)
    return (generator.random((n, 1)) * 0.6 + 0.2 > generator.random((n, m))).astype(int)


@given(st.integers(0, 1000))
def test_kappas_of_other_images_have_independent_errors(seed):
    one, two = drawn(seed), drawn(seed + 1, n=20, m=5)
    kappas = [fleiss_kappa(table) for table in (one, two)]

    result = difference_of_kappas(one, two, same_images=False)

    assert result.difference == pytest.approx(kappas[1].kappa - kappas[0].kappa)
    assert result.se**2 == pytest.approx(kappas[0].se_gwet ** 2 + kappas[1].se_gwet ** 2)


@given(st.integers(0, 1000))
def test_kappas_of_the_same_images_are_jackknifed_together(seed):
    one, two = drawn(seed, n=12), drawn(seed + 1, n=12, m=3)
    rest = [
        fleiss_kappa(np.delete(two, i, axis=0)).kappa - fleiss_kappa(np.delete(one, i, axis=0)).kappa for i in range(12)
    ]

    result = difference_of_kappas(one, two, same_images=True)

    if result.has_interval:
        assert result.se**2 == pytest.approx(11 * np.var(rest), abs=1e-12)


def test_answers_that_are_equal_in_both_tests_leave_no_difference():
    one = drawn(1)
    result = difference_of_kappas(one, one, same_images=True)

    assert (result.difference, result.has_interval) == (0, False)
    assert result.reason.startswith("the difference has no standard error")


def test_undefined_kappa_says_in_which_study():
    result = difference_of_kappas(drawn(1), np.ones((5, 3), int), same_images=False)

    assert result.reason.startswith("second study: all answers are equal")


def test_benjamini_and_hochberg_by_hand():
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "BH") = 0.02 0.04 0.04 0.02."""
    assert adjust_benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.02, 0.04, 0.04, 0.02))
    assert adjust_benjamini_hochberg([0.01, math.nan, 0.04])[::2] == pytest.approx((0.02, 0.04))
    assert adjust_benjamini_hochberg([]) == ()


def test_holm_by_hand():
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02."""
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert adjust_holm([0.01, math.nan, 0.04])[::2] == pytest.approx((0.02, 0.04))
    assert adjust_holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_what_the_closed_test_of_bonferroni_rejects(p):
    adjusted = adjust_holm(p)
    for which, value in enumerate(p):
        families = [
            subset for size in range(1, len(p) + 1) for subset in itertools.combinations(range(len(p)), size)
            if which in subset
        ]  # fmt: skip
        expected = max(min(1.0, len(subset) * min(p[i] for i in subset)) for subset in families)
        assert adjusted[which] == pytest.approx(expected)
        assert adjusted[which] >= value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: difference_of_shares(5, 4, 1, 2), "Counts k = 5, n = 4"),
        (lambda: mcnemar(-1, 2), "Counts -1 and 2"),
        (lambda: paired_shares([1], [1, 0]), "one of each per question"),
        (lambda: paired_shares([2], [1]), r"1 \(right\), 0 \(wrong\)"),
        (lambda: difference_between_readers([1], [1, 2], same_readers=True), "the same readers must be given"),
        (lambda: difference_of_kappas([[0, 1]], [[0, 1]] * 2, same_images=True), "the same images must be given"),
        (lambda: adjust_benjamini_hochberg([1.2]), "p values must lie between 0 and 1"),
        (lambda: adjust_holm([1.2]), "p values must lie between 0 and 1"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_answers_say_so():
    assert difference_of_shares(0, 0, 1, 2).reason == "one of the two has no answers"
    assert paired_shares([math.nan], [1]).difference.reason == "no question was answered in both tests"
    assert difference_between_readers([], [1], same_readers=False).reason.startswith("there are no readers")
