"""Learning and fatigue: the models are those of the fitter, and the trend that was put in comes out."""

import math

import numpy as np
import pytest

from turing.stats.mixed import fit_linear, fit_logistic
from turing.stats.time_trend import position_trend, trend_sensitivity
from turing.stats.times import OutlierRules, find_outliers


def session(seed=1, *, n_images=80, n_readers=6, faster=-0.5, same_order=False):
    """Each reader sees the images in an own order; log(t + 1) changes by `faster` per 100 images."""
    generator = np.random.default_rng(seed)
    order = [np.arange(n_images) if same_order else generator.permutation(n_images) for _ in range(n_readers)]
    image, reader = np.concatenate(order), np.repeat(np.arange(n_readers), n_images)
    position = np.tile(np.arange(1, n_images + 1), n_readers)
    logs = 2.5 + faster * position / 100 + generator.normal(0, 0.3, n_images)[image]
    logs = logs + generator.normal(0, 0.3, n_readers)[reader] + generator.normal(0, 0.3, len(image))
    seconds = np.maximum(np.expm1(logs), 0)
    correct = (generator.random(len(image)) < 0.65).astype(float)
    return seconds, correct, position.astype(float), image, reader


def test_models_are_those_of_the_fitter():
    seconds, correct, position, image, reader = session()
    design = np.column_stack([np.ones(len(image)), (position - 1) / 100])
    names = ("(Intercept)", "position")

    trend = position_trend(seconds, correct, position, image, reader)

    expected = fit_linear(np.log(seconds + 1), design, image, reader, names=names)
    assert trend.time["position"].estimate == pytest.approx(expected["position"].estimate, rel=1e-12)
    assert trend.time["position"].df == pytest.approx(expected["position"].df, rel=1e-9)
    assert trend.time_ratio == pytest.approx(math.exp(expected["position"].estimate))
    assert trend.correct["position"] == fit_logistic(correct, design, image, reader, names=names)["position"]


def test_trend_that_was_put_in_comes_out():
    """40 sessions: the mean is within three standard errors of -0.5, and about 95 % of the intervals hold it."""
    found = [position_trend(*session(seed, faster=-0.5)).time["position"] for seed in range(40)]

    estimates = np.array([part.estimate for part in found])
    assert abs(estimates.mean() + 0.5) < 3 * estimates.std(ddof=1) / math.sqrt(40)
    assert sum(part.low < -0.5 < part.high for part in found) >= 34
    assert all(part.p < 0.01 for part in found)


def test_nothing_is_found_where_nothing_was_put_in():
    trends = [position_trend(*session(seed, faster=0)) for seed in range(20)]

    assert sum(trend.time["position"].p < 0.05 for trend in trends) <= 4
    assert sum(trend.time_curved["position squared"].p < 0.05 for trend in trends) <= 4
    assert sum(trend.correct["position"].p < 0.05 for trend in trends) <= 4
    assert trends[0].notes == ()


def test_learning_followed_by_fatigue_shows_in_the_curve():
    seconds, correct, position, image, reader = session(faster=0)
    bent = np.expm1(np.log1p(seconds) + 3 * ((position - 40) / 100) ** 2)

    trend = position_trend(bent, correct, position, image, reader)

    assert trend.time_curved["position squared"].low < 3 < trend.time_curved["position squared"].high


def test_same_order_for_all_is_said():
    trend = position_trend(*session(same_order=True))

    assert trend.notes[0].startswith("All readers saw the images in the same order")


def test_sensitivity_leaves_out_what_is_marked_and_nothing_else():
    seconds, correct, position, image, reader = session()
    seconds[7] = 4000
    outliers = find_outliers(seconds, reader, OutlierRules(max_seconds=600))

    result = trend_sensitivity(seconds, correct, position, image, reader, outliers=outliers)

    kept = np.arange(len(seconds)) != 7
    direct = position_trend(*(part[kept] for part in (seconds, correct, position, image, reader)))
    assert result.with_all.n_answers == result.without_outliers.n_answers + 1
    assert result.without_outliers.time["position"] == direct.time["position"]
    assert result.with_all.time["position"] != direct.time["position"]


def test_without_outliers_there_is_no_second_analysis():
    data = session()
    outliers = find_outliers(data[0], data[4], OutlierRules(max_seconds=1e6))

    assert trend_sensitivity(*data, outliers=outliers).without_outliers is None


def test_answers_without_time_position_or_answer_are_left_out_where_they_must_be():
    seconds, correct, position, image, reader = session()
    seconds[0], correct[1], position[2] = math.nan, math.nan, math.nan

    trend = position_trend(seconds, correct, position, image, reader)

    assert (trend.time.n_answers, trend.correct.n_answers, trend.n_answers) == (478, 478, 479)
    assert trend.notes == ("1 answers have no position and were left out.",)


def test_too_little_says_so():
    trend = position_trend([1.0, 2], [1, 0], [1, 2], ["a", "b"], ["r", "r"])

    assert (trend.time, trend.correct) == (None, None)
    assert trend.time_reason == "there are fewer than 5 answers with a position"
    assert math.isnan(trend.time_ratio)


def test_one_position_says_so():
    trend = position_trend(np.ones(9), np.ones(9), np.ones(9), np.arange(9), np.arange(9))

    assert trend.correct_reason == "fewer than 3 different positions: there is no trend to fit"


def test_one_reader_is_not_estimable_with_the_fitters_reason():
    seconds, correct, position, image, _ = (part[:80] for part in session())

    trend = position_trend(seconds, correct, position, image, np.zeros(80))

    assert "one reader" in trend.correct.reason
    assert trend.correct.estimable is False


def test_positions_count_from_1():
    with pytest.raises(ValueError, match="position 0 is not possible"):
        position_trend([1.0], [1], [0], ["a"], ["r"])
