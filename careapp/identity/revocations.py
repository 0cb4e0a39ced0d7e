"""Tokens that are refused before they expire.

Whoever checks tokens reads the whole list every few seconds; it holds no entry longer than a token can live.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.identity.client_models import Revocation

EVERYTHING = "all"
"""Name under which every token may be revoked."""
LONGEST_LIFE = timedelta(hours=24)
"""Of an access token, whoever issued it."""


def revoke_token(session: Session, jti: str, *, now: datetime) -> None:
    """Refuse one access token from now on."""
    _revoke(session, f"jti:{jti}", now)


def revoke_tokens_of_grant(session: Session, grant_id: UUID, *, now: datetime) -> None:
    """Refuse the access tokens of a sign-in from now on."""
    _revoke(session, f"grant:{grant_id}", now)


def revoke_tokens_of_client(session: Session, client_id: str, *, now: datetime) -> None:
    """Refuse every access token that a client has."""
    _revoke(session, f"client:{client_id}", now)


def revoke_tokens_of_subject(session: Session, subject: str, *, now: datetime) -> None:
    """Refuse every access token of a person; `grants.revoke_subject` ends all that is theirs."""
    _revoke(session, f"sub:{subject}", now)


def revoke_every_token(session: Session, *, now: datetime) -> None:
    """Refuse every access token that was issued until now: a key that signs them is in foreign hands."""
    _revoke(session, EVERYTHING, now)


def list_revocations(session: Session, *, now: datetime) -> dict[str, datetime]:
    """Return what is refused, and until which moment of issue: `jti:…`, `grant:…`, `client:…`, `sub:…`."""
    live = select(Revocation).where(Revocation.until > now)
    return {each.subject: each.at for each in session.scalars(live)}


def forget_revocations(session: Session, *, now: datetime) -> None:
    """Forget what no token can need any more."""
    session.execute(delete(Revocation).where(Revocation.until <= now))


def _revoke(session: Session, subject: str, now: datetime) -> None:
    session.merge(Revocation(subject=subject, at=now, until=now + LONGEST_LIFE))
    session.flush()
