"""Flags on reading times."""

import pytest

from turing.timing import DESCRIPTIONS, LONGEST_MS, Flag, timing_flags


def flags(**changes):
    return timing_flags(**{"reading_ms": 4000, "hidden_ms": 0, "server_ms": 4100, "times_served": 1, **changes})


def test_a_plausible_time_has_no_flag():
    assert flags() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reading_ms": None}, ["missing"]),
        ({"reading_ms": 4150}, []),  # within the tolerance of two clocks
        ({"reading_ms": 4151}, ["longer-than-server"]),
        ({"server_ms": 14_000}, []),
        ({"server_ms": 14_001}, ["server-much-longer"]),
        ({"times_served": 2}, ["shown-again"]),
        ({"paused_ms": 1}, ["paused"]),
        ({"paused_ms": 60_000, "server_ms": 64_100}, ["paused"]),  # accounts for the server's longer time
        ({"paused_ms": 151}, ["longer-than-server", "paused"]),
        ({"hidden_ms": 1}, ["hidden"]),
        ({"after_break": True}, ["after-break"]),
        ({"hidden_ms": 4051}, ["hidden", "hidden-too-long"]),
        ({"reading_ms": None, "hidden_ms": 10, "times_served": 3}, ["missing", "shown-again", "hidden"]),
        ({"reading_ms": 0, "server_ms": 0}, []),
        ({"reading_ms": LONGEST_MS}, ["longer-than-server"]),
    ],
)
def test_flags(changes, expected):
    assert flags(**changes) == expected


def test_every_flag_is_described():
    assert set(DESCRIPTIONS) == set(Flag)


@pytest.mark.parametrize("changes", [{"reading_ms": -1}, {"hidden_ms": -1}, {"server_ms": -1}, {"paused_ms": -1}])
def test_negative_times_are_refused(changes):
    with pytest.raises(ValueError, match="Negative time"):
        flags(**changes)


def test_an_image_never_served_is_refused():
    with pytest.raises(ValueError, match="times_served = 0"):
        flags(times_served=0)
