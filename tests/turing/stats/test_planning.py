"""Plans: against closed formulas where the model has them, and against what a test promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from turing.stats.planning import Assumptions, MonteCarlo, plan_study

NO_SPREAD = Assumptions(sd_reader=0.0, sd_image=0.0)


def plan_one(assumptions, *, readers=6, images=50, n_studies=60, seed=2):
    return plan_study(assumptions, readers=[readers], images=[images], n_studies=n_studies, seed=seed).designs[0]


def test_defaults_are_valid_and_every_number_has_a_monte_carlo_error():
    design = plan_one(Assumptions(), n_studies=20)

    numbers = [value for value in vars(design).values() if isinstance(value, MonteCarlo)]
    assert len(numbers) == 7
    assert all(number.error > 0 and math.isfinite(number.value) for number in numbers)
    assert (design.n_readers, design.n_second_group, design.n_images, design.n_studies) == (6, 3, 50, 20)


def test_without_spread_kappa_is_that_of_independent_answers():
    """Readers right with probability a, as many real as synthetic images: agreement a^2 + (1 - a)^2, by chance 1/2."""
    design = plan_one(replace(NO_SPREAD, odds_ratio=None, accuracy=0.7), n_studies=100)

    assert design.kappa.value == pytest.approx((2 * 0.7 - 1) ** 2, abs=4 * design.kappa.error)


def test_without_spread_the_odds_ratio_is_as_uncertain_as_in_a_table():
    """Half width t(R - 2) x sqrt(sum of 1 / cells) of the two-by-two table, for the mean of s (Student's c4)."""
    design = plan_one(replace(NO_SPREAD, accuracy=0.6, odds_ratio=1.0), readers=12, images=100, n_studies=40)

    of_group = 6 * 100
    se = math.sqrt(2 / (of_group * 0.6) + 2 / (of_group * 0.4))
    c4 = math.sqrt(2 / 10) * math.gamma(11 / 2) / math.gamma(10 / 2)
    assert math.log(design.odds_ratio_factor.value) == pytest.approx(stats.t.ppf(0.975, 10) * se * c4, rel=0.12)


def test_test_of_something_that_is_not_there_errs_as_rarely_as_promised():
    """At most 5 % errors: fewer than 14 of 100 except in one of 2,000 tries (scipy.stats.binom.sf(13, 100, 0.05))."""
    design = plan_one(Assumptions(accuracy=0.5, odds_ratio=1.0), n_studies=100)

    assert design.power_chance.value * 100 < 14
    assert design.power_group.value * 100 < 14


def test_equivalence_is_not_shown_outside_of_the_margin():
    inside = plan_one(replace(NO_SPREAD, margin=0.15), readers=8, images=100, n_studies=30)
    outside = plan_one(
        replace(NO_SPREAD, margin=0.15, accuracy_if_equivalent=0.72), readers=8, images=100, n_studies=30
    )

    assert inside.power_equivalence.value > 0.9
    assert outside.power_equivalence.value < 0.1


def test_more_readers_show_more():
    few, many = (plan_one(Assumptions(), readers=readers, n_studies=40) for readers in (4, 16))

    assert few.accuracy_half_width.value > 2 * many.accuracy_half_width.value
    assert few.power_group.value < many.power_group.value
    assert few.power_chance.value < many.power_chance.value
    assert few.kappa_half_width.value > many.kappa_half_width.value


def test_expected_accuracy_is_what_was_assumed():
    """Of all readers together, also where groups are unequal: the study's shares of right answers by simulation."""
    from turing.stats.planning import _Collected

    settings = Assumptions(accuracy=0.8, odds_ratio=4.0, share_second_group=0.25, sd_reader=0.8, sd_image=1.2)
    collected = _Collected(settings, 8, 40, np.random.default_rng(1))
    shares = np.array([collected._simulate(collected.base, collected.effect).mean(axis=0) for _ in range(600)])

    assert collected.group.sum() == 2
    assert shares.mean() == pytest.approx(0.8, abs=0.01)
    assert shares[:, 6:].mean() > shares[:, :6].mean() + 0.1


def test_a_size_gives_the_same_numbers_in_any_grid():
    alone = plan_study(Assumptions(), readers=[4], images=[30], n_studies=20, seed=5)
    among = plan_study(Assumptions(), readers=[5, 4], images=[20, 30], n_studies=20, seed=5)

    assert [(design.n_readers, design.n_images) for design in among.designs] == [(5, 20), (4, 20), (5, 30), (4, 30)]
    assert among.designs[3] == alone.designs[0]
    assert plan_study(Assumptions(), readers=[4], images=[30], n_studies=20, seed=6).designs != alone.designs


def test_progress_counts_studies_and_abort_keeps_whole_sizes():
    steps = []
    calls = iter([False] * 45 + [True])

    plan = plan_study(
        Assumptions(), readers=[4, 5, 6], images=[20], n_studies=20,
        progress=lambda *step: steps.append(step), abort=lambda: next(calls),
    )  # fmt: skip

    assert steps == [(done, 60) for done in range(1, 46)]
    assert [design.n_readers for design in plan.designs] == [4, 5]
    assert not plan.is_complete


def test_two_readers_in_two_groups_show_nothing_but_agreement():
    design = plan_one(Assumptions(), readers=2)

    assert design.reason.startswith("two readers in two groups")
    assert math.isnan(design.power_group.value)
    assert math.isnan(design.power_chance.value)
    assert math.isnan(design.odds_ratio_factor.value)
    assert math.isfinite(design.kappa_half_width.value)


def test_one_group_has_no_comparison():
    design = plan_one(Assumptions(odds_ratio=None))

    assert design.n_second_group == 0
    assert math.isnan(design.power_group.value)
    assert math.isfinite(design.power_chance.value)


def test_studies_without_a_fit_are_counted():
    """Nearly always right: many a study has no wrong answer in one group."""
    design = plan_one(Assumptions(accuracy=0.98), readers=4, images=10)

    assert 0 < design.n_not_estimable < 60


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"accuracy": 1.0}, "accuracy = 1.0 is out of range: it must lie between 0 and 1"),
        ({"odds_ratio": 0.0}, "odds_ratio = 0.0"),
        ({"sd_reader": -0.1}, "sd_reader = -0.1 is out of range: 0 to 5"),
        ({"sd_image": math.nan}, "sd_image = nan"),
        ({"margin": 0.5}, "margin = 0.5"),
        ({"confidence": 0.4}, "confidence = 0.4 is out of range: it must lie between 0.5 and 1"),
    ],
)
def test_impossible_assumptions_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Assumptions(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"readers": []}, "readers is empty"),
        ({"readers": [1]}, "readers = 1: whole numbers from 2"),
        ({"images": [10.5]}, "images = 10.5"),
        ({"readers": [1000], "images": [1000]}, "1,000,000 answers: at most 500,000"),
        ({"n_studies": 19}, "n_studies = 19"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_impossible_sizes_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        plan_study(Assumptions(), **values)
