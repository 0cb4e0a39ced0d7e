"""Tables of OAuth clients, what was granted to them, and the keys that sign tokens.

Secrets stand here only as SHA-256: whoever reads the database can use none of them. They are no tenant's
rows, since a token is looked up before anybody is known.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.access import ViewerRole
from careapp.db import Base, text_enum


class ClientKind(StrEnum):
    """How a client proves itself at the token endpoint, in OAuth's words."""

    PUBLIC = "none"
    """It keeps no secret: an app on a phone or in a browser."""
    WITH_KEY = "private_key_jwt"
    """It signs with a key of its own."""


class Client(Base):
    """Another program that asks for tokens."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str]
    """As people read it when they are asked to agree."""
    kind: Mapped[ClientKind] = mapped_column(text_enum(ClientKind))
    role: Mapped[ViewerRole] = mapped_column(text_enum(ViewerRole))
    """What it is where it acts without a person."""
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Whose data it sees, and whose people may use it; None: an app for everybody's people."""
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    scope: Mapped[str]
    """All that it may ask for, with blanks between."""
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Its public keys (RFC 7517)."""
    jwks_url: Mapped[str | None]
    """Where its public keys are, on a server that the settings name."""
    is_first_party: Mapped[bool]
    """Ours: people are not asked whether they agree."""
    wants_opaque_tokens: Mapped[bool]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]


class Grant(Base):
    """What a person allowed a client: the family of all tokens that come of one sign-in."""

    __tablename__ = "client_grant"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"), index=True)
    subject: Mapped[str] = mapped_column(String(100), index=True)
    """The person, as the audit names them."""
    role: Mapped[ViewerRole] = mapped_column(text_enum(ViewerRole))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    practitioner_id: Mapped[UUID | None]
    patient_id: Mapped[UUID | None]
    scope: Mapped[str]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class Code(Base):
    """An authorization code: redeemed by being deleted."""

    __tablename__ = "client_code"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("client_grant.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    redirect_uri: Mapped[str]
    challenge: Mapped[str] = mapped_column(String(128))
    nonce: Mapped[str | None]
    auth_time: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(Base):
    """A refresh token: good once, then it only tells of a theft."""

    __tablename__ = "client_refresh_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("client_grant.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    grant: Mapped[Grant] = relationship(lazy="raise")


class OpaqueToken(Base):
    """An access token that carries nothing: what it says stands here."""

    __tablename__ = "client_opaque_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    claims: Mapped[dict[str, Any]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Revocation(Base):
    """All tokens of something that were issued until a moment are refused."""

    __tablename__ = "token_revocation"

    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    """`jti:…`, `grant:…`, `sub:…` or `client:…`."""
    at: Mapped[datetime]
    until: Mapped[datetime] = mapped_column(index=True)
    """When the last of them has expired."""


class UsedAssertion(Base):
    """An assertion with which a client proved itself: never good again."""

    __tablename__ = "client_used_assertion"

    client_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SigningKey(Base):
    """A key that signs tokens, sealed with a key outside the database."""

    __tablename__ = "signing_key"
    __table_args__ = (Index("ix_signing_key_algorithm_created_at", "algorithm", "created_at"),)

    kid: Mapped[str] = mapped_column(String(60), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(10))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The private key: nonce and AES-256-GCM of its JWK."""
    public: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Its JWK as others read it."""
    created_at: Mapped[datetime]
