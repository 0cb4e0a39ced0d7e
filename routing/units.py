"""What every integer inside `routing` means.

Floats end in `routing.travel`, rounded up; from there on everything is a whole number.
"""

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
