"""On which local dates something recurs: RFC 5545 rules over dates.

A rule is written without DTSTART; the first date of what recurs takes its place (section 3.3.10). Unlike
there, the first date is itself an occurrence only if the rule says so. Rules know no time of day.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from dateutil.rrule import MONTHLY, YEARLY, rrule, weekday

from careapp.errors import Invalid

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_SUB_DAILY = frozenset({"HOURLY", "MINUTELY", "SECONDLY", "BYHOUR", "BYMINUTE", "BYSECOND"})
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_EXAMPLE = "write for example FREQ=WEEKLY;BYDAY=MO,WE,FR"
_ORDINAL_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")

_WEEKS_OF_MONTH = 5
_WEEKS_OF_YEAR = 53

_ONE_PERIOD = 12 * date.max.year
"""An interval that ends dateutil's iteration after one month or year.

A rule may never come true (the 30th of February), and dateutil would look for it until the year 9999.
"""


class InvalidRecurrence(Invalid):
    """A recurrence is no rule of RFC 5545 over dates."""


@dataclass(frozen=True)
class _Rule:
    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    by_day: tuple[tuple[int, int], ...] = ()
    """Pairs (ordinal, weekday from Monday 0); ordinal 0 stands for every one."""
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_starts: int = 0

    def begun(self, first: date) -> "_Rule":
        """Take from the first date what the rule leaves open."""
        if self.by_day or self.by_month_day:
            return self
        match self.frequency:
            case "WEEKLY":
                return replace(self, by_day=((0, first.weekday()),))
            case "MONTHLY":
                return replace(self, by_month_day=(first.day,))
            case "YEARLY":
                return replace(self, by_month_day=(first.day,), by_month=self.by_month or (first.month,))
        return self

    def falls_on(self, first: date, day: date) -> bool:
        """Tell whether a begun rule without its count and end holds for a day from `first` on."""
        if self._periods_between(first, day) % self.interval:
            return False
        if self.frequency in {"DAILY", "WEEKLY"}:
            return self._names(day)
        start = day.replace(day=1) if self.frequency == "MONTHLY" else day.replace(month=1, day=1)
        return day in _dates_of_period(self, start)

    def _periods_between(self, first: date, day: date) -> int:
        match self.frequency:
            case "DAILY":
                return (day - first).days
            case "WEEKLY":
                into_week = (first.weekday() - self.week_starts) % 7
                return ((day - first).days + into_week) // 7
            case "MONTHLY":
                return 12 * (day.year - first.year) + day.month - first.month
        return day.year - first.year

    def _names(self, day: date) -> bool:
        by_day, by_month_day = self.by_day, self.by_month_day
        if by_day and (0, day.weekday()) not in by_day:
            return False
        if self.by_month and day.month not in self.by_month:
            return False
        if not by_month_day or day.day in by_month_day:
            return True
        days_left = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - day).days
        return -days_left in by_month_day


def validate(recurrence: str) -> None:
    """Refuse a recurrence that cannot be understood.

    Raises:
        InvalidRecurrence: Something is unknown, contradictory or below a day; the message says what to write.
    """
    _parse(recurrence)


def occurs_on(recurrence: str, *, first: date, last: date | None, day: date) -> bool:
    """Tell whether something that recurs from `first` to `last`, both included, does so on a day.

    COUNT counts occurrences from `first` on, whether or not something came of them.

    Raises:
        InvalidRecurrence: The recurrence is not understood.
    """
    if day < first or (last is not None and day > last):
        return False
    rule = _begun(recurrence, first)
    if rule.until is not None and day > rule.until:
        return False
    if not rule.falls_on(first, day):
        return False
    if rule.count is None:
        return True
    days = (first + timedelta(days=number) for number in range((day - first).days + 1))
    return sum(rule.falls_on(first, each) for each in days) <= rule.count


@lru_cache(maxsize=16384)
def _begun(recurrence: str, first: date) -> _Rule:
    return _parse(recurrence).begun(first)


@lru_cache(maxsize=4096)
def _dates_of_period(rule: _Rule, start: date) -> frozenset[date]:
    moments = rrule(
        MONTHLY if rule.frequency == "MONTHLY" else YEARLY,
        dtstart=datetime(start.year, start.month, start.day),  # noqa: DTZ001 -- dateutil counts dates, no time
        interval=_ONE_PERIOD,
        byweekday=[weekday(number, ordinal or None) for ordinal, number in rule.by_day] or None,
        bymonthday=rule.by_month_day or None,
        bymonth=rule.by_month or None,
        bysetpos=rule.by_position or None,
        wkst=rule.week_starts,
    )
    return frozenset(moment.date() for moment in moments)


@lru_cache(maxsize=4096)
def _parse(recurrence: str) -> _Rule:
    parts: dict[str, str] = {}
    for part in recurrence.strip().upper().split(";"):
        name, equals, value = part.partition("=")
        if name in _SUB_DAILY:
            raise InvalidRecurrence(f"{name}: a recurrence knows dates only; put times into the windows")
        if name not in _READERS or not equals or not value:
            raise InvalidRecurrence(f"{part!r} is no part of a recurrence: {_EXAMPLE}")
        if name in parts:
            raise InvalidRecurrence(f"{name} is given twice: write it once, values separated by commas")
        parts[name] = value
    if "FREQ" not in parts:
        raise InvalidRecurrence(f"FREQ is missing: {_EXAMPLE}")
    rule = _Rule(parts["FREQ"])
    for name, value in parts.items():
        rule = _READERS[name](rule, value)
    _refuse_contradictions(rule)
    return rule


def _refuse_contradictions(rule: _Rule) -> None:
    if rule.count is not None and rule.until is not None:
        raise InvalidRecurrence("COUNT and UNTIL exclude each other: give one of them")
    if any(ordinal for ordinal, _ in rule.by_day) and rule.frequency in {"DAILY", "WEEKLY"}:
        raise InvalidRecurrence("a numbered weekday such as 1MO needs FREQ=MONTHLY or FREQ=YEARLY")
    is_within_month = rule.frequency == "MONTHLY" or bool(rule.by_month)
    if is_within_month and any(abs(ordinal) > _WEEKS_OF_MONTH for ordinal, _ in rule.by_day):
        raise InvalidRecurrence(f"a month has no weekday beyond {_WEEKS_OF_MONTH}MO or -{_WEEKS_OF_MONTH}MO")
    if rule.by_month_day and rule.frequency == "WEEKLY":
        raise InvalidRecurrence("BYMONTHDAY cannot stand with FREQ=WEEKLY: use FREQ=MONTHLY")
    if rule.by_position and rule.frequency in {"DAILY", "WEEKLY"}:
        raise InvalidRecurrence("BYSETPOS needs FREQ=MONTHLY or FREQ=YEARLY: name the days with BYDAY")
    if rule.by_position and not (rule.by_day or rule.by_month_day):
        raise InvalidRecurrence("BYSETPOS needs BYDAY or BYMONTHDAY to choose from")


def _read_frequency(rule: _Rule, value: str) -> _Rule:
    if value in _SUB_DAILY:
        raise InvalidRecurrence(f"FREQ={value}: the shortest is FREQ=DAILY; put times into the windows")
    if value not in _FREQUENCIES:
        raise InvalidRecurrence(f"FREQ={value} is unknown: write one of {', '.join(_FREQUENCIES)}")
    return replace(rule, frequency=value)


def _read_until(rule: _Rule, value: str) -> _Rule:
    try:
        # fromisoformat alone would take 2026-W01-1 too.
        return replace(rule, until=date.fromisoformat(value if value.isdecimal() else ""))
    except ValueError as malformed:
        raise InvalidRecurrence(f"UNTIL={value} is no date: write it as UNTIL=20261231") from malformed


def _read_days(rule: _Rule, value: str) -> _Rule:
    days = []
    for item in value.split(","):
        match = _ORDINAL_WEEKDAY.fullmatch(item)
        ordinal = int(match[1] or 0) if match else 99
        if match is None or abs(ordinal) > _WEEKS_OF_YEAR or (match[1] and not ordinal):
            raise InvalidRecurrence(f"BYDAY={item} is no weekday: write {', '.join(_WEEKDAYS)}, 1MO or -1FR")
        days.append((ordinal, _WEEKDAYS.index(match[2])))
    return replace(rule, by_day=tuple(days))


def _read_week_start(rule: _Rule, value: str) -> _Rule:
    if value not in _WEEKDAYS:
        raise InvalidRecurrence(f"WKST={value} is no weekday: write one of {', '.join(_WEEKDAYS)}")
    return replace(rule, week_starts=_WEEKDAYS.index(value))


def _number(name: str, value: str, *, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,4}", value) or not least <= int(value) <= most or not int(value):
        without_zero = ", but not 0" if least < 0 else ""
        raise InvalidRecurrence(f"{name}={value}: write whole numbers from {least} to {most}{without_zero}")
    return int(value)


def _numbers(name: str, value: str, *, least: int, most: int) -> tuple[int, ...]:
    return tuple(_number(name, item, least=least, most=most) for item in value.split(","))


_READERS: dict[str, Callable[[_Rule, str], _Rule]] = {
    "FREQ": _read_frequency,
    "INTERVAL": lambda rule, value: replace(rule, interval=_number("INTERVAL", value, least=1, most=999)),
    "COUNT": lambda rule, value: replace(rule, count=_number("COUNT", value, least=1, most=9999)),
    "UNTIL": _read_until,
    "BYDAY": _read_days,
    "BYMONTHDAY": lambda rule, value: replace(
        rule, by_month_day=_numbers("BYMONTHDAY", value, least=-31, most=31)
    ),
    "BYMONTH": lambda rule, value: replace(rule, by_month=_numbers("BYMONTH", value, least=1, most=12)),
    "BYSETPOS": lambda rule, value: replace(
        rule, by_position=_numbers("BYSETPOS", value, least=-366, most=366)
    ),
    "WKST": _read_week_start,
}
"""How each part is read; a part that is not here is refused."""
