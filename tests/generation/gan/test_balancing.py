"""Class balancing makes classes equal, adds nothing to the largest, and grows by whole multiples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.gan.balancing import balancing_counts

COUNTS = st.dictionaries(st.text(min_size=1), st.integers(0, 10**6), min_size=1).filter(lambda real: any(real.values()))


def test_the_smaller_classes_are_filled_up():
    assert balancing_counts({"normal": 100, "sinusitis": 60, "rare": 0}) == {"normal": 0, "sinusitis": 40, "rare": 100}


def test_a_multiple_adds_as_many_to_every_class():
    assert balancing_counts({"normal": 100, "sinusitis": 60}, multiple=2) == {"normal": 200, "sinusitis": 240}


@given(real=COUNTS, multiple=st.integers(0, 50))
def test_all_classes_end_equal_and_the_least_is_added(real, multiple):
    added = balancing_counts(real, multiple=multiple)

    assert {real[name] + added[name] for name in real} == {(multiple + 1) * max(real.values())}
    assert min(added.values()) == multiple * max(real.values())
    assert list(added) == list(real)


@pytest.mark.parametrize(
    ("real", "multiple", "message"),
    [
        ({}, 0, "no real image to balance"),
        ({"a": 0, "b": 0}, 1, "no real image to balance"),
        ({"a": 3, "b": -1}, 0, "Class b has -1 images"),
        ({"a": 3}, -1, "multiple is -1; it must be 0"),
    ],
)
def test_what_cannot_be_balanced_is_refused(real, multiple, message):
    with pytest.raises(ValueError, match=message):
        balancing_counts(real, multiple=multiple)
