"""Who carries a call's pictures and voices: browsers among themselves, or a certified provider.

A provider is handed a participant by an address that is made when they join, never before. What stands in it
says no name and nothing of ours: a token in the JSON Web format (RFC 7519), signed with a key that the
operator and the provider share, good for a minute and for one use, which the provider checks by `jti`.
"""

import hmac
import os
import secrets
import stat
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from joserfc import jwt
from joserfc.jwk import OctKey

from careapp.calls.models import CallPart, ProviderKind
from careapp.calls.seats import Seat
from careapp.config import Settings, UnsafeSettings
from careapp.origins import origin_of

ADDRESS_LASTS = timedelta(seconds=60)
TOKEN, ROOM = "{token}", "{room}"
LEAST_KEY_BYTES = 32
OWN_PAGES = "/join/call", "/calls/{call_id}"
"""Of the embedded call: for who came by a link, and for nurses and doctors."""


class VideoProvider(Protocol):
    """Somebody who carries calls."""

    @property
    def kind(self) -> ProviderKind:
        """Which of the two."""
        ...

    def address(self, seat: Seat, *, room: str, now: datetime) -> str:
        """Return where an admitted participant joins.

        Args:
            seat: Theirs.
            room: By which name the provider knows the call.
            now: This moment.
        """
        ...


class Embedded:
    """Our own pages and signalling; the browsers speak with each other."""

    kind = ProviderKind.EMBEDDED

    def address(self, seat: Seat, *, room: str, now: datetime) -> str:
        """Return the path of our own page: the seat's cookie or the sign-in is the key to it."""
        del room, now
        by_link, signed_in = OWN_PAGES
        return by_link if seat.viewer.practitioner_id is None else signed_in.format(call_id=seat.call_id)


class HandOver:
    """A certified provider elsewhere.

    Args:
        template: Its address with `{token}` in it, and perhaps `{room}`.
        key: Shared with it.
    """

    kind = ProviderKind.EXTERNAL

    def __init__(self, template: str, key: bytes) -> None:
        origin = origin_of(template)
        if origin is None or not origin.startswith("https://") or TOKEN not in template:
            raise UnsafeSettings(
                "CAREAPP_CALLS_URL: name the provider with HTTPS and {token} in it, like "
                "https://video.example/join#{token}"
            )
        if len(key) < LEAST_KEY_BYTES:
            raise UnsafeSettings(f"CAREAPP_CALLS_KEY_FILE: the key must have {LEAST_KEY_BYTES} bytes or more")
        self.origin = origin
        self._template = template
        self._key = key

    def address(self, seat: Seat, *, room: str, now: datetime) -> str:
        """Return the provider's address for one participant, at this moment."""
        claims = {
            "iss": "careapp",
            "aud": self.origin,
            "sub": self._pseudonym(seat),
            "room": room,
            "role": "moderator" if seat.part is CallPart.DOCTOR and seat.is_host else "participant",
            "video": seat.medium.value == "video",
            "jti": secrets.token_urlsafe(16),
            "iat": int(now.timestamp()),
            "exp": int((now + ADDRESS_LASTS).timestamp()),
        }
        token = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(self._key))
        return self._template.replace(TOKEN, quote(token, safe="")).replace(ROOM, quote(room, safe=""))

    def _pseudonym(self, seat: Seat) -> str:
        # The same when somebody comes again, and no id of ours.
        return hmac.digest(self._key, b"participant|" + seat.participant_id.bytes, sha256).hex()[:32]


def choose_provider(settings: Settings) -> VideoProvider:
    """Return who carries calls by the operator's settings.

    Raises:
        UnsafeSettings: Only one of the two settings is there, or one cannot be used.
    """
    if settings.calls_url is None and settings.calls_key_file is None:
        return Embedded()
    if settings.calls_url is None or settings.calls_key_file is None:
        raise UnsafeSettings(
            "CAREAPP_CALLS_URL and CAREAPP_CALLS_KEY_FILE belong together: set both, or none"
        )
    return HandOver(settings.calls_url, _read(settings.calls_key_file))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read().strip()
    except OSError as refused:
        raise UnsafeSettings(f"CAREAPP_CALLS_KEY_FILE cannot be read ({refused.strerror})") from refused
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UnsafeSettings("other accounts may read the file of CAREAPP_CALLS_KEY_FILE: `chmod 600` it")
    return key
