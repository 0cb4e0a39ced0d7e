"""iCalendar as RFC 5545 and RFC 5546 write it."""

from datetime import UTC, datetime, timedelta

from careapp.notices.entries import (
    Event,
    Invitation,
    Method,
    busy_calendar,
    invitation,
)

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
AT = datetime(2026, 3, 3, 9, 20, tzinfo=UTC)


def an_event(**more) -> Event:
    return Event("a@careapp", AT, AT + timedelta(minutes=15), "Termin", **more)


def lines_of(content: bytes) -> list[str]:
    """Unfold, as a reader does first."""
    return content.decode().replace("\r\n ", "").split("\r\n")


class TestInvitation:
    def test_says_when_and_how_often_it_was_changed(self):
        content = invitation(
            Invitation(an_event(sequence=2), Method.REQUEST, "termine@pflege.example", "erna@mail.example"),
            now=NOW,
        )

        assert sorted(lines_of(content)) == sorted(
            [
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "PRODID:-//careapp//careapp//DE",
                "CALSCALE:GREGORIAN",
                "METHOD:REQUEST",
                "BEGIN:VEVENT",
                "UID:a@careapp",
                "DTSTAMP:20260302T170000Z",
                "DTSTART:20260303T092000Z",
                "DTEND:20260303T093500Z",
                "SEQUENCE:2",
                "SUMMARY:Termin",
                "TRANSP:OPAQUE",
                "ORGANIZER:mailto:termine@pflege.example",
                "ATTENDEE;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:erna@mail.example",
                "STATUS:CONFIRMED",
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            ]
        )

    def test_is_taken_back_under_the_same_name(self):
        content = invitation(
            Invitation(an_event(sequence=3), Method.CANCEL, "termine@pflege.example", "erna@mail.example"),
            now=NOW,
        )

        assert {"METHOD:CANCEL", "UID:a@careapp", "SEQUENCE:3", "STATUS:CANCELLED"} <= set(lines_of(content))


class TestBusyCalendar:
    def test_holds_an_entry_for_each_time(self):
        content = busy_calendar([an_event(), an_event()], name="Belegt", now=NOW)

        lines = lines_of(content)
        assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2
        assert {"METHOD:PUBLISH", "X-WR-CALNAME:Belegt", "CLASS:PRIVATE"} <= set(lines)

    def test_may_be_empty(self):
        assert "BEGIN:VEVENT" not in lines_of(busy_calendar([], name="Belegt", now=NOW))
