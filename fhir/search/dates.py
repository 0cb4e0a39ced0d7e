"""Search parameters of type date. A value stands for an interval: `2026-03` for a whole month.

https://hl7.org/fhir/R4/search.html#date. With the value's interval [lo, hi) and the resource's [s, e):

    eq  the search interval contains the resource's       lo <= s and e <= hi
    ne  not eq
    gt  some of the resource lies above                   e > hi
    lt  some of the resource lies below                   s < lo
    ge  gt or eq                                          e > hi or s >= lo
    le  lt or eq                                          s < lo or e <= hi
    sa  all of the resource lies above                    s >= hi
    eb  all of the resource lies below                    e <= lo
    ap  both overlap, the search interval widened by its own length on either side

A moment is the shortest of intervals, so for it `e > hi` is `t >= hi` and `e <= hi` is `t < hi`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, not_, or_

from fhir.search.parameter import Context, refuse

EXPECTED = (
    "give a date such as 2026, 2026-03 or 2026-03-02, or a time such as 2026-03-02T09:00:00+01:00, "
    "after one of the prefixes eq ne gt lt ge le sa eb ap or none"
)
VALUE = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+\- ][0-9]{2}:[0-9]{2})?)?)?)?"
)
MICROSECOND_DIGITS = 6
WIDEST_OFFSET_H = 14
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Interval:
    """What a value stands for, half-open, on the wall clock or in UTC."""

    lo: datetime
    hi: datetime

    @property
    def widened(self) -> "Interval":
        """As the prefix `ap` reads it."""
        length = self.hi - self.lo
        return Interval(self.lo - length, self.hi + length)


@dataclass(frozen=True, eq=False)
class Instant:
    """A moment in a column of UTC datetimes.

    Attributes:
        column: The moment.
        definition: Canonical address of the SearchParameter.
    """

    column: SQLColumnExpression[Any]
    definition: str

    type = "date"
    modifiers: frozenset[str] = frozenset()

    @property
    def sort(self) -> SQLColumnExpression[Any]:
        """The moment itself."""
        return self.column

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """A value without an offset is read from the region's wall clock; its days have 23 to 25 hours."""
        del modifier
        return or_(false(), *(self._one(name, value, context.zone) for value in values))

    def present(self) -> ColumnElement[bool]:
        """SQL: the moment is known."""
        return self.column.is_not(None)

    def _one(self, name: str, value: str, zone: ZoneInfo) -> ColumnElement[bool]:
        prefix, found = read(name, value, zone)
        t, lo, hi = self.column, found.lo, found.hi
        match prefix:
            case "eq":
                return and_(t >= lo, t < hi)
            case "ne":
                return and_(t.is_not(None), not_(and_(t >= lo, t < hi)))
            case "gt" | "sa":
                return t >= hi
            case "lt" | "eb":
                return t < lo
            case "ge":
                return t >= lo
            case "le":
                return t < hi
            case _:
                near = widened(name, value, found)
                return and_(t >= near.lo, t < near.hi)


@dataclass(frozen=True, eq=False)
class Day:
    """A calendar day without a zone in a column of dates: an interval of 24 hours of the wall clock.

    Attributes:
        column: The day.
        definition: Canonical address of the SearchParameter.
    """

    column: SQLColumnExpression[Any]
    definition: str

    type = "date"
    modifiers: frozenset[str] = frozenset()

    @property
    def sort(self) -> SQLColumnExpression[Any]:
        """The day itself."""
        return self.column

    def condition(
        self, name: str, values: Sequence[str], modifier: str | None, context: Context
    ) -> ColumnElement[bool]:
        """A value with an offset is moved to the region's wall clock."""
        del modifier
        return or_(false(), *(self._one(name, value, context.zone) for value in values))

    def present(self) -> ColumnElement[bool]:
        """SQL: the day is known."""
        return self.column.is_not(None)

    def _one(self, name: str, value: str, zone: ZoneInfo) -> ColumnElement[bool]:
        prefix, found = read_on_the_wall(name, value, zone)
        d = self.column
        # s >= lo is d >= first; e <= hi is d < after: a day that the interval only touches is not in it.
        first, after = first_midnight(found.lo), found.hi.date()
        match prefix:
            case "eq":
                return and_(d >= first, d < after)
            case "ne":
                return and_(d.is_not(None), not_(and_(d >= first, d < after)))
            case "gt":
                return d >= after
            case "lt":
                return d < first
            case "ge":
                return d >= min(first, after)
            case "le":
                return d < max(first, after)
            case "sa":
                return d >= first_midnight(found.hi)
            case "eb":
                return d < found.lo.date()
            case _:
                near = widened(name, value, found)
                return and_(d < first_midnight(near.hi), d >= near.lo.date())


def read(name: str, value: str, zone: ZoneInfo) -> tuple[str, Interval]:
    """Read a value as its prefix (`eq` if none) and an interval in UTC.

    Raises:
        InvalidSearch: It is no date, or one that no calendar has.
    """
    prefix, found, offset = _read(name, value)
    try:
        if offset is None:
            ends = (at.replace(tzinfo=zone).astimezone(UTC) for at in (found.lo, found.hi))
        else:
            ends = ((at - offset).replace(tzinfo=UTC) for at in (found.lo, found.hi))
        return prefix, Interval(*ends)
    except OverflowError:
        raise refuse(name, value, EXPECTED) from None


def read_on_the_wall(name: str, value: str, zone: ZoneInfo) -> tuple[str, Interval]:
    """Read a value as its prefix (`eq` if none) and a naive interval on the region's wall clock.

    Raises:
        InvalidSearch: It is no date, or one that no calendar has.
    """
    prefix, found, offset = _read(name, value)
    if offset is None:
        return prefix, found
    try:
        ends = (
            (at - offset).replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
            for at in (found.lo, found.hi)
        )
        return prefix, Interval(*ends)
    except OverflowError:
        raise refuse(name, value, EXPECTED) from None


def _read(name: str, value: str) -> tuple[str, Interval, timedelta | None]:
    found = VALUE.fullmatch(value)
    if found is None:
        raise refuse(name, value, EXPECTED)
    fraction = (found["fraction"] or "")[:MICROSECOND_DIGITS]
    try:
        lo = datetime(  # noqa: DTZ001 -- the wall clock's; read() gives it a zone
            int(found["year"]),
            int(found["month"] or 1),
            int(found["day"] or 1),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            int(found["second"] or 0),
            int(fraction.ljust(MICROSECOND_DIGITS, "0")),
        )
        offset = _offset(found["zone"])
    except ValueError:
        raise refuse(name, value, EXPECTED) from None
    return found["prefix"] or "eq", Interval(lo, _end(lo, found, len(fraction))), offset


def _end(lo: datetime, found: re.Match[str], digits: int) -> datetime:
    try:
        if digits:
            return lo + timedelta(microseconds=10 ** (MICROSECOND_DIGITS - digits))
        for part, length in (("second", _SECOND), ("minute", 60 * _SECOND), ("day", timedelta(days=1))):
            if found[part]:
                return lo + length
        if found["month"]:
            return lo.replace(year=lo.year + lo.month // 12, month=lo.month % 12 + 1)
        return lo.replace(year=lo.year + 1)
    except (ValueError, OverflowError):
        return datetime.max  # noqa: DTZ901 -- 9999 is how some write "for ever"


def _offset(written: str | None) -> timedelta | None:
    if written is None:
        return None
    if written == "Z":
        return timedelta()
    # A plus that was not escaped in an address arrives as a blank.
    hours, minutes = int(written[1:3]), int(written[4:6])
    if hours > WIDEST_OFFSET_H or minutes > 59:
        raise ValueError(written)
    size = timedelta(hours=hours, minutes=minutes)
    return -size if written[0] == "-" else size


def widened(name: str, value: str, found: Interval) -> Interval:
    """Widen an interval as the prefix `ap` reads it.

    Raises:
        InvalidSearch: There is no such time.
    """
    try:
        return found.widened
    except OverflowError:
        raise refuse(name, value, EXPECTED) from None


def first_midnight(moment: datetime) -> date:
    """Return the first day that begins at this moment or after it."""
    day = moment.date()
    is_midnight = moment == datetime.combine(day, time.min)
    return day if is_midnight or day == date.max else day + timedelta(days=1)
