"""Clustered areas: DeLong's where clusters have one image, and Obuchowski's formula written out in plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turing.stats.graded import (
    clustered_area,
    clustered_covariance,
    compare_clustered_areas,
    compare_paired_areas,
    delong_covariance,
)
from turing.stats.roc import roc_area


def ratings(seed, n, curves):
    return np.random.default_rng(seed).integers(0, 8, (n, curves)).astype(float)


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(2, 9))
@settings(deadline=None, max_examples=40)
def test_with_one_image_each_it_is_delong(seed, m, n):
    cases, controls = ratings(seed, m, 2), ratings(seed + 1, n, 2)

    areas, covariance = clustered_covariance(cases, controls, np.arange(m), m + np.arange(n))

    expected = delong_covariance(cases, controls)
    assert areas == pytest.approx(expected[0], abs=1e-14)
    assert covariance == pytest.approx(expected[1], abs=1e-13)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_it_is_the_formula_in_plain_loops(seed):
    """Obuchowski 1997: sums of placements per cluster, a cluster may hold images of both kinds."""
    generator = np.random.default_rng(seed)
    cases, controls = ratings(seed, 9, 2), ratings(seed + 1, 12, 2)
    of_cases = np.r_[0, 1, generator.integers(0, 6, 7)]
    of_controls = np.r_[0, 5, generator.integers(0, 6, 10)]

    areas, covariance = clustered_covariance(cases, controls, of_cases, of_controls)

    def wins(x, y):
        return 1.0 if x > y else 0.5 if x == y else 0.0

    m, n = len(cases), len(controls)
    v10 = [[sum(wins(cases[i, c], y) for y in controls[:, c]) / n for i in range(m)] for c in range(2)]
    v01 = [[sum(wins(x, controls[j, c]) for x in cases[:, c]) / m for j in range(n)] for c in range(2)]
    theta = [sum(values) / m for values in v10]
    clusters = sorted({*of_cases, *of_controls})
    a = {k: [sum(v10[c][i] - theta[c] for i in range(m) if of_cases[i] == k) for c in range(2)] for k in clusters}
    b = {k: [sum(v01[c][j] - theta[c] for j in range(n) if of_controls[j] == k) for c in range(2)] for k in clusters}
    i10, i01, i_all = len(set(of_cases)), len(set(of_controls)), len(clusters)
    for s in range(2):
        for t in range(2):
            s10 = i10 / ((i10 - 1) * m) * sum(a[k][s] * a[k][t] for k in clusters)
            s01 = i01 / ((i01 - 1) * n) * sum(b[k][s] * b[k][t] for k in clusters)
            s11 = i_all / (i_all - 1) * sum(a[k][s] * b[k][t] + a[k][t] * b[k][s] for k in clusters)
            assert covariance[s, t] == pytest.approx(s10 / m + s01 / n + s11 / (m * n), abs=1e-13)
    assert areas == pytest.approx(theta, abs=1e-14)


def test_copies_of_an_image_add_nothing():
    """Each image four times in a cluster of its own: the standard error of one copy, where DeLong's is half of it."""
    cases, controls = ratings(0, 40, 1)[:, 0] + 1, ratings(1, 50, 1)[:, 0]
    once = roc_area(cases, controls)

    many = clustered_area(
        np.repeat(cases, 4), np.repeat(controls, 4), np.repeat(np.arange(40), 4), np.repeat(40 + np.arange(50), 4)
    )

    assert (many.auc, many.se) == pytest.approx((once.auc, once.se), abs=1e-14)
    assert roc_area(np.repeat(cases, 4), np.repeat(controls, 4)).se == pytest.approx(once.se / 2, rel=0.02)


def test_comparison_with_one_image_each_is_the_paired_one():
    (first, other), (low, low_other) = ratings(3, 30, 2).T, ratings(4, 25, 2).T

    found = compare_clustered_areas(first + 1, low, other, low_other, np.arange(30), 30 + np.arange(25))

    expected = compare_paired_areas(first + 1, low, other, low_other)
    assert (found.statistic, found.p, found.low) == pytest.approx((expected.statistic, expected.p, expected.low))


def test_coverage_with_correlated_images():
    """Four images of a patient share most of their rating; the 95 % interval must hold the truth about as often."""
    generator = np.random.default_rng(7)
    inside = {"clustered": 0, "delong": 0}
    codes = np.repeat(np.arange(100), 4)
    truth = 0.7602  # Phi(1 / sqrt(2)): the variance of a rating is 0.9^2 + 0.436^2 = 1
    for _ in range(300):
        own = np.repeat(generator.normal(size=(100, 2)), 4, axis=0) * 0.9
        values = own + 0.436 * generator.normal(size=(400, 2))
        cases, controls = values[:, 0] + 1, values[:, 1]
        found = clustered_area(cases, controls, codes, 100 + codes)
        plain = roc_area(cases, controls)
        inside["clustered"] += found.low <= truth <= found.high
        inside["delong"] += plain.low <= truth <= plain.high

    assert 0.92 < inside["clustered"] / 300 < 0.98
    assert inside["delong"] / 300 < 0.8


def test_what_cannot_be_said():
    single = clustered_area([3.0, 4.0], [1.0, 2.0], [0, 0], [1, 2])

    assert single.auc == 1
    assert math.isnan(single.se)
    assert "one patient" in single.reason
    assert "both kinds" in clustered_area([], [1.0], [], [0]).reason
    with pytest.raises(ValueError, match="one cluster per image"):
        clustered_covariance(ratings(0, 3, 1), ratings(1, 3, 1), [0, 1], [2, 3, 4])
    with pytest.raises(ValueError, match="at least two of each needed"):
        clustered_covariance(ratings(0, 3, 1), ratings(1, 3, 1), [0, 0, 0], [2, 3, 4])
