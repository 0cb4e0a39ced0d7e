"""Tables of calls.

No link and no cookie stands here, only their hashes: whoever reads the database joins no call. Names of
nurses, doctors and patients are read where they are; only a guest's is kept here, sealed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.sealing.fields import SealedColumn, SealedField, SealedRow


class CallState(StrEnum):
    """Life of a call."""

    SCHEDULED = "scheduled"
    """People may be asked to it and wait; nobody is let in."""
    OPEN = "open"
    """The doctor is there."""
    ENDED = "ended"


class CallMedium(StrEnum):
    """With what a call begins."""

    VIDEO = "video"
    AUDIO = "audio"
    """The link at the home will hardly bear a picture."""


class ProviderKind(StrEnum):
    """Who carries a call's pictures and voices."""

    EMBEDDED = "embedded"
    """The browsers themselves, introduced to each other by us."""
    EXTERNAL = "external"
    """A certified provider, to which each participant is handed over."""


class CallPart(StrEnum):
    """As what somebody takes part."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    PATIENT = "patient"
    GUEST = "guest"
    """A relative, an interpreter, a colleague without an account."""


BY_LINK = frozenset({CallPart.PATIENT, CallPart.GUEST})
"""They have no account: they join by a link, and consent first."""


class Call(Base):
    """The video connection of a booking. It is the booking's tenant's, thus the patient's care service's."""

    __tablename__ = "call"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["appointment.organisation_id", "appointment.id"],
            ondelete="CASCADE",
        ),
        tenant_key("call"),
        UniqueConstraint("booking_id"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    booking_id: Mapped[UUID]
    provider: Mapped[ProviderKind] = mapped_column(text_enum(ProviderKind))
    medium: Mapped[CallMedium] = mapped_column(text_enum(CallMedium))
    state: Mapped[CallState] = mapped_column(text_enum(CallState), default=CallState.SCHEDULED)
    room: Mapped[str] = mapped_column(String(40))
    """By which name an external provider knows the call: chance, and no key to it."""
    made_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    participants: Mapped[list["CallParticipant"]] = relationship(
        lazy="raise",
        order_by="CallParticipant.invited_at",
        back_populates="call",
        primaryjoin="CallParticipant.call_id == Call.id",
        foreign_keys="CallParticipant.call_id",
        passive_deletes=True,
    )


class CallParticipant(SealedRow, Base):
    """Somebody who may take part in a call, and how far they have come."""

    __tablename__ = "call_participant"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "call_id"], ["call.organisation_id", "call.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("call_id", "practitioner_id"),
        UniqueConstraint("link_hash"),
        UniqueConstraint("seat_hash"),
        CheckConstraint("(link_hash IS NULL) = (link_expires_at IS NULL)", name="link"),
        CheckConstraint("(seat_hash IS NULL) = (seat_ends_at IS NULL)", name="seat"),
        CheckConstraint("(practitioner_id IS NOT NULL) = (part IN ('doctor', 'nurse'))", name="practitioner"),
        Index("ix_call_participant_call_id", "call_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    call_id: Mapped[UUID]
    part: Mapped[CallPart] = mapped_column(text_enum(CallPart))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    sealed: Mapped[Any] = mapped_column(SealedColumn, nullable=True)
    invited_at: Mapped[datetime]
    link_hash: Mapped[bytes | None]
    """SHA-256 of the link's token."""
    link_expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """When the link was used; it is good once."""
    seat_hash: Mapped[bytes | None]
    """SHA-256 of the cookie that the link was exchanged for."""
    seat_ends_at: Mapped[datetime | None]
    consent_at: Mapped[datetime | None]
    waiting_at: Mapped[datetime | None]
    """When they came into the waiting room last."""
    admitted_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]

    name = SealedField[str | None]()
    """Of a guest."""

    call: Mapped[Call] = relationship(
        lazy="raise",
        back_populates="participants",
        primaryjoin="CallParticipant.call_id == Call.id",
        foreign_keys="CallParticipant.call_id",
    )

    @property
    def is_admitted(self) -> bool:
        """They are let in, and have not left."""
        return self.admitted_at is not None and self.left_at is None and self.refused_at is None

    @property
    def is_waiting(self) -> bool:
        """They are in the waiting room."""
        return self.waiting_at is not None and not (self.admitted_at or self.left_at or self.refused_at)


class CallConsent(Base):
    """Somebody agreed to a consultation by video. It proves what a call's own rows no longer do."""

    __tablename__ = "call_consent"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["appointment.organisation_id", "appointment.id"],
            ondelete="CASCADE",
        ),
        of_same_tenant("patient_id", "patient"),
        Index("ix_call_consent_booking_id", "booking_id"),
        Index("ix_call_consent_patient_id", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    booking_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    """Whose consultation it is; a guest has agreed beside her."""
    part: Mapped[CallPart] = mapped_column(text_enum(CallPart))
    """Of whoever agreed."""
    given_at: Mapped[datetime]
    version: Mapped[str] = mapped_column(String(20))
    """Of the words agreed to, see `careapp.calls.consent`."""
    language: Mapped[str] = mapped_column(String(2))
    witness_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    """The nurse or doctor to whom it was said; NULL: agreed to in the browser."""
