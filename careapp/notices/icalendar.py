"""Write iCalendar (RFC 5545): invitations (RFC 5546), and calendars that only say when somebody is taken.

Times are written in UTC, so no time zone needs to be explained. Nothing here says with whom or for what.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

MEDIA_TYPE = "text/calendar"
PRODUCT = "-//careapp//careapp//DE"
_LINE_BYTES = 75
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
_QUOTED = str.maketrans({'"': "'", "\r": None, "\n": None})


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
    is_cancelled = invited.method is Method.CANCEL
    return _calendar(
        [
            f"METHOD:{invited.method.value}",
            *_event(
                invited.event,
                now,
                f"ORGANIZER:{_address(invited.organiser)}",
                # A patient has booked already: no answer is awaited.
                f"ATTENDEE;PARTSTAT=ACCEPTED;RSVP=FALSE:{_address(invited.attendee)}",
                f"STATUS:{'CANCELLED' if is_cancelled else 'CONFIRMED'}",
            ),
        ]
    )


def busy_calendar(events: Iterable[Event], *, name: str, now: datetime) -> bytes:
    """Write a calendar that other programs subscribe to.

    Args:
        events: When somebody is taken.
        name: What the calendar is called.
        now: This moment.
    """
    lines = ["METHOD:PUBLISH", f"X-WR-CALNAME:{escaped(name)}", f"NAME:{escaped(name)}"]
    lines += ["REFRESH-INTERVAL;VALUE=DURATION:PT15M", "X-PUBLISHED-TTL:PT15M"]
    for event in events:
        lines += _event(event, now, "CLASS:PRIVATE")
    return _calendar(lines)


def escaped(text: str) -> str:
    """Write a TEXT value (RFC 5545, 3.3.11)."""
    return text.translate(_ESCAPED)


def folded(line: str) -> str:
    """Break a line after at most 75 bytes, never inside a character (RFC 5545, 3.1)."""
    return "\r\n ".join(_pieces(line))


def _pieces(line: str) -> Iterator[str]:
    piece, size, room = "", 0, _LINE_BYTES
    for character in line:
        width = len(character.encode())
        if size + width > room:
            yield piece
            piece, size, room = "", 0, _LINE_BYTES - 1  # the blank that begins the next line counts
        piece += character
        size += width
    yield piece


def _calendar(lines: Iterable[str]) -> bytes:
    every = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN", *lines]
    return "".join(f"{folded(line)}\r\n" for line in [*every, "END:VCALENDAR"]).encode()


def _event(event: Event, now: datetime, *more: str) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{escaped(event.uid)}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(event.starts_at)}",
        f"DTEND:{_moment(event.ends_at)}",
        f"SEQUENCE:{event.sequence}",
        f"SUMMARY:{escaped(event.summary)}",
        "TRANSP:OPAQUE",
        *more,
        "END:VEVENT",
    ]


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _address(address: str) -> str:
    return f"mailto:{address.translate(_QUOTED)}"
