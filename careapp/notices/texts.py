"""What messages say: that there is an appointment, and when. Neither with whom, nor for what, nor where.

A telephone on the kitchen table is read by others, and an e-mail by whoever carries it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from careapp.notices.models import Language, NoticeKind

_DAYS = {
    Language.GERMAN: ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    Language.ENGLISH: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    Language.GERMAN: (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    Language.ENGLISH: (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip
_ON = {
    Language.GERMAN: "am {day}, {number}. {month} {year},",
    Language.ENGLISH: "on {day}, {number} {month} {year},",
}
_NEAR = {Language.GERMAN: ("heute", "morgen"), Language.ENGLISH: ("today", "tomorrow")}

_SUBJECTS: Mapping[Language, Mapping[NoticeKind, str]] = {
    Language.GERMAN: {
        NoticeKind.BOOKED: "Ihr Termin",
        NoticeKind.MOVED: "Ihr Termin wurde verschoben",
        NoticeKind.CANCELLED: "Ihr Termin findet nicht statt",
        NoticeKind.REMINDER: "Erinnerung an Ihren Termin",
    },
    Language.ENGLISH: {
        NoticeKind.BOOKED: "Your appointment",
        NoticeKind.MOVED: "Your appointment has been moved",
        NoticeKind.CANCELLED: "Your appointment is cancelled",
        NoticeKind.REMINDER: "Your appointment: a reminder",
    },
}
_SENTENCES: Mapping[Language, Mapping[NoticeKind, str]] = {
    Language.GERMAN: {
        NoticeKind.BOOKED: "Sie haben {when} um {clock} Uhr einen Termin.",
        NoticeKind.MOVED: "Ihr Termin wurde verschoben. Er ist jetzt {when} um {clock} Uhr.",
        NoticeKind.CANCELLED: "Ihr Termin {when} um {clock} Uhr findet nicht statt.",
        NoticeKind.REMINDER: "Sie haben {when} um {clock} Uhr einen Termin.",
    },
    Language.ENGLISH: {
        NoticeKind.BOOKED: "You have an appointment {when} at {clock}.",
        NoticeKind.MOVED: "Your appointment has been moved. It is now {when} at {clock}.",
        NoticeKind.CANCELLED: "Your appointment {when} at {clock} will not take place.",
        NoticeKind.REMINDER: "You have an appointment {when} at {clock}.",
    },
}
_AROUND = {
    Language.GERMAN: (
        "Guten Tag,",
        "Diese Nachricht wurde von selbst verschickt. Bitte antworten Sie nicht darauf.",
    ),
    Language.ENGLISH: ("Hello,", "This message was sent automatically. Please do not reply to it."),
}
APPOINTMENT = {Language.GERMAN: "Termin", Language.ENGLISH: "Appointment"}
"""What an invitation is called."""
BUSY = {Language.GERMAN: "Belegt", Language.ENGLISH: "Busy"}
"""What each entry of a doctor's calendar is called."""


@dataclass(frozen=True)
class Words:
    """A message in words.

    Attributes:
        subject: Of an e-mail.
        sentence: All that an SMS says.
        text: All that an e-mail says.
    """

    subject: str
    sentence: str
    text: str


def words(
    kind: NoticeKind, language: Language, *, starts_at: datetime, zone: ZoneInfo, now: datetime
) -> Words:
    """Put a message into words.

    Args:
        kind: What has happened.
        language: See `Language`.
        starts_at: When the appointment is; of a cancelled one, when it was to be.
        zone: Whose wall clock the patient reads.
        now: When the message leaves: it says today or tomorrow.
    """
    shown = starts_at.astimezone(zone)
    sentence = _SENTENCES[language][kind].format(
        when=_when(language, shown, now.astimezone(zone)), clock=f"{shown:%H:%M}"
    )
    greeting, end = _AROUND[language]
    return Words(_SUBJECTS[language][kind], sentence, f"{greeting}\n\n{sentence}\n\n{end}\n")


def _when(language: Language, shown: datetime, today: datetime) -> str:
    days = (shown.date() - today.date()) // timedelta(days=1)
    if days in (0, 1):
        return _NEAR[language][days]
    return _ON[language].format(
        day=_DAYS[language][shown.weekday()],
        number=shown.day,
        month=_MONTHS[language][shown.month - 1],
        year=shown.year,
    )
