"""d' and criterion: published values, identities, and the spread they claim, by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from turing.stats.signal_detection import mean_signal_detection, signal_detection

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_published_example():
    """Macmillan and Creelman 2005, chapter 1: hits 20 of 25, false alarms 10 of 25: d' = 1.095 without correction;
    with the log-linear one H = 20.5/26, F = 10.5/26, from tables of the normal quantile 0.8012 and -0.2430."""
    result = signal_detection(20, 25, 10, 25)

    assert (result.hit_rate, result.false_alarm_rate) == (20.5 / 26, 10.5 / 26)
    assert result.d_prime.estimate == pytest.approx(0.8012 + 0.2430, abs=6e-4)
    assert result.criterion.estimate == pytest.approx(-(0.8012 - 0.2430) / 2, abs=3e-4)


@given(counts, counts)
def test_the_other_class_as_signal_keeps_d_prime_and_turns_the_criterion(signal, noise):
    """Said "synthetic" becomes said "real": hits are then real images called real."""
    (hits, n_signal), (false_alarms, n_noise) = signal, noise

    result = signal_detection(hits, n_signal, false_alarms, n_noise)
    turned = signal_detection(n_noise - false_alarms, n_noise, n_signal - hits, n_signal)

    assert turned.d_prime.estimate == pytest.approx(result.d_prime.estimate, abs=1e-9)
    assert turned.criterion.estimate == pytest.approx(-result.criterion.estimate, abs=1e-9)
    assert turned.d_prime.se == pytest.approx(result.d_prime.se, rel=1e-9)


@given(counts, counts)
def test_wrong_answers_for_right_ones_turn_d_prime(signal, noise):
    (hits, n_signal), (false_alarms, n_noise) = signal, noise

    result = signal_detection(hits, n_signal, false_alarms, n_noise)
    turned = signal_detection(n_signal - hits, n_signal, n_noise - false_alarms, n_noise)

    assert turned.d_prime.estimate == pytest.approx(-result.d_prime.estimate, abs=1e-9)
    assert result.d_prime.low <= result.d_prime.estimate <= result.d_prime.high
    assert result.criterion.low <= result.criterion.estimate <= result.criterion.high


@pytest.mark.parametrize(("d_prime", "criterion"), [(0.0, 0.0), (1.2, 0.4), (2.0, -0.5)])
def test_a_normal_observer_is_found_with_the_spread_that_is_claimed(d_prime, criterion):
    """4,000 readers of 100 + 100 images with this d' and criterion: bias, standard error and coverage."""
    generator = np.random.default_rng(11)
    hits = generator.binomial(100, special.ndtr(d_prime / 2 - criterion), 4000)
    false_alarms = generator.binomial(100, special.ndtr(-d_prime / 2 - criterion), 4000)

    results = [signal_detection(int(h), 100, int(f), 100) for h, f in zip(hits, false_alarms, strict=True)]

    for name, true in (("d_prime", d_prime), ("criterion", criterion)):
        found = [getattr(result, name) for result in results]
        assert np.mean([one.estimate for one in found]) == pytest.approx(true, abs=0.03)
        assert np.std([one.estimate for one in found]) == pytest.approx(np.mean([one.se for one in found]), rel=0.06)
        assert 0.935 < np.mean([one.low <= true <= one.high for one in found]) < 0.97


def test_everything_right_is_finite():
    result = signal_detection(50, 50, 0, 50)

    assert result.d_prime.estimate == pytest.approx(2 * special.ndtri(50.5 / 51))
    assert math.isfinite(result.d_prime.high)


def test_pairs_have_the_d_prime_of_single_images():
    """A reader of single images with d' = 1 chooses rightly in Phi(1 / sqrt 2) of pairs; 40,000 pairs."""
    generator = np.random.default_rng(12)
    chosen_rightly = generator.random(40_000) < special.ndtr(1 / math.sqrt(2))
    left = chosen_rightly[:20_000].sum(), (~chosen_rightly[20_000:]).sum()

    result = signal_detection(int(left[0]), 20_000, int(left[1]), 20_000, pairs=True)

    assert result.d_prime.estimate == pytest.approx(1, abs=0.04)
    assert result.criterion.estimate == pytest.approx(0, abs=0.02)


def test_mean_of_readers_with_students_interval():
    readers = [signal_detection(hits, 100, 40, 100) for hits in (50, 60, 75)]

    result = mean_signal_detection(readers)

    values = np.array([reader.d_prime.estimate for reader in readers])
    half = special.stdtrit(2, 0.975) * values.std(ddof=1) / math.sqrt(3)
    assert result.d_prime.estimate == pytest.approx(values.mean())
    assert (result.d_prime.low, result.d_prime.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert (result.n_signal, result.n_noise, result.reason) == (300, 300, "")


def test_pooling_readers_of_different_criteria_would_lower_d_prime():
    lax, strict = signal_detection(90, 100, 60, 100), signal_detection(40, 100, 10, 100)
    pooled = signal_detection(130, 200, 70, 200)

    assert mean_signal_detection([lax, strict]).d_prime.estimate > pooled.d_prime.estimate + 0.2


def test_undefined_says_why():
    nothing = signal_detection(0, 0, 3, 5)

    assert (nothing.is_defined, nothing.reason) == (False, "answers about both classes are needed")
    assert mean_signal_detection([nothing]).reason == "no reader has answers about both classes"
    alone = mean_signal_detection([nothing, signal_detection(3, 5, 1, 5)])
    assert alone.reason == "one reader alone gives no interval over readers"
    assert math.isnan(alone.d_prime.low)


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="k = 3, n = 2 are not possible"):
        signal_detection(3, 2, 0, 1)
    with pytest.raises(ValueError, match="confidence = 2 is out of range"):
        signal_detection(1, 2, 0, 1, confidence=2)
