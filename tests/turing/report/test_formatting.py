import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.report import formatting as f
from turing.stats.accuracy import clopper_pearson

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)


@pytest.mark.parametrize(
    ("value", "digits", "printed"),
    [
        (0.104, 2, "0.10"),
        (-0.104, 2, "−0.10"),
        (-0.001, 2, "0.00"),
        (-0.0, 1, "0.0"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "−∞"),
        (math.nan, 2, "not estimable"),
    ],
)
def test_numbers_have_a_real_minus_sign_and_no_negative_zero(value, digits, printed):
    assert f.number(value, digits) == printed


@given(NUMBERS, st.integers(0, 4))
def test_a_printed_number_reads_back_within_rounding(value, digits):
    text = f.number(value, digits)

    assert "-" not in text
    assert float(text.replace(f.MINUS, "-")) == pytest.approx(value, abs=0.5000001 * 10**-digits)
    assert not (text.startswith(f.MINUS) and float(text[1:]) == 0)


@pytest.mark.parametrize(
    ("low", "high", "printed"),
    [
        (0.07, 0.14, "0.07–0.14"),
        (-0.03, 0.12, "−0.03\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.12"),
        (-0.001, 0.12, "0.00–0.12"),
        (2.0, math.inf, "2.00–∞"),
        (math.nan, 1, "not estimable"),
    ],
)
def test_intervals(low, high, printed):
    assert f.interval(low, high) == printed


@pytest.mark.parametrize(
    ("p", "printed"),
    [
        (0.0004, "<\N{NO-BREAK SPACE}0.001"),
        (0.001, "0.001"),
        (0.0316, "0.032"),
        (0.9995, ">\N{NO-BREAK SPACE}0.999"),
        (math.nan, "not estimable"),
    ],
)
def test_p_values(p, printed):
    assert f.p_value(p) == printed


@given(st.floats(0, 1))
def test_p_is_never_printed_as_0_or_1(p):
    assert f.p_value(p) not in ("0.000", "1.000")


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (8.594, "8.59"),
        (14.84, "14.8"),
        (961.2, "961"),
        (0.0561, "0.056"),
        (3.2e7, "3.2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁷"),
        (4e-5, "4.0\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁵"),
        (math.inf, "∞"),
    ],
)
def test_ratios_have_about_three_digits(value, printed):
    assert f.ratio(value) == printed


def test_a_share_as_table_1_of_jang_2023_prints_it():
    # R01 of table 1: 46 of 100 after the decimal point is 46.00 (38.95-53.17) in the paper, with one decimal more
    assert f.proportion(clopper_pearson(92, 200), 2) == "46.00 (38.95–53.17)"
    assert f.proportion(clopper_pearson(0, 0)) == "no answers"


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=2, max_size=5))
def test_lists_in_words(words):
    assert f.listed(words).count(" and ") >= 1
    assert f.listed(words[:1]) == words[0]
