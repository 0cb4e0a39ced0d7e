"""How a client with a key proves itself: `private_key_jwt` (RFC 7523), as SMART Backend Services wants it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.auth.server.requests import FormRequest
from api.auth.server.served_client import ServedClient
from careapp.identity.grants import is_first_use

if TYPE_CHECKING:
    from api.auth.server.core import Server

METHOD = "private_key_jwt"
ALGORITHMS = ("RS384", "ES384", "RS256", "ES256")
"""SMART demands the first two; Authlib's own list refuses them."""
LONGEST_LIFE_S = 300
LEEWAY_S = 10

UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)


class KeyAssertion(JWTBearerClientAssertion):
    """Reads the assertion of one request."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, server: "Server") -> None:
        super().__init__()
        self.server = server

    def __call__(self, query_client: Any, request: FormRequest) -> ServedClient | None:
        """Return the client that an assertion proves; None if there is none.

        Raises:
            InvalidClientError: It does not hold.
        """
        try:
            found: ServedClient | None = super().__call__(query_client, request)
        except UNREADABLE as malformed:
            raise InvalidClientError(description="The assertion cannot be read") from malformed
        named = request.form.get("client_id")
        if found is not None and named is not None and named != found.client_id:
            raise InvalidClientError(description="The assertion is of another client")
        return found

    def get_audiences(self) -> list[str]:
        """Return how clients may call us."""
        return [self.server.token_address, self.server.issuer]

    def resolve_client_public_key(self, client: ServedClient) -> KeySet:
        """Return a client's public keys.

        Raises:
            InvalidClientError: It has none.
        """
        keys = self.server.keys_of(client.row)
        if keys is None:
            raise InvalidClientError(description="The client has no keys here")
        return keys

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        """Verify an assertion: who signed it, for whom, until when, and that it comes for the first time.

        Raises:
            InvalidClientError: It does not hold.
        """
        try:
            claims = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS)).claims
        except UNREADABLE as broken:
            raise InvalidClientError(description="The assertion's signature does not hold") from broken
        self._require(claims)
        return claims

    def _require(self, claims: Mapping[str, Any]) -> None:
        now = self.server.now.timestamp()
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        expires_at, jti = claims.get("exp"), claims.get("jti")
        if claims.get("iss") != claims.get("sub"):
            raise InvalidClientError(description="iss and sub are the client's id")
        if not any(each in self.get_audiences() for each in named):
            raise InvalidClientError(description="aud is the address of the token endpoint")
        if not isinstance(expires_at, int | float) or not now < expires_at <= now + LONGEST_LIFE_S + LEEWAY_S:
            raise InvalidClientError(description="exp lies at most five minutes ahead")
        begins_at = claims.get("nbf", now)
        if not isinstance(begins_at, int | float) or begins_at > now + LEEWAY_S:
            raise InvalidClientError(description="The assertion is not good yet")
        if not isinstance(jti, str) or not jti:
            raise InvalidClientError(description="jti is missing")
        if not is_first_use(
            self.server.session, client_id=str(claims["sub"]), jti=jti, expires_at=self.server.latest_expiry
        ):
            raise InvalidClientError(description="The assertion was used before")
