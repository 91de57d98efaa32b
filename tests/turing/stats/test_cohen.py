"""Cohen's kappa of every pair of readers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from turing.stats.agreement import MISSING
from turing.stats.cohen import pairwise_kappa
from turing.stats.retest import cohen_kappa

tables = hnp.arrays(int, st.tuples(st.integers(1, 12), st.integers(0, 5)), elements=st.integers(-1, 1))


@given(tables)
def test_every_pair_once_and_the_matrix_is_symmetric(ratings):
    n_readers = ratings.shape[1]

    result = pairwise_kappa(ratings)

    assert len(result.pairs) == n_readers * (n_readers - 1) // 2
    matrix = result.matrix
    assert matrix.shape == (n_readers, n_readers)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.isnan(np.diag(matrix)).all()
    for one, other, kappa in result.pairs:
        assert kappa.kappa == pytest.approx(cohen_kappa(ratings[:, other], ratings[:, one]).kappa, nan_ok=True)


def test_published_example():
    """Cohen 1960 by way of Wikipedia's "Cohen's kappa": 50 grants, both yes 20, both no 15, 5 and 10 apart: 0.4."""
    ratings = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 5, 10, 15], axis=0)

    result = pairwise_kappa(ratings)

    assert result.matrix[0, 1] == pytest.approx(0.4)
    assert result.mean == pytest.approx(0.4)


def test_a_pair_is_about_the_images_that_both_answered():
    ratings = [[0, 0, 1], [1, 1, MISSING], [1, 0, MISSING], [0, 0, 1]]

    result = pairwise_kappa(ratings)

    (_, _, first), (_, _, second), _ = result.pairs
    assert (first.n_used, second.n_used) == (4, 2)
    assert second.kappa == 0
    assert result.mean == pytest.approx((first.kappa + 0 + 0) / 3)


def test_no_pair_has_no_mean():
    assert math.isnan(pairwise_kappa([[0], [1]]).mean)
