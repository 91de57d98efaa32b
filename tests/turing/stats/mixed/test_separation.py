"""Separation on examples where it can be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turing.stats.mixed.studies import NAMES, simulated_study
from turing.stats.mixed import fit_logistic
from turing.stats.mixed.layout import check_design
from turing.stats.mixed.separation import find_separation, fit_plain_logistic

X = np.array([-3, -2, -1, 1, 2, 3.0])


def separation_of(y, *columns):
    names = [f"x{position}" for position in range(len(columns))]
    return find_separation(np.array(y, float), check_design(np.column_stack(columns), names, len(y)))


def test_complete():
    found = separation_of([0, 0, 0, 1, 1, 1], np.ones(6), X)

    assert found.complete
    assert "x1" in found.names


def test_quasi_complete_names_the_column():
    """The group of the last three is always right, the other is mixed: the intercept is finite, the slope is not."""
    found = separation_of([0, 1, 0, 1, 1, 1], np.ones(6), [0, 0, 0, 1, 1, 1])

    assert (found.names, found.complete) == (("x1",), False)
    assert str(found).startswith("quasi-complete separation: the likelihood grows without end along x1")


def test_quasi_complete_by_a_tie():
    assert not separation_of([0, 0, 0, 1, 1, 1], np.ones(6), [-3, -2, 1, 1, 2, 3]).complete


def test_overlap():
    assert separation_of([0, 0, 1, 0, 1, 1], np.ones(6), X) is None


def test_interaction_that_separates():
    """No column alone separates; the cell of both does."""
    a, b = np.tile([0, 0, 1, 1], 10), np.tile([0, 1, 0, 1], 10)
    y = np.where(a * b == 1, 1, np.arange(40) // 4 % 2)

    assert separation_of(y, np.ones(40), a, b) is None
    assert separation_of(y, np.ones(40), a, b, a * b).names == ("x3",)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(4, 14))
def test_the_plain_fit_is_finite_exactly_without_separation(seed, n):
    generator = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), generator.integers(0, 3, (n, 2))])
    if np.linalg.matrix_rank(x) < 3:
        return
    y = generator.integers(0, 2, n).astype(float)
    design = check_design(x, ("1", "a", "b"), n)

    assert fit_plain_logistic(y, design.orthogonal).is_finite == (find_separation(y, design) is None)


@pytest.mark.parametrize("right", [0, 1])
def test_a_group_that_is_always_right_or_never_has_no_estimate(right):
    study = simulated_study(31)

    fit = fit_logistic(*study.changed(correct=np.where(study.more == 1, right, study.correct)).logistic, names=NAMES)

    assert fit.reason.startswith("quasi-complete separation: the likelihood grows without end along experiencemore")


def test_one_wrong_answer_is_enough_for_an_estimate():
    study = simulated_study(31, sd_reader=0.3)
    right = np.where(study.more == 1, 1.0, study.correct)
    right[np.flatnonzero(study.more)[5]] = 0

    fit = fit_logistic(*study.changed(correct=right).logistic, names=NAMES)

    assert fit.estimable
    assert fit["experiencemore"].estimate > 3
