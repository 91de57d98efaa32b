"""Durations as readers' pages say them."""

from datetime import timedelta

import pytest

from turing.reading.words import limit_in_words, spent_in_words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (500, "0.5 seconds"),
        (1000, "1 second"),
        (90_000, "90 seconds"),
        (120_000, "2 minutes"),
        (150_000, "150 seconds"),
    ],
)
def test_limits(milliseconds, words):
    assert limit_in_words(milliseconds) == words


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        ({"seconds": 0}, "less than a minute"),
        ({"seconds": 29}, "less than a minute"),
        ({"seconds": 45}, "1 min"),
        ({"minutes": 59, "seconds": 40}, "1 h"),
        ({"hours": 1, "minutes": 5}, "1 h 5 min"),
    ],
)
def test_time_spent(spent, words):
    assert spent_in_words(timedelta(**spent)) == words
