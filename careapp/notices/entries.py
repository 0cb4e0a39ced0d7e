"""Write iCalendar (RFC 5545): invitations (RFC 5546), and calendars that only say when somebody is taken.

Times are written in UTC, so no time zone needs to be explained. Nothing here says with whom or for what.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import icalendar
from icalendar import vCalAddress

MEDIA_TYPE = "text/calendar"
PRODUCT = "-//careapp//careapp//DE"
_REFRESHED_AFTER = timedelta(minutes=15)


class Method(StrEnum):
    """What an invitation asks for."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True)
class Event:
    """One entry.

    Attributes:
        uid: Stays the same as long as it is the same appointment.
        starts_at: Its first moment.
        ends_at: The moment after its last.
        summary: What it is called.
        sequence: How often it was changed.
    """

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    sequence: int = 0


@dataclass(frozen=True, repr=False)
class Invitation:
    """One entry for somebody's calendar.

    Attributes:
        event: What.
        method: That it takes place, or that it does not.
        organiser: E-mail address of whoever invites.
        attendee: E-mail address of whoever is invited.
    """

    event: Event
    method: Method
    organiser: str
    attendee: str


def invitation(invited: Invitation, *, now: datetime) -> bytes:
    """Write an invitation or its cancellation."""
    calendar = _calendar(invited.method.value)
    entry = _entry(invited.event, now)
    entry.add("organizer", vCalAddress(f"mailto:{invited.organiser}"))
    # A patient has booked already: no answer is awaited.
    patient = vCalAddress(f"mailto:{invited.attendee}")
    entry.add("attendee", patient, parameters={"PARTSTAT": "ACCEPTED", "RSVP": "FALSE"})
    entry.add("status", "CANCELLED" if invited.method is Method.CANCEL else "CONFIRMED")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def busy_calendar(events: Iterable[Event], *, name: str, now: datetime) -> bytes:
    """Write a calendar that other programs subscribe to.

    Args:
        events: When somebody is taken.
        name: What the calendar is called.
        now: This moment.
    """
    calendar = _calendar("PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)  # older programs read this one
    calendar.add("refresh-interval", _REFRESHED_AFTER, parameters={"VALUE": "DURATION"})
    for event in events:
        entry = _entry(event, now)
        entry.add("class", "PRIVATE")
        calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _calendar(method: str) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    for name, value in (
        ("prodid", PRODUCT),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", method),
    ):
        calendar.add(name, value)
    return calendar


def _entry(event: Event, now: datetime) -> icalendar.Event:
    entry = icalendar.Event()
    entry.add("uid", event.uid)
    entry.add("dtstamp", now.astimezone(UTC))
    entry.add("dtstart", event.starts_at.astimezone(UTC))
    entry.add("dtend", event.ends_at.astimezone(UTC))
    entry.add("sequence", event.sequence)
    entry.add("summary", event.summary)
    entry.add("transp", "OPAQUE")
    return entry
