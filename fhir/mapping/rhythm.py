"""A FHIR Timing as a recurrence in local dates with windows for starts: the way back of `timing`.

https://hl7.org/fhir/R4/datatypes.html#Timing. Where a sender leaves open at what time of day, or on which
days of a week, we choose: several times a week are spread evenly, visits of a day evenly between the two ends
of a nurse's day. What we chose is shown in the resource, so the sender can see and change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from careapp.recurrence import InvalidRecurrence, validate
from fhir.mapping.elements import Json
from fhir.mapping.timing import UNITS, WEEKDAYS

Window = tuple[time, time]
"""First and last allowed start of a day's visit, in local time."""

TOLERANCE_MIN = 60
"""A visit for which a time is named may start so much later."""

DAY_BEGINS, DAY_ENDS = time(6, 30), time(20, 30)
"""Between them visits are spread for which no time is named."""

USUAL_MIN = 30
"""Minutes of a visit whose length nobody says."""

_DAYS = {name: code for code, name in WEEKDAYS.items()}
_FREQUENCIES = {unit: name for name, unit in UNITS.items()}
_SPREAD = {
    2: "MO,TH",
    3: "MO,WE,FR",
    4: "MO,TU,TH,FR",
    5: "MO,TU,WE,TH,FR",
    6: "MO,TU,WE,TH,FR,SA",
}
_WEEK = 7
_HOURS_OF_DAY = 24
_LAST_MINUTE = 24 * 60 - 1
_MOST_A_DAY = 12
_LONGEST_DAYS = 36500

_WHEN = {
    "WAKE": ("06:00", "09:00"),
    "MORN": ("06:00", "10:00"),
    "MORN.early": ("06:00", "08:00"),
    "MORN.late": ("09:00", "11:30"),
    "ACM": ("06:00", "08:00"),
    "CM": ("07:00", "09:00"),
    "PCM": ("08:00", "10:00"),
    "NOON": ("11:30", "13:00"),
    "ACD": ("11:00", "12:00"),
    "CD": ("11:30", "13:00"),
    "PCD": ("12:30", "14:00"),
    "AFT": ("13:00", "17:00"),
    "AFT.early": ("13:00", "15:00"),
    "AFT.late": ("15:00", "17:00"),
    "ACV": ("16:30", "18:00"),
    "CV": ("17:00", "19:00"),
    "EVE": ("17:00", "20:00"),
    "EVE.early": ("17:00", "18:30"),
    "EVE.late": ("18:30", "20:00"),
    "PCV": ("18:00", "20:00"),
    "NIGHT": ("20:00", "22:00"),
    "HS": ("20:00", "22:00"),
    "PHS": ("20:30", "23:00"),
}
"""What events of http://hl7.org/fhir/event-timing mean for a nurse's day."""

_ABBREVIATIONS: Mapping[str, Json] = {
    "QD": {"frequency": 1, "period": 1, "periodUnit": "d"},
    "BID": {"frequency": 2, "period": 1, "periodUnit": "d"},
    "TID": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "QID": {"frequency": 4, "period": 1, "periodUnit": "d"},
    "QOD": {"frequency": 1, "period": 2, "periodUnit": "d"},
    "WK": {"frequency": 1, "period": 1, "periodUnit": "wk"},
    "MO": {"frequency": 1, "period": 1, "periodUnit": "mo"},
    "AM": {"when": ["MORN"]},
    "PM": {"when": ["EVE"]},
    "BED": {"when": ["HS"]},
    "Q4H": {"frequency": 1, "period": 4, "periodUnit": "h"},
    "Q6H": {"frequency": 1, "period": 6, "periodUnit": "h"},
    "Q8H": {"frequency": 1, "period": 8, "periodUnit": "h"},
}
"""Codes of http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation in full."""


@dataclass(frozen=True)
class Rhythm:
    """When care recurs.

    Attributes:
        recurrence: RRULE without DTSTART.
        first: First local date.
        last: Last local date, included; None for no end.
        minutes: Length of a visit.
        windows: One for each visit of a day, ascending.
    """

    recurrence: str
    first: date
    last: date | None
    minutes: int
    windows: Sequence[Window]


@dataclass
class _Reading:
    today: date
    zone: ZoneInfo
    problems: list[tuple[str, str]] = field(default_factory=list)

    def wrong(self, element: str, sentence: str) -> None:
        self.problems.append((element, sentence))


def from_timing(timing: Json, *, today: date, zone: ZoneInfo) -> Rhythm | list[tuple[str, str]]:
    """Read a Timing.

    Args:
        timing: As sent.
        today: Where it names no beginning, it begins today.
        zone: Whose wall clock its dates mean.

    Returns:
        The rhythm; or what cannot be said in ours, as pairs of an element below Timing and a sentence.
    """
    reading = _Reading(today, zone)
    repeat = {**_abbreviated(timing), **timing.get("repeat", {})}
    if "event" in timing:
        reading.wrong("event", "single moments are not planned: say how the care recurs")
    first, last = _bounds(repeat, reading)
    written = timing.get("code", {}).get("text")
    if isinstance(written, str) and "FREQ=" in written.upper() and not repeat.keys() & _RHYTHM:
        rule, a_day = _rule(written, reading), 1
    else:
        rule, a_day = _rhythm(repeat, first, reading)
    windows = _windows(repeat, a_day, reading)
    rule = _counted(rule, repeat, max(len(windows), 1), reading)
    minutes = _minutes(repeat, reading)
    return reading.problems or Rhythm(rule, first, last, minutes, windows)


_RHYTHM = {"frequency", "period", "dayOfWeek"}


def from_period(period: Json, *, zone: ZoneInfo) -> tuple[date | None, date | None]:
    """Read a Period as local days, both included; a year or month counts with all its days."""
    return _day(period.get("start"), zone, is_last=False), _day(period.get("end"), zone, is_last=True)


def spread(visits: int) -> list[Window]:
    """Spread a day's visits evenly over a nurse's day."""
    begins, ends = _minute(DAY_BEGINS), _minute(DAY_ENDS)
    edges = [begins + (ends - begins) * number // visits for number in range(visits + 1)]
    return [(_clock(edges[number]), _clock(edges[number + 1])) for number in range(visits)]


def window_from(start: time) -> Window:
    """Return the window of a visit for which a time is named."""
    return start, max(start, _clock(min(_minute(start) + TOLERANCE_MIN, _LAST_MINUTE)))


def _abbreviated(timing: Json) -> Json:
    for coding in timing.get("code", {}).get("coding", ()):
        known = _ABBREVIATIONS.get(coding.get("code", ""))
        if known is not None:
            return known
    return {}


def _bounds(repeat: Json, reading: _Reading) -> tuple[date, date | None]:
    if "boundsRange" in repeat:
        reading.wrong("repeat.boundsRange", "a range is no end: send boundsPeriod or boundsDuration")
    bounds = repeat.get("boundsPeriod", {})
    begins, last = from_period(bounds, zone=reading.zone)
    first = begins or reading.today
    duration = repeat.get("boundsDuration")
    if duration is not None:
        days = {"d": 1, "day": 1, "wk": 7, "mo": 30, "a": 365}.get(
            duration.get("code") or duration.get("unit")
        )
        if days is None or not isinstance(duration.get("value"), (int, float)) or duration["value"] <= 0:
            reading.wrong("repeat.boundsDuration", "give the duration in days or weeks (d, wk)")
        else:
            length = max(1, round(min(days * duration["value"], _LONGEST_DAYS)))
            last = min(first, date.max - timedelta(days=length)) + timedelta(days=length - 1)
    if last is not None and last < first:
        reading.wrong("repeat.boundsPeriod", "the period ends before it begins")
    return first, last


def _day(written: str | None, zone: ZoneInfo, *, is_last: bool) -> date | None:
    if written is None:
        return None
    if "T" in written:
        moment = datetime.fromisoformat(written)
        return (moment.astimezone(zone) if moment.tzinfo else moment).date()
    parts = [int(part) for part in written.split("-")]
    if len(parts) == len(("year", "month", "day")):
        return date.fromisoformat(written)
    if not is_last:
        return date(parts[0], parts[1] if len(parts) > 1 else 1, 1)
    year, month = (parts[0], parts[1]) if len(parts) > 1 else (parts[0], 12)
    if year == date.max.year:
        return date.max
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _rule(written: str, reading: _Reading) -> str:
    rule = written.strip().upper().removeprefix("RRULE:")
    try:
        validate(rule)
    except InvalidRecurrence as refused:
        reading.wrong("code", str(refused))
    return rule


def _rhythm(repeat: Json, first: date, reading: _Reading) -> tuple[str, int]:
    """Return the rule, and how often on each of its days; 0 if the times of day tell."""
    days = [_DAYS[day] for day in _DAYS if day in repeat.get("dayOfWeek", ())]
    period, unit = repeat.get("period", 1), repeat.get("periodUnit", "d")
    frequency = repeat.get("frequency", 0)
    if period != int(period) or period < 1:
        reading.wrong("repeat.period", "care recurs after whole days, weeks, months or years")
        return "FREQ=DAILY", 1
    every = f";INTERVAL={int(period)}" if period > 1 else ""
    if unit == "h":
        if frequency > 1 or _HOURS_OF_DAY % period:
            reading.wrong("repeat.period", "hours must divide a day evenly: 6, 8, 12 or 24")
        return "FREQ=DAILY", max(1, int(_HOURS_OF_DAY // period))
    if unit not in _FREQUENCIES:
        reading.wrong("repeat.periodUnit", "care recurs by hours, days, weeks, months or years")
        return "FREQ=DAILY", 1
    if unit == "wk":
        return _weekly(days, frequency, every, first, reading)
    if days and (unit != "d" or every):
        reading.wrong("repeat.dayOfWeek", "weekdays go with every day or with weeks")
    if days:
        return f"FREQ=WEEKLY;BYDAY={','.join(days)}", frequency
    return f"FREQ={_FREQUENCIES[unit]}{every}", frequency


def _weekly(
    days: Sequence[str], frequency: int, every: str, first: date, reading: _Reading
) -> tuple[str, int]:
    if days:
        if frequency % len(days):
            reading.wrong("repeat.frequency", "give each weekday the same number of visits")
        return f"FREQ=WEEKLY{every};BYDAY={','.join(days)}", frequency // len(days)
    if frequency <= 1:
        return f"FREQ=WEEKLY{every};BYDAY={list(_DAYS.values())[first.weekday()]}", frequency
    if frequency % _WEEK == 0 and not every:
        return "FREQ=DAILY", frequency // _WEEK
    if frequency not in _SPREAD:
        reading.wrong("repeat.frequency", "more than six visits a week: name the weekdays")
        return "FREQ=WEEKLY", 1
    return f"FREQ=WEEKLY{every};BYDAY={_SPREAD[frequency]}", 1


def _windows(repeat: Json, a_day: int, reading: _Reading) -> list[Window]:
    if a_day > _MOST_A_DAY:
        reading.wrong("repeat.frequency", f"at most {_MOST_A_DAY} visits a day can be planned")
        return []
    if repeat.get("offset"):
        reading.wrong("repeat.offset", "minutes around an event are not planned: send timeOfDay")
    windows = [window_from(time.fromisoformat(clock)) for clock in repeat.get("timeOfDay", ())]
    for event in repeat.get("when", ()):
        known = _WHEN.get(event)
        if known is None:
            reading.wrong("repeat.when", "this event has no time in a nurse's day: send timeOfDay")
        else:
            windows.append((time.fromisoformat(known[0]), time.fromisoformat(known[1])))
    if not windows:
        return spread(a_day or 1)
    if a_day not in {0, len(windows)}:
        reading.wrong("repeat.timeOfDay", "give as many times of day as there are visits on a day")
    if len(set(windows)) != len(windows):
        reading.wrong("repeat.timeOfDay", "two visits of a day have the same time")
    return sorted(windows)


def _counted(rule: str, repeat: Json, a_day: int, reading: _Reading) -> str:
    count = repeat.get("count")
    if count is None or "COUNT=" in rule:
        return rule
    if count % a_day:
        reading.wrong("repeat.count", "the number of visits must fill whole days")
    return f"{rule};COUNT={max(1, count // a_day)}"


def _minutes(repeat: Json, reading: _Reading) -> int:
    duration, unit = repeat.get("duration"), repeat.get("durationUnit", "min")
    if duration is None:
        return USUAL_MIN
    seconds = {"s": 1, "min": 60, "h": 3600}.get(unit)
    if seconds is None:
        reading.wrong("repeat.durationUnit", "a visit lasts minutes or hours (min, h)")
        return USUAL_MIN
    return int(-(-duration * seconds // 60))


def _minute(clock: time) -> int:
    return 60 * clock.hour + clock.minute


def _clock(minute: int) -> time:
    return time(minute // 60, minute % 60)
