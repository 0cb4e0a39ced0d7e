"""Public keys of whoever issues tokens: kept, and fetched again when a token names one that is not known."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from fastapi.concurrency import run_in_threadpool
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from careapp.errors import CareError

LOG = logging.getLogger("careapp.auth")

PublicKey = ECKey | RSAKey
Fetch = Callable[[], Iterable[Mapping[str, Any]]]
"""Returns JWKs; runs in a thread."""

FETCHED_AGAIN_AFTER_S = 30.0
"""An unknown key makes us ask another server at most this often: a flood here must not become one there."""
KEPT_S = 3600.0
MOST_KEYS = 100


class Keys:
    """The public keys of one issuer.

    Args:
        fetch: Returns its JWKs, from the one address that the operator named.
        again_after_s: Least seconds between two fetches.
        kept_s: Seconds after which known keys are fetched again, in case one was withdrawn.
    """

    def __init__(
        self, fetch: Fetch, *, again_after_s: float = FETCHED_AGAIN_AFTER_S, kept_s: float = KEPT_S
    ) -> None:
        self._fetch = fetch
        self._again_after_s = again_after_s
        self._kept_s = kept_s
        self._keys: dict[str, PublicKey] = {}
        self._tried_at: float | None = None
        self._fetched_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def find(self, kid: str) -> PublicKey | None:
        """Return a key, perhaps after fetching; None if the issuer has none of this name."""
        if kid not in self._keys or self._is_due(kid):
            async with self._one_at_a_time:  # who comes while somebody fetches waits for what that brings
                if self._is_due(kid):
                    self._tried_at = monotonic()
                    await run_in_threadpool(self._read)
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        now = monotonic()
        if self._tried_at is not None and now - self._tried_at < self._again_after_s:
            return False
        return kid not in self._keys or self._fetched_at is None or now - self._fetched_at > self._kept_s

    def _read(self) -> None:
        # An issuer that does not answer leaves us the keys that we know: its tokens stay good.
        try:
            self._keys = dict(filter(None, map(_read_key, self._some())))
            self._fetched_at = monotonic()
        except CareError as failed:
            LOG.warning("the keys of an issuer cannot be fetched: %s", failed)

    def _some(self) -> list[Mapping[str, Any]]:
        return [jwk for jwk in self._fetch() if isinstance(jwk, Mapping)][:MOST_KEYS]


def _read_key(jwk: Mapping[str, Any]) -> tuple[str, PublicKey] | None:
    """Return a key that signs, with its name; None if it is none for us."""
    kid, kind = jwk.get("kid"), str(jwk.get("kty"))
    if not isinstance(kid, str) or kind not in _KINDS or jwk.get("use", "sig") != "sig":
        return None
    parts: dict[str, str | list[str]] = {name: value for name, value in jwk.items() if isinstance(value, str)}
    try:
        return kid, _KINDS[kind].import_key(parts)
    except (JoseError, ValueError, KeyError, TypeError):
        return None


_KINDS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
