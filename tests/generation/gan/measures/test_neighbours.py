"""Against scipy's distances, over the edges of blocks."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from generation.gan.measures import neighbours
from generation.gan.measures.neighbours import find_nearest, neighbour_radii


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 7)
    monkeypatch.setattr(neighbours, "COLUMNS", 11)


def rows(n: int, seed: int, d: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


class TestNearest:
    @pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 11), (8, 12), (30, 25), (20, 60)])
    def test_is_scipys(self, n, m):
        one, two = rows(n, 0), rows(m, 1)
        expected = cdist(one, two)

        found = find_nearest(one, two)

        assert found.index.tolist() == expected.argmin(axis=1).tolist()
        assert np.allclose(found.distance, expected.min(axis=1), rtol=1e-6)

    def test_a_copy_is_at_exactly_zero(self):
        one, two = 1000 + rows(20, 0), 1000 + rows(30, 1)
        two[17] = one[4]

        found = find_nearest(one, two)

        assert found.index[4] == 17
        assert found.distance[4] == 0.0

    def test_own_group_is_left_out(self):
        one = rows(30, 0)
        groups = np.arange(30) // 3
        expected = cdist(one, one)
        expected[groups[:, None] == groups[None, :]] = np.inf

        found = find_nearest(one, one, query_groups=groups, groups=groups)

        assert found.index.tolist() == expected.argmin(axis=1).tolist()

    def test_a_query_with_nobody_left_is_infinitely_far(self):
        found = find_nearest(rows(2, 0), rows(9, 1), query_groups=["a", "b"], groups=["a"] * 9)

        assert found.index[0] == -1
        assert np.isinf(found.distance[0])
        assert np.isfinite(found.distance[1])

    def test_widths_must_agree(self):
        with pytest.raises(ValueError, match="one d"):
            find_nearest(rows(2, 0, d=3), rows(2, 0, d=4))


class TestRadii:
    @pytest.mark.parametrize("k", [1, 3, 10])
    def test_is_the_kth_of_the_others(self, k):
        points = rows(25, 3)
        expected = np.sort(cdist(points, points), axis=1)[:, k]

        assert np.allclose(np.sqrt(neighbour_radii(points, neighbours=k)), expected, rtol=1e-5)

    def test_too_few_images_are_refused(self):
        with pytest.raises(ValueError, match="3 images have no 3 neighbours"):
            neighbour_radii(rows(3, 0), neighbours=3)
