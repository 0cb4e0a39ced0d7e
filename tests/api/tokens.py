"""Tokens and clients for tests of sign-in by other programs."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import Key
from sqlalchemy.orm import Session

from careapp.access import ViewerRole
from careapp.identity.grants import Person
from careapp.identity.tokens import TokenWish, issue_token
from careapp.keys import Keyring

ISSUER = "http://127.0.0.1"
EVERYTHING = "user/*.cruds api.read api.write"


def a_token(
    session: Session,
    keyring: Keyring,
    now: datetime,
    *,
    role: ViewerRole = ViewerRole.COORDINATOR,
    organisation_id: UUID | None = None,
    practitioner_id: UUID | None = None,
    scope: str = EVERYTHING,
    issuer: str = ISSUER,
    life: timedelta = timedelta(minutes=5),
    is_opaque: bool = False,
    subject: str = "somebody",
) -> str:
    """Return an access token of ours; the caller commits."""
    person = Person(subject, role, organisation_id, practitioner_id)
    wish = TokenWish(person, "a-client", scope, is_opaque=is_opaque)
    return issue_token(session, keyring, wish, issuer=issuer, now=now, life=life)


def signed(key: Key, claims: dict[str, Any], *, typ: str = "at+jwt", algorithm: str = "ES256") -> str:
    """Return a JWT that somebody else has signed."""
    header = {"alg": algorithm, "typ": typ, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def unsigned(token: str, **changes: Any) -> str:
    """Return a token with other claims and nobody's signature (`alg: none`)."""
    return f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': 'x'})}.{encoded(claims_of(token) | changes)}."


def claims_of(token: str) -> dict[str, Any]:
    """Return what a JWT says, unverified."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
