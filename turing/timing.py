"""Judges a reading time that a browser reported against the server's own clock. Pure: numbers in, flags out.

A flag never removes an answer or a time; results count and show it.
"""

from collections.abc import Sequence
from enum import StrEnum

TOLERANCE_MS = 50  # rounding, and the drift of two clocks over one answer
MUCH_LONGER_MS = 10_000  # network, painting and retries take less, unless something went wrong
LATE_MS = 500  # an answer this soon after the time limit was under way when it came
LONGEST_MS = 2**31 - 1  # what the database can hold: 24 days


class Flag(StrEnum):
    """Why a reading time may be wrong. Stored as these strings, in this order."""

    MISSING = "missing"
    LONGER_THAN_SERVER = "longer-than-server"
    SERVER_MUCH_LONGER = "server-much-longer"
    SHOWN_AGAIN = "shown-again"
    HIDDEN = "hidden"
    HIDDEN_TOO_LONG = "hidden-too-long"
    AFTER_BREAK = "after-break"
    PAUSED = "paused"
    OVER_TIME_LIMIT = "over-time-limit"
    THROUGH_API = "through-api"


DESCRIPTIONS = {
    Flag.MISSING: "the browser sent no usable time",
    Flag.LONGER_THAN_SERVER: "the browser's time is longer than the server's time since it sent the image",
    Flag.SERVER_MUCH_LONGER: f"the server's time is more than {MUCH_LONGER_MS // 1000} s longer than the browser's",
    Flag.SHOWN_AGAIN: "the image was loaded more than once (reload, second tab, came back later)",
    Flag.HIDDEN: "the tab was hidden for part of the time",
    Flag.HIDDEN_TOO_LONG: "the tab was reported hidden for longer than the reading took",
    Flag.AFTER_BREAK: "the reader stopped before this image, after the browser had fetched it ahead",
    Flag.PAUSED: "the reader paused: the image was off the screen, and that time is not part of the reading time",
    Flag.OVER_TIME_LIMIT: "the answer came after the time limit of the study",
    Flag.THROUGH_API: "a program sent the answer: nobody knows when the image was on a screen, or whether it was",
}


def timing_flags(
    *,
    reading_ms: int | None,
    hidden_ms: int,
    server_ms: int,
    times_served: int,
    paused_ms: int = 0,
    after_break: bool = False,
    time_limit_ms: int | None = None,
    through_api: bool = False,
) -> Sequence[str]:
    """Flags of one answer, in the order of `Flag`.

    Parameters
    ----------
    reading_ms : first painted frame to response on the page's monotonic clock, pauses left out; None when it sent none
        that is usable.
    hidden_ms : part of it with the tab hidden.
    server_ms : from when the image could first be seen (pixels sent, or becoming current when they were sent ahead) to
        answer received, on the server's clock. Bounds the reading time, because the first frame comes after that moment
        and the answer arrives after the response: reading time and pauses together cannot be longer.
    times_served : how often it was shown, at least 1; being sent ahead and then becoming current is once.
    paused_ms : time of pauses by the page's button, with the image off the screen.
    after_break : the reader stopped between its being sent ahead and its becoming current.
    through_api : a program answered for the reader, who had no reading page.
    time_limit_ms : of the study; None when it has none. Held against the reading time, or the server's without one.

    Raises
    ------
    ValueError : a negative time, or an image that was never sent.
    """
    if min(hidden_ms, server_ms, reading_ms or 0, paused_ms) < 0:
        raise ValueError(
            f"Negative time: reading_ms = {reading_ms}, hidden_ms = {hidden_ms}, server_ms = {server_ms}, "
            f"paused_ms = {paused_ms}"
        )
    if times_served < 1:
        raise ValueError(f"times_served = {times_served}: an image that was never sent cannot be answered")
    elapsed_ms = None if reading_ms is None else reading_ms + paused_ms  # what the page says has passed
    checks = {
        Flag.MISSING: reading_ms is None,
        Flag.LONGER_THAN_SERVER: elapsed_ms is not None and elapsed_ms > server_ms + TOLERANCE_MS,
        Flag.SERVER_MUCH_LONGER: elapsed_ms is not None and server_ms > elapsed_ms + MUCH_LONGER_MS,
        Flag.SHOWN_AGAIN: times_served > 1,
        Flag.HIDDEN: hidden_ms > 0,
        Flag.HIDDEN_TOO_LONG: reading_ms is not None and hidden_ms > reading_ms + TOLERANCE_MS,
        Flag.AFTER_BREAK: after_break,
        Flag.PAUSED: paused_ms > 0,
        Flag.OVER_TIME_LIMIT: time_limit_ms is not None
        and (server_ms if reading_ms is None else reading_ms) > time_limit_ms + LATE_MS,
        Flag.THROUGH_API: through_api,
    }
    return [flag.value for flag, raised in checks.items() if raised]
