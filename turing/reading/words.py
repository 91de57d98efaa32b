"""Durations in the words of readers' pages. Pure."""

from datetime import timedelta


def limit_in_words(milliseconds: int) -> str:
    """Of a limit: "0.5 seconds", "1 second", "90 seconds", "2 minutes"."""
    seconds = milliseconds / 1000
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"


def spent_in_words(spent: timedelta) -> str:
    """Rounded: "less than a minute", "12 min", "1 h 5 min"."""
    minutes = round(spent / timedelta(minutes=1))
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
