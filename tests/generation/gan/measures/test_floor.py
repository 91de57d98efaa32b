"""Halves share no patient and have one size; the floor of one distribution is what the measure gives it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.gan.measures.floor import measure_floor, split_by_patient
from generation.gan.measures.frechet import frechet_distance


@settings(max_examples=50, deadline=None)
@given(
    patients=st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda names: len(set(names)) > 1),
    n_synthetic=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_halves_are_disjoint_by_patient_and_of_one_size(patients, n_synthetic, seed):
    names = np.array([f"P{name}" for name in patients])
    found = split_by_patient(names, n_synthetic=n_synthetic, splits=3, seed=seed)
    assert len({len(halves.first) for halves in found}) == 1
    for halves in found:
        first, second = set(names[halves.first]), set(names[halves.second])
        assert not first & second
        assert len(halves.first) == len(halves.second) == len(halves.synthetic) >= 1
        for positions in (halves.first, halves.second, halves.synthetic):
            assert len(set(positions.tolist())) == len(positions)
        assert halves.synthetic.max() < n_synthetic


def test_images_without_a_patient_are_patients_of_their_own():
    (halves,) = split_by_patient([""] * 10, n_synthetic=99, splits=1)
    assert len(halves.first) == 5
    assert not set(halves.first) & set(halves.second)


def test_halves_are_as_large_as_patients_allow():
    (halves,) = split_by_patient(["a"] * 5 + ["b"] * 3 + ["c"] * 2, n_synthetic=99, splits=1)
    assert len(halves.first) >= 4


def test_one_patient_cannot_be_cut():
    with pytest.raises(ValueError, match="one patient"):
        split_by_patient(["a", "a"], n_synthetic=9, splits=1)


def test_the_seed_decides():
    names = [str(i // 2) for i in range(40)]
    one, again, other = (
        split_by_patient(names, n_synthetic=40, splits=1, seed=seed)[0].first.tolist() for seed in (1, 1, 2)
    )
    assert one == again != other


def test_both_numbers_are_of_the_same_images_and_n():
    random = np.random.default_rng(0)
    real, synthetic = random.normal(size=(60, 3)), random.normal(size=(25, 3)) + 2.0
    halves = split_by_patient([""] * 60, n_synthetic=25, splits=4)

    def measure(one, two):
        return frechet_distance(one, two).value

    found = measure_floor(measure, real=real, synthetic=synthetic, halves=halves)

    assert (found.n, found.splits) == (25, 4)
    expected = [measure(real[half.first], real[half.second]) for half in halves]
    assert found.floor == pytest.approx(np.mean(expected))
    assert (found.floor_low, found.floor_high) == (min(expected), max(expected))
    assert found.synthetic > 5 * found.floor
