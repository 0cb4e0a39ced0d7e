"""Public keys of clients: those that are registered, or published at an address that is."""

import json
from time import monotonic

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.auth.jwks import FETCHED_AGAIN_AFTER_S
from api.auth.server.requests import Pairs
from careapp.config import Settings
from careapp.errors import CareError
from careapp.identity.client_models import Client
from careapp.origins import origin_of
from careapp.outbound import Reach, get_json, open_client

TIMEOUT_S = 2.0
MOST_KEYS = 100


class ClientKeys:
    """Keeps the keys that clients publish. Threads may share it.

    Args:
        settings: Name the private networks that may be asked.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[str, tuple[float, KeySet | None]] = {}

    def of(self, client: Client) -> KeySet | None:
        """Return the keys that are known of a client."""
        if client.jwks is not None:
            return _key_set(client.jwks)
        return self._kept.get(client.jwks_url or "", (0.0, None))[1]

    def fetch(self, url: str) -> None:
        """Ask for a client's keys, at most every half minute: call it where no transaction is open."""
        kept = self._kept.get(url)
        if kept is not None and monotonic() - kept[0] < FETCHED_AGAIN_AFTER_S:
            return
        self._kept[url] = (monotonic(), None if kept is None else kept[1])
        origin = origin_of(url)
        if origin is None:
            return
        reach = Reach(frozenset({origin}), self._settings.outbound_networks)
        try:
            with open_client(reach, timeout_s=TIMEOUT_S) as asking:
                found = _key_set(get_json(asking, url))
        except CareError:  # the client is refused, and told that it has no keys here
            return
        if found is not None:
            self._kept[url] = (monotonic(), found)


def _key_set(content: object) -> KeySet | None:
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        return None
    try:
        return KeySet.import_key_set({"keys": content["keys"][:MOST_KEYS]})
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        return None


def announced_client(pairs: Pairs) -> str | None:
    """Return which client an assertion says to be of; nothing of it is believed yet."""
    assertion = dict(pairs).get("client_assertion")
    if assertion is None:
        return None
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    named = claims.get("sub") if isinstance(claims, dict) else None
    return named if isinstance(named, str) else None
