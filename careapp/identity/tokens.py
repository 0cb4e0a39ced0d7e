"""Access tokens that we issue: JWTs (RFC 9068), or opaque ones whose content stays with us."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from joserfc import jwt
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import ViewerRole
from careapp.identity.client_models import OpaqueToken
from careapp.identity.grants import Person, hash_of
from careapp.identity.signing_keys import ACCESS, signing_key
from careapp.keys import Keyring

OPAQUE_PREFIX = "ct_"
"""So that a scanner for leaked secrets knows ours."""
TYPE = "at+jwt"


@dataclass(frozen=True)
class TokenWish:
    """What an access token shall say.

    Attributes:
        person: Whom it stands for; a client that acts alone stands for itself.
        client_id: Who carries it.
        scope: What it allows, with blanks between.
        patient_id: The one patient of `patient/…` scopes.
        grant_id: The family it belongs to.
        is_opaque: It carries nothing, we keep what it says.
    """

    person: Person
    client_id: str
    scope: str
    patient_id: UUID | None = None
    grant_id: UUID | None = None
    is_opaque: bool = False


def issue_token(
    session: Session, keyring: Keyring, wish: TokenWish, *, issuer: str, now: datetime, life: timedelta
) -> str:
    """Return a new access token.

    Args:
        session: A writing transaction: the first token makes the key that signs it.
        keyring: Opens that key.
        wish: What it shall say.
        issuer: Our address, which is also the audience: the tokens open this service only.
        now: The hour.
        life: How long it is good.

    Raises:
        SigningKeyUnreadable: The key was sealed with another key ring.
    """
    claims = _claims(wish, issuer, now, life)
    if wish.is_opaque:
        token = OPAQUE_PREFIX + token_urlsafe(32)
        session.add(OpaqueToken(token_hash=hash_of(token), claims=claims, expires_at=now + life))
        session.flush()
        return token
    key = signing_key(session, keyring, ACCESS, now=now)
    return jwt.encode({"alg": ACCESS, "typ": TYPE, "kid": key.kid}, claims, key, algorithms=[ACCESS])


def find_opaque_token(session: Session, token: str, *, now: datetime) -> dict[str, Any] | None:
    """Return what an opaque token says; None if it is not (or no longer) good."""
    return session.scalar(
        select(OpaqueToken.claims).where(
            OpaqueToken.token_hash == hash_of(token), OpaqueToken.expires_at > now
        )
    )


def role_of(claim: object) -> ViewerRole | None:
    """Return the role that a claim names; None if it names none that anybody may sign in as."""
    try:
        role = ViewerRole(claim) if isinstance(claim, str) else None
    except ValueError:
        return None
    return None if role is ViewerRole.SYSTEM else role


def _claims(wish: TokenWish, issuer: str, now: datetime, life: timedelta) -> dict[str, Any]:
    issued_at = int(now.timestamp())
    person = wish.person
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": issuer,
        "sub": person.subject,
        "client_id": wish.client_id,
        "iat": issued_at,
        "exp": issued_at + int(life.total_seconds()),
        "jti": token_urlsafe(16),
        "scope": wish.scope,
        "role": person.role.value,
    }
    for name, value in (
        ("organisation", person.organisation_id),
        ("practitioner", person.practitioner_id),
        ("patient", wish.patient_id),
        ("grant", wish.grant_id),
    ):
        if value is not None:
            claims[name] = str(value)
    return claims
