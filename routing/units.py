"""What every integer inside `routing` means.

Floats end in `routing.travel`, rounded up; from there on everything is a whole number.
"""

from collections.abc import Sequence
from typing import TypeAlias

Seconds: TypeAlias = int
"""A duration, or a time counted from a midnight of the caller's choice (may be negative)."""

Metres: TypeAlias = int
"""A distance on the road."""

Points: TypeAlias = int
"""What a plan costs. One second of travel is one point."""

MINUTE: Seconds = 60
HOUR: Seconds = 60 * MINUTE

UNREACHABLE: Seconds = 2**31 - 1
"""Stands in a travel matrix where no road leads from one place to the other."""

LATEST: Seconds = 2**28
"""No time or duration may be beyond this (about eight years): sums of them stay far inside 64 bits."""


def per_minute(rate: Points, seconds: Seconds) -> Points:
    """Return the points of so many seconds at a rate of points per minute, rounded up."""
    return -(-rate * seconds // 60)


def as_clock(time: Seconds) -> str:
    """Return a time of the day for people, full minutes: "23:00", the day after "00:15 (+1)"."""
    day, second = divmod(time, 24 * HOUR)
    text = f"{second // HOUR:02}:{second % HOUR // MINUTE:02}"
    return text if not day else f"{text} ({day:+d})"


def as_duration(seconds: Seconds) -> str:
    """Return a length of time for people, begun minutes counted: "45 min", "2 h", "6 h 30 min"."""
    hours, minutes = divmod(-(-seconds // MINUTE), 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{minutes} min"] if minutes or not hours else parts)


def as_gap(seconds: Seconds) -> str:
    """Return the time from one start to another for people; "-15 min" if the second comes first."""
    return as_duration(seconds) if seconds >= 0 else f"-{as_duration(-seconds)}"


def as_list(items: Sequence[str], last: str = "and") -> str:
    """Return things one after the other for people: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
