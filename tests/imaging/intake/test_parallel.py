"""Several files at once: same order, few ahead, errors in their place."""

import threading
import time
import warnings

import pytest

from imaging.intake.parallel import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads):
    def late_when_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number**2

    assert list(in_order(late_when_even, range(40), threads=threads)) == [number**2 for number in range(40)]


def test_two_are_at_work_at_the_same_time():
    both = threading.Barrier(2)

    assert sorted(in_order(lambda _: both.wait(timeout=30), range(2), threads=2)) == [0, 1]


def test_no_more_than_a_few_are_ahead():
    begun = []
    results = in_order(lambda number: begun.append(number) or number, range(1000), threads=3)

    for asked in range(10):
        assert next(results) == asked
        assert len(begun) <= asked + 1 + 4
    results.close()

    assert len(begun) <= 15


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_in_its_place(threads):
    def fail_at_five(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    results = in_order(fail_at_five, range(20), threads=threads)

    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="five"):
        next(results)


def test_no_warning_of_a_file_gets_out():
    """They quote what they find in headers."""

    def warn(number: int) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            time.sleep(0.001)
        warnings.warn("MUSTERMANN", stacklevel=1)
        return number

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert len(list(in_order(warn, range(50), threads=4))) == 50
    assert seen == []
