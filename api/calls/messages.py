"""What a page may say over its socket: JSON texts of few kinds, each with its bounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

MOST_BYTES = 65_536
"""Of one message; descriptions of sessions with many candidates have about 10 kB."""
MOST_SDP, MOST_CANDIDATE, MOST_TEXT, MOST_ROUND = 60_000, 2_000, 2_000, 64

OFFER, ANSWER, CANDIDATE, READY = "offer", "answer", "candidate", "ready"
TEXT, MEDIA = "text", "media"
ADMIT, REFUSE, END, LEAVE, STAY = "admit", "refuse", "end", "leave", "stay"
CONSENT = "consent"
"""The patient has agreed by word of mouth to the nurse or doctor who says so."""

BETWEEN_TWO = frozenset({OFFER, ANSWER, CANDIDATE, READY})
"""They go from one page to one other."""


_Given = dict[str, Any]


class Malformed(Exception):
    """A message that no page of ours sends."""


@dataclass(frozen=True)
class Said:
    """A message that was understood.

    Attributes:
        kind: One of the words above.
        about: The participant to whom it goes, or whom it is about.
        content: What goes on to others, as it is.
    """

    kind: str
    about: UUID | None
    content: _Given


def read(text: str) -> Said:
    """Understand a message.

    Raises:
        Malformed: It is none.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise Malformed
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as refused:
        raise Malformed from refused
    if not isinstance(given, dict) or not isinstance(kind := given.get("kind"), str):
        raise Malformed
    reader = _READERS.get(kind)
    if reader is None:
        raise Malformed
    return Said(kind, _id(given, _ABOUT[kind]) if kind in _ABOUT else None, reader(given))


def _description(given: _Given) -> _Given:
    return {"sdp": _text(given, "sdp", MOST_SDP), "round": _text(given, "round", MOST_ROUND)}


def _found_candidate(given: _Given) -> _Given:
    return {"candidate": _candidate(given.get("candidate")), "round": _text(given, "round", MOST_ROUND)}


def _devices(given: _Given) -> _Given:
    return {name: _flag(given, name) for name in ("camera", "microphone")}


def _language(given: _Given) -> _Given:
    if given.get("language") not in ("de", "en"):
        raise Malformed
    return {"language": given["language"]}


def _nothing(given: _Given) -> _Given:
    del given
    return {}


def _text(given: _Given, name: str, most: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Malformed
    return value


def _flag(given: _Given, name: str) -> bool:
    value = given.get(name)
    if not isinstance(value, bool):
        raise Malformed
    return value


def _id(given: _Given, name: str) -> UUID:
    try:
        return UUID(_text(given, name, 36))
    except ValueError as refused:
        raise Malformed from refused


def _candidate(value: Any) -> _Given:
    """Keep of an RTCIceCandidateInit what the other side needs."""
    if not isinstance(value, dict) or not isinstance(line := value.get("candidate"), str):
        raise Malformed
    mid, index, fragment = value.get("sdpMid"), value.get("sdpMLineIndex"), value.get("usernameFragment")
    is_bounded = (
        len(line) <= MOST_CANDIDATE
        and (mid is None or (isinstance(mid, str) and len(mid) <= MOST_ROUND))
        and (index is None or (type(index) is int and 0 <= index < MOST_ROUND))
        and (fragment is None or (isinstance(fragment, str) and len(fragment) <= 4 * MOST_ROUND))
    )
    if not is_bounded:
        raise Malformed
    return {"candidate": line, "sdpMid": mid, "sdpMLineIndex": index, "usernameFragment": fragment}


_ABOUT = dict.fromkeys(BETWEEN_TWO, "to") | dict.fromkeys((ADMIT, REFUSE), "participant")

_READERS: Mapping[str, Callable[[_Given], _Given]] = {
    OFFER: _description,
    ANSWER: _description,
    CANDIDATE: _found_candidate,
    READY: _nothing,
    TEXT: lambda given: {"text": _text(given, "text", MOST_TEXT)},
    MEDIA: _devices,
    CONSENT: _language,
    ADMIT: _nothing,
    REFUSE: _nothing,
    END: _nothing,
    LEAVE: _nothing,
    STAY: _nothing,
}
