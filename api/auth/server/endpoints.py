"""What clients ask of tokens: end this one (RFC 7009), what is this one (RFC 7662)."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from joserfc import jwt
from joserfc.errors import JoseError

from api.auth.own import is_own_issuer
from api.auth.server.assertion import METHOD
from api.auth.server.grant_types import PROVES
from api.auth.server.requests import FormRequest
from api.auth.server.served_client import ServedClient
from careapp.identity.client_models import Grant
from careapp.identity.grants import find_grant_of, is_fresh, revoke
from careapp.identity.revocations import EVERYTHING, list_revocations, revoke_token
from careapp.identity.signing_keys import ACCESS, public_key_set
from careapp.identity.tokens import find_opaque_token
from fhir.scopes import split

if TYPE_CHECKING:
    from api.auth.server.core import Server

INTROSPECT = "introspect"
"""Scope of a client that may ask of every token, as other resource servers must."""
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)


@dataclass(frozen=True)
class Shown:
    """A token that somebody showed.

    Attributes:
        claims: What an access token says; of a refresh token, what its grant does.
        granted: The grant of a refresh token.
        is_good: It is neither used up nor expired nor revoked.
    """

    claims: dict[str, Any]
    granted: Grant | None
    is_good: bool

    def check_client(self, client: ServedClient) -> bool:
        """Tell whether it is this client's."""
        return bool(self.claims.get("client_id") == client.client_id)

    def is_expired(self) -> bool:
        """Tell whether it is good no more."""
        return not self.is_good

    def is_revoked(self) -> bool:
        """Tell whether it is good no more."""
        return not self.is_good


class Revocation(RevocationEndpoint):
    """Ends a token: an access token alone, with a refresh token the whole family."""

    CLIENT_AUTH_METHODS = PROVES
    server: "Server"

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:
        """Look a token up."""
        del token_type_hint
        return shown(self.server, token_string)

    def revoke_token(self, token: Shown, request: FormRequest) -> None:
        """End it."""
        del request
        if token.granted is not None:
            revoke(self.server.session, token.granted, now=self.server.now)
        else:
            revoke_token(self.server.session, token.claims["jti"], now=self.server.now)
        self.server.has_revoked = True


class Introspection(IntrospectionEndpoint):
    """Tells what a token says: to its client, and to those that hold `introspect`."""

    CLIENT_AUTH_METHODS = (METHOD,)
    server: "Server"

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:
        """Look a token up."""
        del token_type_hint
        return shown(self.server, token_string)

    def check_permission(self, token: Shown, client: ServedClient, request: FormRequest) -> bool:
        """Tell whether a client may know."""
        del request
        return token.check_client(client) or INTROSPECT in split(client.row.scope)

    def introspect_token(self, token: Shown) -> dict[str, Any]:
        """Return what a token says."""
        kind = {"token_type": "Bearer"} if token.granted is None else {}
        return {"active": True} | kind | token.claims


def shown(server: "Server", token: str) -> Shown | None:
    """Look a token of ours up; None if it is none."""
    granted = find_grant_of(server.session, token)
    if granted is not None:
        of_grant: dict[str, Any] = {
            "iss": server.issuer,
            "sub": granted.subject,
            "client_id": granted.client_id,
            "scope": granted.scope,
            "exp": int(granted.ends_at.timestamp()),
        }
        return Shown(of_grant, granted, is_fresh(server.session, token, now=server.now))
    claims = find_opaque_token(server.session, token, now=server.now) or _read(server, token)
    if not claims or not is_own_issuer(server.settings, claims.get("iss")):
        return None
    is_good = claims["exp"] > server.now.timestamp() and not _is_revoked(server, claims)
    return Shown(claims, None, is_good)


def _read(server: "Server", token: str) -> dict[str, Any]:
    try:
        found = jwt.decode(token, public_key_set(server.session), algorithms=[ACCESS])
    except _UNREADABLE:
        return {}
    # An ID token bears another key's signature, so what is left is one of our access tokens.
    return found.claims


def _is_revoked(server: "Server", claims: dict[str, Any]) -> bool:
    revoked = list_revocations(server.session, now=server.now)
    names = {"jti": "jti", "grant": "grant", "sub": "sub", "client": "client_id"}
    known = [EVERYTHING, *(f"{kind}:{claims.get(claim)}" for kind, claim in names.items())]
    moments: list[datetime] = [revoked[name] for name in known if name in revoked]
    return any(claims["iat"] <= moment.timestamp() for moment in moments)
