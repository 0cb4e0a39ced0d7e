"""Sign in by `Authorization: Bearer …`: our own tokens, and those of configured issuers.

A token is verified once and then remembered by its hash until it expires; what is revoked is asked of the
database every two seconds, so a revoked token is refused within that time by every process.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from joserfc import jws, jwt
from joserfc.errors import JoseError
from sqlalchemy.orm import Session, sessionmaker

from api.auth.issuers import OURSELVES, Issuer, read_issuers
from api.auth.jwks import Keys
from api.auth.own import is_own_issuer
from api.auth.viewers import TokenRefused
from careapp.access import Viewer
from careapp.config import Settings
from careapp.identity.revocations import EVERYTHING, list_revocations
from careapp.identity.signing_keys import ALGORITHMS, public_keys
from careapp.identity.tokens import OPAQUE_PREFIX, find_opaque_token
from careapp.origins import Network, origin_of
from careapp.outbound import Reach, get_json, open_client

MOST_CHARACTERS = 8192
MOST_REMEMBERED = 5000
REVOCATIONS_READ_EVERY_S = 2.0
OWN_KEYS_READ_EVERY_S = 0.5
OWN_KEYS_KEPT_S = 60.0
JWKS_TIMEOUT_S = 2.0
LEEWAY_S = 10
"""How far another issuer's clock may be ahead."""
_END_OF_TIME = 1e11

_OWN = Issuer(issuer=OURSELVES, jwks_url="http://localhost/oauth/jwks", audiences=(OURSELVES,))
"""How our own tokens say who somebody is."""


@dataclass(frozen=True)
class _Accepted:
    viewer: Viewer
    issued_at: float
    expires_at: float
    names: tuple[str, ...]
    """Under which it may be revoked."""


class Tokens:
    """Tells whom a bearer token stands for.

    Args:
        sessions: Factory of reading sessions.
        settings: Name our address and the issuers.
    """

    def __init__(self, sessions: sessionmaker[Session], settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings
        self._own_keys = Keys(self._fetch_own, again_after_s=OWN_KEYS_READ_EVERY_S, kept_s=OWN_KEYS_KEPT_S)
        self._issuers = {
            each.issuer: (each, Keys(partial(_fetch, each.jwks_url, settings.outbound_networks)))
            for each in read_issuers(settings.issuers)
        }
        self._remembered: dict[bytes, _Accepted] = {}
        self._revoked: dict[str, float] = {}
        self._revoked_read_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def viewer_of(self, token: str, *, now: datetime) -> Viewer:
        """Return whom a token stands for.

        Raises:
            TokenRefused: It is none of ours nor of a known issuer, was changed, has expired or was revoked.
        """
        digest = sha256(token.encode()).digest()
        accepted = self._remembered.get(digest)
        if accepted is None:
            accepted = await self._verify(token, now)
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = accepted
        if accepted.expires_at <= now.timestamp():
            self._remembered.pop(digest, None)
            raise TokenRefused("the token has expired: ask for a new one")
        await self._read_revocations(now)
        if any(accepted.issued_at <= self._revoked.get(name, 0) for name in accepted.names):
            raise TokenRefused("the token was revoked: sign in again")
        return accepted.viewer

    def forget(self) -> None:
        """Read revocations anew at the next request: this process has just written one."""
        self._revoked_read_at = None

    async def _verify(self, token: str, now: datetime) -> _Accepted:
        if len(token) > MOST_CHARACTERS or not token.isascii():
            raise TokenRefused("that is no access token")
        if token.startswith(OPAQUE_PREFIX):
            claims = await run_in_threadpool(self._find_opaque, token, now)
            if claims is None:
                raise TokenRefused("the token is not known, or has expired: ask for a new one")
            return self._accepted_own(claims)
        kid, issuer_name = _announced(token)
        known = self._issuers.get(issuer_name)
        if known is None:
            verified = await _verified(token, kid, self._own_keys, ALGORITHMS)
            _require_type(verified, "at+jwt")
            _require_times(verified.claims, now)
            return self._accepted_own(verified.claims)
        issuer, keys = known
        verified = await _verified(token, kid, keys, issuer.algorithms)
        _require_type(verified, issuer.typ)
        _require_times(verified.claims, now)
        _require_audience(verified.claims, issuer.audiences)
        return _accepted(verified.claims, issuer.viewer_of(verified.claims), issuer.client_claim)

    def _accepted_own(self, claims: Mapping[str, Any]) -> _Accepted:
        if not is_own_issuer(self._settings, claims.get("iss")) or claims.get("aud") != claims["iss"]:
            raise TokenRefused("the token is for another service")
        return _accepted(claims, _OWN.viewer_of(claims), _OWN.client_claim)

    async def _read_revocations(self, now: datetime) -> None:
        if not self._revocations_are_due():
            return
        if self._revoked_read_at is None:
            async with self._one_at_a_time:
                if self._revoked_read_at is None:
                    self._revoked = await run_in_threadpool(self._list_revocations, now)
                    self._revoked_read_at = monotonic()
            return
        self._revoked_read_at = monotonic()  # others go on with what is known meanwhile
        self._revoked = await run_in_threadpool(self._list_revocations, now)

    def _revocations_are_due(self) -> bool:
        return self._revoked_read_at is None or monotonic() - self._revoked_read_at > REVOCATIONS_READ_EVERY_S

    def _list_revocations(self, now: datetime) -> dict[str, float]:
        with self._sessions.begin() as session:
            return {name: at.timestamp() for name, at in list_revocations(session, now=now).items()}

    def _find_opaque(self, token: str, now: datetime) -> dict[str, Any] | None:
        with self._sessions.begin() as session:
            return find_opaque_token(session, token, now=now)

    def _fetch_own(self) -> list[dict[str, Any]]:
        with self._sessions.begin() as session:
            return public_keys(session)


async def bearer(request: Request) -> Viewer | None:
    """Tell who asks by their token; None if none is shown.

    Raises:
        TokenRefused: One is shown that does not hold.
    """
    shown = request.headers.getlist("authorization")
    if not shown:
        return None
    scheme, _, token = shown[0].partition(" ")
    if scheme.lower() != "bearer":
        return None
    if len(shown) > 1:
        raise TokenRefused("show one token")
    tokens: Tokens = request.app.state.tokens
    return await tokens.viewer_of(token.strip(), now=request.app.state.clock())


def _announced(token: str) -> tuple[str, str]:
    """Return which key and issuer a token says to be of: nothing of it is believed yet."""
    try:
        found = jws.extract_compact(token.encode())
        kid = found.headers().get("kid")
        issuer = _json(found.payload).get("iss")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as malformed:
        raise TokenRefused("that is no access token") from malformed
    if not isinstance(kid, str) or not isinstance(issuer, str):
        raise TokenRefused("the token names no key (kid) or no issuer (iss)")
    return kid, issuer


def _json(payload: bytes) -> dict[str, Any]:
    found = json.loads(payload)
    if not isinstance(found, dict):
        raise TypeError
    return found


async def _verified(token: str, kid: str, keys: Keys, algorithms: tuple[str, ...]) -> jwt.Token:
    key = await keys.find(kid)
    if key is None:
        raise TokenRefused("nobody known has signed the token: sign in again")
    try:
        return jwt.decode(token, key, algorithms=list(algorithms))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as broken:
        raise TokenRefused("the token's signature does not hold") from broken


def _require_type(verified: jwt.Token, typ: str) -> None:
    written = str(verified.header.get("typ", "")).lower().removeprefix("application/")
    if written != typ.lower() or (typ == "JWT" and verified.claims.get("typ") != "Bearer"):
        raise TokenRefused("that is no access token")


def _require_times(claims: Mapping[str, Any], now: datetime) -> None:
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if not all(isinstance(each, int | float) and 0 <= each < _END_OF_TIME for each in times):
        raise TokenRefused("the token does not say when it was issued and when it expires")
    if max(claims["iat"], claims.get("nbf", 0)) > now.timestamp() + LEEWAY_S:
        raise TokenRefused("the token is not good yet")


def _require_audience(claims: Mapping[str, Any], audiences: tuple[str, ...]) -> None:
    written = claims.get("aud")
    named = written if isinstance(written, list) else [written]
    if not any(each in audiences for each in named if isinstance(each, str)):
        raise TokenRefused("the token is for another service")


def _accepted(claims: Mapping[str, Any], viewer: Viewer, client_claim: str) -> _Accepted:
    names = {"jti": "jti", "grant": "grant", "sub": "sub", "client": client_claim}
    return _Accepted(
        viewer,
        float(claims["iat"]),
        float(claims["exp"]),
        (EVERYTHING, *(f"{kind}:{claims[claim]}" for kind, claim in names.items() if claim in claims)),
    )


def _fetch(url: str, networks: tuple[Network, ...]) -> list[dict[str, Any]]:
    origin = origin_of(url)
    assert origin is not None  # noqa: S101 -- `Issuer` has seen to it
    with open_client(Reach(frozenset({origin}), networks), timeout_s=JWKS_TIMEOUT_S) as client:
        found = get_json(client, url)
    keys = found.get("keys") if isinstance(found, dict) else None
    return keys if isinstance(keys, list) else []
