"""Why a socket is closed: codes of RFC 6455's private range, which the page turns into sentences."""

from enum import IntEnum

from careapp.calls.commands import CallNotOpen, ConsentMissing, NotAdmitted, NotWaiting, WasRefused
from careapp.calls.seats import CallOff, DoorClosed
from careapp.errors import CareError, Conflict, Forbidden, NotFound, Throttled


class Code(IntEnum):
    """What a socket is closed with."""

    ENDED = 4000
    """The doctor has ended the call."""
    LEFT = 4001
    """They left, as they said."""
    REPLACED = 4002
    """The same page has come again."""
    MALFORMED = 4400
    NO_SEAT = 4401
    """Not signed in, or the link's seat holds no longer."""
    REFUSED = 4403
    NOT_FOUND = 4404
    SEAT_TAKEN = 4409
    """Somebody sits there already, or the room is full."""
    OFF = 4410
    """The consultation is called off, or over."""
    EXTERNAL = 4421
    """Another provider carries this call."""
    TOO_EARLY = 4425
    """The reason says from when the door is open."""
    CONSENT = 4428
    TOO_MUCH = 4429
    UNFORESEEN = 4500
    ELSEWHERE = 4503
    """Another process of ours holds the room, or this one has no more room."""


_OF_ERRORS: tuple[tuple[type[CareError], Code], ...] = (
    (ConsentMissing, Code.CONSENT),
    (WasRefused, Code.REFUSED),
    (DoorClosed, Code.OFF),
    (CallOff, Code.OFF),
    (Throttled, Code.TOO_MUCH),
    (NotFound, Code.NOT_FOUND),
    (Forbidden, Code.REFUSED),
    (Conflict, Code.OFF),
)


class SocketClosed(Exception):
    """The socket is to be closed, with a code and perhaps a word for the page."""

    def __init__(self, code: Code, reason: str = "") -> None:
        super().__init__(code.name)
        self.code, self.reason = code, reason


def closing(error: CareError) -> SocketClosed:
    """Return how a socket is closed because of an error; no sentence of it leaves."""
    if isinstance(error, DoorClosed) and error.opens_at is not None:
        return SocketClosed(Code.TOO_EARLY, error.opens_at.isoformat())
    code = next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), Code.UNFORESEEN)
    return SocketClosed(code)


WORDS: tuple[tuple[type[CareError], str], ...] = (
    (ConsentMissing, "consent"),
    (CallNotOpen, "not-open"),
    (NotWaiting, "not-waiting"),
    (NotAdmitted, "not-admitted"),
)
"""What a page is told about something that it asked for in vain."""


def word_of(error: CareError) -> str:
    """Return a word for the page."""
    return next((word for kind, word in WORDS if isinstance(error, kind)), "refused")
