"""What people allowed clients: codes, refresh tokens, and the end of both.

Codes and refresh tokens are random; only their SHA-256 is stored. Each is good once, and the statement that
uses one up is the check, so that of twenty who come at once one is served.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from careapp.access import ViewerRole
from careapp.identity.client_models import Code, Grant, OpaqueToken, RefreshToken, UsedAssertion
from careapp.identity.revocations import (
    forget_revocations,
    revoke_tokens_of_grant,
    revoke_tokens_of_subject,
)

CODE_LIFE = timedelta(seconds=60)


@dataclass(frozen=True)
class Wish:
    """What a client asks a person for.

    Attributes:
        client_id: Who asks.
        redirect_uri: Where the code goes.
        scope: What is allowed, with blanks between.
        challenge: S256 of the verifier that only the client knows.
        nonce: Comes back in the ID token.
        patient_id: The patient whom the person chose.
        auth_time: When the person signed in.
    """

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    nonce: str | None = None
    patient_id: UUID | None = None
    auth_time: datetime | None = None


@dataclass(frozen=True)
class Person:
    """Who allows it.

    Attributes:
        subject: As the audit names them.
        role: What they are.
        organisation_id: To whom they belong.
        practitioner_id: Who they are as a nurse or doctor.
    """

    subject: str
    role: ViewerRole
    organisation_id: UUID | None
    practitioner_id: UUID | None


def grant(
    session: Session, code: str, *, wish: Wish, person: Person, now: datetime, life: timedelta
) -> Grant:
    """Write down that a person allowed a client something, and the code that tells the client.

    Args:
        session: A writing transaction.
        code: The code, random.
        wish: What was asked.
        person: Who allowed it.
        now: The hour.
        life: How long the client may refresh its tokens.
    """
    made = Grant(
        id=uuid4(),
        client_id=wish.client_id,
        subject=person.subject,
        role=person.role,
        organisation_id=person.organisation_id,
        practitioner_id=person.practitioner_id,
        patient_id=wish.patient_id,
        scope=wish.scope,
        code_hash=hash_of(code),
        created_at=now,
        ends_at=now + life,
        revoked_at=None,
    )
    session.add(made)
    session.flush()
    session.add(
        Code(
            code_hash=made.code_hash,
            grant_id=made.id,
            client_id=wish.client_id,
            redirect_uri=wish.redirect_uri,
            challenge=wish.challenge,
            nonce=wish.nonce,
            auth_time=wish.auth_time,
            expires_at=now + CODE_LIFE,
        )
    )
    session.flush()
    return made


def redeem_code(session: Session, code: str, *, client_id: str, now: datetime) -> tuple[Code, Grant] | None:
    """Use a code up; None if it is not (or no longer) good.

    A code that comes twice was stolen, or its tokens were: they are revoked (RFC 6749, 4.1.2).
    """
    hashed = hash_of(code)
    found = session.execute(
        delete(Code)
        .where(Code.code_hash == hashed, Code.client_id == client_id)
        .returning(Code)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    granted = session.scalar(select(Grant).where(Grant.code_hash == hashed))
    if granted is None or granted.client_id != client_id:
        return None
    if found is None:
        if session.scalar(select(Code.grant_id).where(Code.code_hash == hashed)) is None:
            revoke(session, granted, now=now)
        return None
    session.expunge(found)
    if found.expires_at <= now or granted.revoked_at is not None:
        return None
    return found, granted


def issue_refresh_token(session: Session, granted: Grant) -> str:
    """Return a new refresh token of a grant; it ends with the grant."""
    token = token_urlsafe(32)
    session.add(
        RefreshToken(token_hash=hash_of(token), grant_id=granted.id, expires_at=granted.ends_at, used_at=None)
    )
    session.flush()
    return token


def use_refresh_token(session: Session, token: str, *, client_id: str, now: datetime) -> Grant | None:
    """Use a refresh token up; None if it is not (or no longer) good.

    One that comes twice tells of a theft: the whole family is revoked (RFC 9700, 4.14.2).
    """
    hashed = hash_of(token)
    granted = session.scalar(
        select(Grant)
        .join(RefreshToken)
        .where(RefreshToken.token_hash == hashed, Grant.client_id == client_id)
    )
    if granted is None:
        return None
    used = session.execute(
        update(RefreshToken)
        .where(RefreshToken.token_hash == hashed, RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.expires_at)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if used is None:
        revoke(session, granted, now=now)
        return None
    session.refresh(granted)
    return granted if used > now and granted.revoked_at is None else None


def find_grant_of(session: Session, token: str) -> Grant | None:
    """Return the grant of a refresh token, used or not."""
    return session.scalar(select(Grant).join(RefreshToken).where(RefreshToken.token_hash == hash_of(token)))


def is_fresh(session: Session, token: str, *, now: datetime) -> bool:
    """Tell whether a refresh token is good, without using it up."""
    found = session.execute(
        select(RefreshToken.used_at, RefreshToken.expires_at, Grant.revoked_at)
        .join(Grant)
        .where(RefreshToken.token_hash == hash_of(token))
    ).one_or_none()
    return found is not None and found[0] is None and found[1] > now and found[2] is None


def revoke(session: Session, granted: Grant, *, now: datetime) -> None:
    """End a grant: no token of its family is good any more."""
    session.execute(
        update(Grant)
        .where(Grant.id == granted.id, Grant.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    revoke_tokens_of_grant(session, granted.id, now=now)


def revoke_subject(session: Session, subject: str, *, now: datetime) -> None:
    """End all that a person allowed, and all their tokens: the account is closed, or its password new."""
    session.execute(
        update(Grant)
        .where(Grant.subject == subject, Grant.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    revoke_tokens_of_subject(session, subject, now=now)


def is_first_use(session: Session, *, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Use an assertion's number up; False if it came before."""
    try:
        with session.begin_nested():
            session.add(UsedAssertion(client_id=client_id, jti_hash=hash_of(jti), expires_at=expires_at))
    except IntegrityError:
        return False
    return True


def forget_expired(session: Session, *, now: datetime) -> None:
    """Forget what can no longer be used: it costs little, and nobody else does it."""
    for model in (Code, UsedAssertion, OpaqueToken):
        session.execute(
            delete(model).where(model.expires_at <= now).execution_options(synchronize_session=False)
        )
    session.execute(delete(Grant).where(Grant.ends_at <= now).execution_options(synchronize_session=False))
    forget_revocations(session, now=now)


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret: its SHA-256, which suffices for what is random."""
    return sha256(secret.encode()).digest()
