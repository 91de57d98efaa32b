"""Spearman's rho against scipy and by hand, its interval against simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from classification.cnn.measures.correlation import rank_correlation
from classification.cnn.measures.estimates import Draws

FEW = Draws(n=200)


def test_ties_have_mid_ranks():
    """By hand: ranks 1 2 3 4 and 1.5 1.5 3 4 have sqrt(0.9); R: cor(1:4, c(0, 0, 1, 2), method = "spearman")."""
    assert rank_correlation([0.1, 0.2, 0.3, 0.4], [0, 0, 0.5, 1], draws=FEW).value == pytest.approx(math.sqrt(0.9))


def test_value_is_that_of_scipy():
    draw = np.random.default_rng(4)
    x = draw.random(60)
    y = np.round(x + draw.normal(0, 0.5, 60), 1)

    found = rank_correlation(x, y, draws=FEW)

    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert found.low < found.value < found.high
    assert (found.n, found.method) == (60, "bootstrap by patient, 200 draws")


def test_the_interval_is_about_that_of_bonett_and_wright_where_theirs_holds():
    """Normal data without ties, n = 400: tanh(atanh(rho) -+ 1.96 sqrt((1 + rho^2 / 2) / (n - 3)))."""
    draw = np.random.default_rng(8)
    x = draw.normal(size=400)
    y = 0.5 * x + draw.normal(size=400)

    found = rank_correlation(x, y, draws=Draws(n=1000))

    half = stats.norm.ppf(0.975) * math.sqrt((1 + found.value**2 / 2) / 397)
    expected = np.tanh(math.atanh(found.value) + np.array([-half, half]))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03)


def test_images_of_a_patient_are_drawn_together():
    """Each image four times over, as one patient: the interval stays that of the patients."""
    draw = np.random.default_rng(2)
    x, y = draw.random(30), draw.random(30)
    once = rank_correlation(x, y, draws=FEW)

    four = rank_correlation(np.repeat(x, 4), np.repeat(y, 4), patients=[f"p{i // 4}" for i in range(120)], draws=FEW)
    apart = rank_correlation(np.repeat(x, 4), np.repeat(y, 4), draws=FEW)

    assert four.high - four.low == pytest.approx(once.high - once.low, rel=0.25)
    assert apart.high - apart.low < 0.7 * (four.high - four.low)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 2], [1, 2], "2 images; at least 3 are needed"),
        ([1, 2, 3], [5, 5, 5], "one of the two is the same for all images"),
    ],
)
def test_without_a_value_there_is_a_reason(x, y, reason):
    found = rank_correlation(x, y, draws=FEW)

    assert (found.is_defined, found.reason) == (False, reason)


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="one of each per image"):
        rank_correlation([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="finite"):
        rank_correlation([1, 2, math.nan], [1, 2, 3])
