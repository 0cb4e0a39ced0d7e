"""Tables of what patients want to be told, of messages to them, and of doctors' calendar addresses."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base, text_enum
from careapp.sealing.fields import SealedColumn, SealedField, SealedRow


class Way(StrEnum):
    """How messages reach a patient."""

    NONE = "none"
    EMAIL = "email"
    SMS = "sms"


class Language(StrEnum):
    """In which language; the values are those of BCP 47."""

    GERMAN = "de"
    ENGLISH = "en"


class NoticeKind(StrEnum):
    """What a message says about an appointment."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REMINDER = "reminder"


class NoticeStatus(StrEnum):
    """Life of a message."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"
    """It was no longer true, or no longer wanted."""
    FAILED = "failed"
    """It was refused, or the appointment came before it could be sent."""


def _goes_with(column: str, parent: str) -> ForeignKeyConstraint:
    """Return a key as of `careapp.db.of_same_tenant`; the row goes when the other one does."""
    return ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{parent}.organisation_id", f"{parent}.id"],
        ondelete="CASCADE",
    )


class ContactWish(SealedRow, Base):
    """How a patient wants to hear of appointments; addresses and numbers are sealed."""

    __tablename__ = "contact_wish"
    __table_args__ = (_goes_with("patient_id", "patient"), UniqueConstraint("patient_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    patient_id: Mapped[UUID]
    sealed: Mapped[Any] = mapped_column(SealedColumn)
    way: Mapped[Way] = mapped_column(text_enum(Way))
    language: Mapped[Language] = mapped_column(text_enum(Language))
    hours_before: Mapped[list[int]] = mapped_column(JSON, default=list)
    """How long before an appointment reminders come; none: no reminders."""
    wants_invitations: Mapped[bool] = mapped_column(default=False, server_default=false())
    """E-mails carry the appointment for the patient's own calendar."""
    changed_at: Mapped[datetime]

    email = SealedField[str | None]()
    phone = SealedField[str | None]()
    """As E.164 writes it: `+49…`."""


class Notice(Base):
    """A message to a patient about a consultation; what it says is written when it leaves."""

    __tablename__ = "notice"
    __table_args__ = (
        _goes_with("patient_id", "patient"),
        _goes_with("appointment_id", "appointment"),
        UniqueConstraint("appointment_id", "kind", "starts_at", "hours_before", "number"),
        CheckConstraint("(kind = 'reminder') = (hours_before > 0)", name="hours_before"),
        Index("ix_notice_status_due_at", "status", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    patient_id: Mapped[UUID] = mapped_column(index=True)
    appointment_id: Mapped[UUID]
    kind: Mapped[NoticeKind] = mapped_column(text_enum(NoticeKind))
    starts_at: Mapped[datetime]
    """Of the appointment, as the message says it."""
    hours_before: Mapped[int] = mapped_column(default=0)
    """Of a reminder."""
    number: Mapped[int] = mapped_column(default=0)
    """How many messages other than reminders came before it; an invitation's SEQUENCE."""
    due_at: Mapped[datetime]
    status: Mapped[NoticeStatus] = mapped_column(text_enum(NoticeStatus))
    way: Mapped[Way | None] = mapped_column(text_enum(Way))
    """How it left."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    """Until when only the process with the token may send it."""
    token: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    """When it was sent, dropped or given up."""
    why: Mapped[str | None] = mapped_column(String(100))
    """Why it was not sent: a sentence without any name or address."""


class HeardMessage(Base):
    """A message of the outbox that patients have been told of, if they wanted to hear of it."""

    __tablename__ = "heard_message"

    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("outbox_message.id", ondelete="CASCADE"), primary_key=True
    )


class CalendarFeed(Base):
    """A secret address under which a doctor's own calendar program reads when he is taken."""

    __tablename__ = "calendar_feed"
    __table_args__ = (_goes_with("practitioner_id", "practitioner"), UniqueConstraint("secret_hash"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    practitioner_id: Mapped[UUID] = mapped_column(index=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the address's secret, which is kept nowhere."""
    language: Mapped[Language] = mapped_column(text_enum(Language))
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
