"""A recurrence in local dates (RFC 5545) as a FHIR Timing.

https://hl7.org/fhir/R4/datatypes.html#Timing. What Timing cannot say exactly ("every first Monday of the
month") stands as text in `code`, so that nobody reads something else out of it.
"""

from collections.abc import Sequence
from datetime import date, time

from fhir.mapping.elements import Json, period, without_none

WEEKDAYS = {"MO": "mon", "TU": "tue", "WE": "wed", "TH": "thu", "FR": "fri", "SA": "sat", "SU": "sun"}
PRIORITIES = {3: "urgent", 4: "asap"}
"""Ours as FHIR's request-priority; nothing is said of the usual one, nor of what may be left out."""

UNITS = {"DAILY": "d", "WEEKLY": "wk", "MONTHLY": "mo", "YEARLY": "a"}
SHORTEST_MONTH = 28
UNDERSTOOD = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}


def to_timing(
    recurrence: str, *, first: date, last: date | None, times: Sequence[time], minutes: int
) -> Json:
    """Write a recurrence with the times of its days as a Timing.

    Args:
        recurrence: RRULE without DTSTART.
        first: First local date, and the rule's DTSTART.
        last: Last local date, included; None: without end.
        times: One time of day for each visit of a day, ascending.
        minutes: Length of a visit.
    """
    rule = _parts(recurrence)
    end = _until(rule, last)
    repeat: Json = {
        "boundsPeriod": period(first, end),
        "duration": minutes,
        "durationUnit": "min",
        "timeOfDay": [at.strftime("%H:%M:%S") for at in times],
    }
    rhythm = _rhythm(rule, first, len(times))
    if rhythm is None:
        return {
            "repeat": {key: repeat[key] for key in repeat if key != "timeOfDay"},
            "code": {"text": recurrence},
        }
    count = rule.get("COUNT")
    return {
        "repeat": without_none(
            {
                "boundsPeriod": repeat["boundsPeriod"],
                "count": int(count) * len(times) if count else None,
                "duration": repeat["duration"],
                "durationUnit": repeat["durationUnit"],
                **rhythm,
                "timeOfDay": repeat["timeOfDay"],
            }
        )
    }


def _parts(recurrence: str) -> dict[str, str]:
    rule = recurrence.strip().upper().removeprefix("RRULE:")
    return dict(part.split("=", 1) for part in rule.split(";") if "=" in part)


def _until(rule: dict[str, str], last: date | None) -> date | None:
    until = rule.get("UNTIL")
    if until is None:
        return last
    day = date.fromisoformat(until[:8])
    return min(day, last) if last else day


def _rhythm(rule: dict[str, str], first: date, a_day: int) -> Json | None:
    unit = UNITS.get(rule.get("FREQ", ""))
    further = rule.keys() - UNDERSTOOD
    interval = int(rule.get("INTERVAL", "1"))
    if unit is None or not further <= {"BYDAY"}:
        return None
    days = [WEEKDAYS.get(day) for day in rule["BYDAY"].split(",")] if "BYDAY" in rule else []
    if None in days:  # "1MO": the first Monday
        return None
    if unit in {"d", "wk"} and not (unit == "d" and interval > 1 and days):
        if unit == "wk" and not days:
            days = [list(WEEKDAYS.values())[first.weekday()]]
        if days and interval > 1:
            return {"frequency": a_day * len(days), "period": interval, "periodUnit": "wk", "dayOfWeek": days}
        if days:
            return {"frequency": a_day, "period": 1, "periodUnit": "d", "dayOfWeek": days}
        return {"frequency": a_day, "period": interval, "periodUnit": "d"}
    if days or first.day > SHORTEST_MONTH:  # a rule skips months without its day, a Timing does not
        return None
    return {"frequency": a_day, "period": interval, "periodUnit": unit}
