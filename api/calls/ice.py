"""How browsers find a way to each other: STUN and TURN servers, with passwords that end by themselves.

Passwords are made as coturn's `use-auth-secret` expects them
(https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00): the name is `expiry:who`, the
password the HMAC-SHA1 of the name under a secret that only coturn and we know.
"""

import base64
import hmac
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID

from careapp.config import Settings, UnsafeSettings
from careapp.secret_files import read_secret

LASTS = timedelta(hours=4)
"""Longer than any consultation: coturn asks for the password again while a call goes on."""


class Ice:
    """Makes what `RTCPeerConnection` is told about servers.

    Args:
        settings: `ice_urls`, `turn_secret_file`, `relay_only`.

    Raises:
        UnsafeSettings: The secret is missing where it is needed, or cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._stun = [each for each in settings.ice_addresses if each.startswith("stun")]
        self._turn = [each for each in settings.ice_addresses if each.startswith("turn")]
        self._relay_only = settings.relay_only
        self._secret = b""
        if self._relay_only and not self._turn:
            raise UnsafeSettings("CAREAPP_RELAY_ONLY: name a TURN server in CAREAPP_ICE_URLS")
        if self._turn and settings.turn_secret_file is None:
            raise UnsafeSettings(
                "CAREAPP_ICE_URLS names a TURN server: name the file with its secret in "
                "CAREAPP_TURN_SECRET_FILE"
            )
        if settings.turn_secret_file is not None:
            self._secret = read_secret(settings.turn_secret_file, "CAREAPP_TURN_SECRET_FILE", least_bytes=16)

    def configuration(self, participant_id: UUID, *, now: datetime) -> dict[str, Any]:
        """Return an RTCConfiguration for one participant; nobody else is given this password.

        Args:
            participant_id: Whose; the server learns a pseudonym of it.
            now: This moment, from which on the password lasts.
        """
        servers: list[dict[str, Any]] = [{"urls": self._stun}] if self._stun else []
        if self._turn:
            expires = int((now + LASTS).timestamp())
            name = f"{expires}:{sha256(self._secret + participant_id.bytes).hexdigest()[:16]}"
            servers.append(
                {"urls": self._turn, "username": name, "credential": password_of(name, self._secret)}
            )
        return {"iceServers": servers, "iceTransportPolicy": "relay" if self._relay_only else "all"}


def password_of(name: str, secret: bytes) -> str:
    """Return the password that goes with a name."""
    return base64.b64encode(hmac.digest(secret, name.encode(), sha1)).decode()
