"""Numbers in words."""

import math

import pytest

from classification.cnn.measures.comparison import AucComparison
from classification.cnn.measures.estimates import Estimate, undefined
from classification.wording import (
    decimal,
    difference_in_words,
    estimate_in_words,
    estimate_with_level,
    listed,
    p_in_words,
    signed,
)


def comparison(**changes) -> AucComparison:
    values = {
        "first": 0.8, "second": 0.75, "difference": 0.05, "se": 0.02, "low": -0.01, "high": 0.11, "statistic": 2.5,
        "df": math.inf, "p": 0.1, "method": "DeLong", "confidence": 0.95,
    }  # fmt: skip
    return AucComparison(**{**values, **changes})


@pytest.mark.parametrize(
    ("value", "words"), [(0.0124, "+0.012"), (-0.0031, "−0.003"), (0.0001, "0.000"), (-0.0001, "0.000"), (0.0, "0.000")]
)
def test_a_difference_has_its_sign(value, words):
    assert signed(value) == words


@pytest.mark.parametrize(("p", "words"), [(0.0421, "p = 0.042"), (0.0004, "p < 0.001"), (1.0, "p = 1.000")])
def test_p(p, words):
    assert p_in_words(p) == words


def test_an_interval_stands_behind_its_value():
    one = Estimate(name="AUC", title="AUC", value=0.8731, low=0.81, high=0.9213, confidence=0.9)

    assert estimate_in_words(one) == "0.873 (0.810 to 0.921)"
    assert estimate_with_level(one) == "0.873 (90 % CI 0.810 to 0.921)"
    assert difference_in_words(comparison()) == "+0.050 (−0.010 to +0.110)"


def test_what_there_is_not_is_said():
    nothing = undefined("AUC", "AUC", "no image is normal", 0.95)

    assert estimate_in_words(nothing) == estimate_with_level(nothing) == "none: no image is normal"
    assert difference_in_words(comparison(difference=math.nan, reason="no cases")) == "none: no cases"
    assert difference_in_words(comparison(low=math.nan)) == "+0.050"
    assert (decimal(None), decimal(math.nan), decimal(0.5), decimal(-0.5)) == ("–", "–", "0.500", "−0.500")


def test_names_in_a_sentence():
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
