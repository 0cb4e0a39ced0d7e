"""Tables of people's accounts and of what proves who somebody is."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.access import ViewerRole
from careapp.db import Base, text_enum


class Language(StrEnum):
    """In what language our pages speak."""

    GERMAN = "de"
    ENGLISH = "en"


class Proof(StrEnum):
    """By what somebody has shown who they are."""

    PASSWORD = "password"  # noqa: S105 -- the name of a kind of proof
    CODE = "code"
    """A password and the code of an authenticator app."""
    PASSKEY = "passkey"
    PROVIDER = "provider"
    """An external sign-in provider."""


class StepPurpose(StrEnum):
    """What a sign-in that has begun waits for."""

    CODE = "code"
    PASSKEY = "passkey"
    NEW_PASSKEY = "new-passkey"
    PROVIDER = "provider"


class Account(Base):
    """A person who signs in with us."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("role NOT IN ('system', 'client')", name="person"),
        CheckConstraint("organisation_id IS NOT NULL OR role = 'analyst'", name="organisation"),
        CheckConstraint(
            "practitioner_id IS NOT NULL OR role NOT IN ('nurse', 'doctor')", name="practitioner"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    """In lower case; what is typed to sign in."""
    password_hash: Mapped[str | None] = mapped_column(String(255))
    """Argon2id with its parameters; NULL: none works."""
    role: Mapped[ViewerRole] = mapped_column(text_enum(ViewerRole))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"), index=True)
    """Who a nurse or doctor is."""
    language: Mapped[Language] = mapped_column(text_enum(Language), default=Language.GERMAN)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    """Its password lies in the demo's folder: it signs in on loopback only."""
    made_at: Mapped[datetime]
    password_set_at: Mapped[datetime]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret that an authenticator app shares, sealed with a key outside the database."""
    totp_confirmed_at: Mapped[datetime | None]
    """When the first code was right; NULL: codes are not asked for."""
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    """Of the last code taken (RFC 6238): that code, and older ones, are not taken again."""


class WebSession(Base):
    """A browser that is signed in; its cookie's value is known to the browser alone."""

    __tablename__ = "web_session"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (subject IS NULL)", name="somebody"),
        CheckConstraint("(subject IS NULL) = (issuer IS NULL)", name="issuer"),
        CheckConstraint("(subject IS NULL) = (role IS NULL)", name="role"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cookie_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the cookie's value."""
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str | None] = mapped_column(String(255))
    """Of a person whom an external provider knows: who says so, and all that was said."""
    subject: Mapped[str | None] = mapped_column(String(255))
    role: Mapped[ViewerRole | None] = mapped_column(text_enum(ViewerRole))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    language: Mapped[Language] = mapped_column(text_enum(Language))
    proof: Mapped[Proof] = mapped_column(text_enum(Proof))
    opened_at: Mapped[datetime]
    idle_until: Mapped[datetime] = mapped_column(index=True)
    """Moves on while the session is used."""
    ends_at: Mapped[datetime]
    tokens_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """An external provider's tokens, sealed with a key outside the database."""


class SignInStep(Base):
    """A sign-in that has begun and waits for one more answer; taken once."""

    __tablename__ = "sign_in_step"

    cookie_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the purpose and the value of the browser's cookie."""
    purpose: Mapped[StepPurpose] = mapped_column(text_enum(StepPurpose))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What must be known to judge the answer: a challenge, a state, where to go afterwards."""
    ends_at: Mapped[datetime] = mapped_column(index=True)


class SignInFailure(Base):
    """How often somebody was refused of late: for an account's name, or from an address."""

    __tablename__ = "sign_in_failure"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Keyed hash of the login or the address: neither is kept."""
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    waits_until: Mapped[datetime | None]
    """Nobody is let try before."""


class Passkey(Base):
    """A key that a person's device keeps (WebAuthn)."""

    __tablename__ = "passkey"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(40))
    """What its owner calls it."""
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
