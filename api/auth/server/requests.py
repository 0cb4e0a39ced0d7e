"""A request as Authlib reads it, and the answer as it writes one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

Pairs = Sequence[tuple[str, str]]
"""Parameters as they came."""

_ENCRYPTED = "https://service.invalid/"
"""Authlib wants TLS. `api.edge` sees to it: we answer on loopback, or behind a reverse proxy that ends it."""


@dataclass(frozen=True)
class Answer:
    """What the server answers.

    Attributes:
        status: HTTP status.
        body: JSON, or nothing.
        headers: Further headers.
    """

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def location(self) -> str | None:
        """Where the browser is sent."""
        return self.headers.get("Location")


class Payload(OAuth2Payload):
    """The parameters of a request: of its query, or of its form."""

    def __init__(self, pairs: Pairs) -> None:
        self._data = dict(pairs)
        self._all: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._all[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        """Each parameter once."""
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """Each parameter as often as it came."""
        return self._all


class FormRequest(OAuth2Request):
    """A request to one of the endpoints."""

    def __init__(self, method: str, pairs: Pairs, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(method, _ENCRYPTED, headers=dict(headers or {}))
        self.payload = Payload(pairs)

    @property
    def args(self) -> dict[str, str]:
        """Parameters of the query."""
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        """Parameters of the form."""
        return self.payload.data


def is_sound(pairs: Iterable[tuple[str, str]]) -> bool:
    """Tell whether parameters could be meant: each once (RFC 6749, 3.1), in printable ASCII, none endless."""
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen or len(value) > MOST_CHARACTERS or not value.isascii() or not value.isprintable():
            return False
        if name in _QUOTED and ('"' in value or "\\" in value):
            return False
        seen.add(name)
    return len(seen) <= MOST_PARAMETERS


MOST_CHARACTERS = 8192
MOST_PARAMETERS = 40
_QUOTED = frozenset({"client_id", "redirect_uri", "response_type", "grant_type", "scope"})
"""Authlib repeats them in sentences, in which these signs may not stand."""
