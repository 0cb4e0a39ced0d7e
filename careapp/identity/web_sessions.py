"""Browsers that are signed in, and sign-ins that have begun.

Of a cookie only a hash is kept: whoever reads the database cannot sign in with what they find. A value is
random, 256 bits, and never used for two sessions: signing in always makes a new one.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.identity.accounts import viewer_of
from careapp.identity.models import Account, Language, Proof, SignInStep, StepPurpose, WebSession
from careapp.identity.throttling import forget_failures
from careapp.records import audit

STEP_LASTS = timedelta(minutes=10)
"""How long a sign-in may take from its first answer to its last."""
_USED_PART = 6
"""A session's rest is written anew when a sixth of it is gone, not at each request."""


@dataclass(frozen=True)
class Stranger:
    """A person whom an external provider knows, as it describes them.

    Attributes:
        issuer: The provider.
        subject: By which name the audit knows the person, the same as with a token of this provider.
        role: What they are.
        organisation_id: To whom they belong.
        practitioner_id: Who a nurse or doctor is.
        tokens_sealed: The provider's tokens.
    """

    issuer: str
    subject: str
    role: ViewerRole
    organisation_id: UUID | None
    practitioner_id: UUID | None
    tokens_sealed: bytes | None = None

    @property
    def viewer(self) -> Viewer:
        """What they sign in as."""
        return Viewer(self.subject, self.role, self.organisation_id, self.practitioner_id)


@dataclass(frozen=True)
class Lifetimes:
    """How long a web session lasts.

    Attributes:
        idle: Without a request.
        whole: At most.
    """

    idle: timedelta
    whole: timedelta


@dataclass(frozen=True)
class OpenSession:
    """A web session that holds.

    Attributes:
        id: Its key.
        viewer: Who is signed in.
        account_id: None: somebody whom a provider knows.
        language: Of our pages.
        proof: By what they have shown who they are.
        idle_until: When it ends unless it is used.
        ends_at: When it ends however much it is used.
    """

    id: UUID
    viewer: Viewer
    account_id: UUID | None
    language: Language
    proof: Proof
    idle_until: datetime
    ends_at: datetime


def open_web_session(
    session: Session,
    who: Account | Stranger,
    *,
    proof: Proof,
    language: Language,
    lifetimes: Lifetimes,
    now: datetime,
    instead_of: str | None = None,
) -> str:
    """Sign a browser in.

    Args:
        session: A writing transaction.
        who: A person with an account, or one whom a provider knows.
        proof: By what they have shown who they are.
        language: Of our pages.
        lifetimes: How long it lasts.
        now: This moment.
        instead_of: The browser's cookie so far; that session ends.

    Returns:
        The cookie's value, which is nowhere else.
    """
    if instead_of is not None:
        session.execute(delete(WebSession).where(WebSession.cookie_hash == hash_of(instead_of)))
    cookie = secrets.token_urlsafe(32)
    row = WebSession(
        id=uuid4(),
        cookie_hash=hash_of(cookie),
        language=language,
        proof=proof,
        opened_at=now,
        idle_until=now + lifetimes.idle,
        ends_at=now + lifetimes.whole,
    )
    if isinstance(who, Account):
        row.account_id, viewer = who.id, viewer_of(who)
    else:
        row.issuer, row.subject, row.role = who.issuer, who.subject, who.role
        row.organisation_id, row.practitioner_id = who.organisation_id, who.practitioner_id
        row.tokens_sealed, viewer = who.tokens_sealed, who.viewer
    session.add(row)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="sign_in", subject=row, proof=proof.value)
    return cookie


def find_web_session(session: Session, cookie: str, *, now: datetime) -> OpenSession | None:
    """Return what a browser's cookie stands for; None if it does not hold, or its account no longer does."""
    found = session.execute(
        select(WebSession, Account)
        .outerjoin(Account, Account.id == WebSession.account_id)
        .where(
            WebSession.cookie_hash == hash_of(cookie), WebSession.idle_until > now, WebSession.ends_at > now
        )
    ).one_or_none()
    if found is None:
        return None
    row, account = found
    if account is not None and not account.is_active:
        return None
    return OpenSession(
        row.id,
        _viewer(row, account),
        row.account_id,
        row.language,
        row.proof,
        row.idle_until,
        row.ends_at,
    )


def is_due(found: OpenSession, *, lifetimes: Lifetimes, now: datetime) -> bool:
    """Tell whether the session's use must be written down."""
    return found.idle_until - now < lifetimes.idle - lifetimes.idle / _USED_PART < found.ends_at - now


def prolong(session: Session, found: OpenSession, *, lifetimes: Lifetimes, now: datetime) -> None:
    """Write down that a session is used."""
    session.execute(
        update(WebSession).where(WebSession.id == found.id).values(idle_until=now + lifetimes.idle)
    )


def close_web_session(session: Session, cookie: str, *, now: datetime) -> tuple[str, bytes] | None:
    """Sign a browser out.

    Returns:
        The name and the sealed tokens of a person whom a provider knows: there they should be signed out too.
    """
    row = session.scalar(select(WebSession).where(WebSession.cookie_hash == hash_of(cookie)))
    if row is None:
        return None
    account = session.get(Account, row.account_id) if row.account_id is not None else None
    audit.record(session, viewer=_viewer(row, account), now=now, action="sign_out", subject=row)
    session.delete(row)
    return None if row.subject is None or row.tokens_sealed is None else (row.subject, row.tokens_sealed)


def close_others(session: Session, account_id: UUID, *, keep: UUID) -> int:
    """Sign out every other browser of an account; returns how many."""
    others = delete(WebSession).where(WebSession.account_id == account_id, WebSession.id != keep)
    return len(session.scalars(others.returning(WebSession.id)).all())


def begin_step(
    session: Session,
    purpose: StepPurpose,
    cookie: str,
    content: dict[str, Any],
    *,
    account_id: UUID | None = None,
    now: datetime,
) -> None:
    """Remember what a sign-in waits for, bound to the browser's cookie, in place of what it waited for."""
    key = _step_key(purpose, cookie)
    session.execute(delete(SignInStep).where(SignInStep.cookie_hash == key))
    session.add(
        SignInStep(
            cookie_hash=key, purpose=purpose, account_id=account_id, content=content, ends_at=now + STEP_LASTS
        )
    )
    session.flush()


def find_step(session: Session, purpose: StepPurpose, cookie: str, *, now: datetime) -> SignInStep | None:
    """Return what a sign-in waits for, and leave it; None if it is over."""
    return session.scalar(
        select(SignInStep).where(
            SignInStep.cookie_hash == _step_key(purpose, cookie), SignInStep.ends_at > now
        )
    )


def take_step(
    session: Session, purpose: StepPurpose, cookie: str, *, now: datetime
) -> tuple[UUID | None, dict[str, Any]] | None:
    """Take what a sign-in waits for: of many who ask at once, one gets it.

    Returns:
        The account, if one is known by now, and the step's content; None if it was taken or is over.
    """
    taken = session.execute(
        delete(SignInStep)
        .where(SignInStep.cookie_hash == _step_key(purpose, cookie))
        .returning(SignInStep.account_id, SignInStep.content, SignInStep.ends_at)
    ).one_or_none()
    return None if taken is None or taken.ends_at <= now else (taken.account_id, taken.content)


def forget_ended(session: Session, *, now: datetime, settings: object = None) -> int:
    """Delete sessions and steps that are over, and failures that no longer count; returns how many."""
    del settings
    sessions = delete(WebSession).where((WebSession.idle_until <= now) | (WebSession.ends_at <= now))
    steps = delete(SignInStep).where(SignInStep.ends_at <= now)
    return (
        len(session.scalars(sessions.returning(WebSession.id)).all())
        + len(session.scalars(steps.returning(SignInStep.cookie_hash)).all())
        + forget_failures(session, now=now)
    )


def hash_of(cookie: str) -> bytes:
    """Return what is kept of a cookie."""
    return sha256(cookie.encode()).digest()


def _viewer(row: WebSession, account: Account | None) -> Viewer:
    if account is not None:
        return viewer_of(account)
    assert row.issuer is not None  # noqa: S101 -- the table's checks say so
    assert row.subject is not None  # noqa: S101
    assert row.role is not None  # noqa: S101
    return Stranger(row.issuer, row.subject, row.role, row.organisation_id, row.practitioner_id).viewer


def _step_key(purpose: StepPurpose, cookie: str) -> bytes:
    return sha256(f"{purpose.value}:{cookie}".encode()).digest()
