"""Splits on random data: no patient in two, every class near its share, the same for the same seed."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.splitting import assign_splits

KONG = {"train": 0.7, "tune": 0.1, "test": 0.2}


@st.composite
def image_sets(draw):
    """Labels and patients: up to 5 images a patient, patients with images of several classes."""
    patients, labels = [], []
    for number in range(draw(st.integers(1, 80))):
        for _ in range(draw(st.integers(1, 5))):
            patients.append(f"p{number}")
            labels.append(draw(st.sampled_from(["normal", "pneumonia", "rare"])))
    return labels, patients


@given(image_sets(), st.integers(0, 2**32), st.tuples(*[st.integers(0, 5)] * 3).filter(any))
@settings(max_examples=150, deadline=None)
def test_no_patient_is_in_two_splits_and_classes_are_near_their_shares(images, seed, weights):
    labels, patients = images
    shares = {split: weight / sum(weights) for split, weight in zip(KONG, weights, strict=True)}

    found = assign_splits(labels, patients, shares=shares, seed=seed)

    assert len({(patient, split) for patient, split in zip(patients, found, strict=True)}) == len(set(patients))
    counts = Counter(zip(labels, found, strict=True))
    most = max(Counter(patients).values())
    for label, total in Counter(labels).items():
        for split, share in shares.items():
            if share == 0:
                assert counts[label, split] == 0
            assert abs(counts[label, split] - share * total) <= 3 * most  # greedy, over three classes at once


@pytest.mark.parametrize("seed", range(20))
def test_with_one_image_for_each_patient_every_class_is_within_one_image_of_its_share(seed):
    labels = ["normal"] * 213 + ["sinusitis"] * 177
    patients = [str(number) for number in range(390)]

    counts = Counter(zip(labels, assign_splits(labels, patients, shares=KONG, seed=seed), strict=True))

    for label, total in (("normal", 213), ("sinusitis", 177)):
        assert [abs(counts[label, split] - share * total) <= 1 for split, share in KONG.items()] == [True] * 3


def test_the_seed_decides_and_nothing_else():
    labels, patients = ["a", "b"] * 40, [str(number // 2) for number in range(80)]

    first = assign_splits(labels, patients, shares=KONG, seed=1)
    order = sorted(range(80), key=lambda number: (number * 37) % 80)
    shuffled = assign_splits(
        [labels[number] for number in order], [patients[number] for number in order], shares=KONG, seed=1
    )

    assert [shuffled[order.index(number)] for number in range(80)] == first
    assert assign_splits(labels, patients, shares=KONG, seed=2) != first


def test_patients_with_many_images_are_not_kept_for_training():
    """Handing out the large groups first would: each of these seeds would put patient "many" into train."""
    labels = ["a"] * 110
    patients = ["many"] * 10 + [str(number) for number in range(100)]

    where = {assign_splits(labels, patients, shares=KONG, seed=seed)[0] for seed in range(60)}

    assert where == {"train", "tune", "test"}


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"train": 0.7, "test": 0.2}, "Shares add up to 0.9; they must add up to 1"),
        ({"train": 1.2, "test": -0.2}, "each must be from 0 to 1"),
        ({"train": 0.5, "validation": 0.5}, "Unknown split validation; there are train, tune, test"),
    ],
)
def test_wrong_shares(shares, words):
    with pytest.raises(ValueError, match=words):
        assign_splits(["a"], ["1"], shares=shares, seed=0)


def test_lists_of_different_lengths():
    with pytest.raises(ValueError, match="2 labels and 1 patients"):
        assign_splits(["a", "b"], ["1"], shares=KONG, seed=0)
