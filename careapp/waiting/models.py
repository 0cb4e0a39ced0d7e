"""Tables of the waiting list."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.consultations.models import Schedule
from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.people.models import Patient


class WaitingStatus(StrEnum):
    """Life of an entry."""

    WAITING = "waiting"
    SERVED = "served"
    """A chance was accepted."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """The period is over."""


class ChanceStatus(StrEnum):
    """Life of a chance."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    """Nobody answered in time, or the time was no longer to be had."""
    WITHDRAWN = "withdrawn"
    """Whoever waited waits no longer."""


class WaitingEntry(Base):
    """A patient waits for a video consultation with one doctor, or with any of a specialty.

    Who is first in line follows from need, then from how long somebody waits; from nothing else.
    """

    __tablename__ = "waiting_entry"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        tenant_key("waiting_entry"),
        CheckConstraint("earliest < latest", name="order"),
        CheckConstraint("need BETWEEN 1 AND 4", name="need"),
        CheckConstraint("(doctor_id IS NULL) <> (specialty IS NULL)", name="whom"),
        Index("ix_waiting_entry_status_need_since", "status", "need", "since"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    patient_id: Mapped[UUID] = mapped_column(index=True)
    doctor_id: Mapped[UUID | None] = mapped_column(ForeignKey("role.id"))
    specialty: Mapped[str | None] = mapped_column(String(20))
    """Code of IHE-D's `AerztlicheFachrichtungen`."""
    need: Mapped[int]
    """From 1 (can wait) to 4 (must not)."""
    earliest: Mapped[datetime]
    latest: Mapped[datetime]
    """First moment of the period in which a consultation may begin, and the one after its last."""
    since: Mapped[datetime]
    status: Mapped[WaitingStatus] = mapped_column(text_enum(WaitingStatus))
    ended_at: Mapped[datetime | None]

    patient: Mapped[Patient] = relationship(
        lazy="raise",
        primaryjoin="WaitingEntry.patient_id == Patient.id",
        foreign_keys="WaitingEntry.patient_id",
    )
    chances: Mapped[list["Chance"]] = relationship(
        lazy="raise", order_by="Chance.offered_at", back_populates="entry"
    )


class Chance(Base):
    """A time that is kept for somebody who waits, until a moment; half-open."""

    __tablename__ = "chance"
    __table_args__ = (
        of_same_tenant("entry_id", "waiting_entry"),
        CheckConstraint("starts_at < ends_at", name="order"),
        # Whoever waits has one at a time.
        Index(
            "uq_chance_open",
            "entry_id",
            unique=True,
            sqlite_where=text("status = 'offered'"),
            postgresql_where=text("status = 'offered'"),
        ),
        Index("ix_chance_status_until", "status", "until"),
        Index("ix_chance_entry_id_offered_at", "entry_id", "offered_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The hold's id, too: the booking takes it."""
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    entry_id: Mapped[UUID]
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    offered_at: Mapped[datetime]
    until: Mapped[datetime]
    """From this moment on it is somebody else's."""
    status: Mapped[ChanceStatus] = mapped_column(text_enum(ChanceStatus))
    answered_at: Mapped[datetime | None]
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("booking.id"))

    entry: Mapped[WaitingEntry] = relationship(
        lazy="raise",
        back_populates="chances",
        primaryjoin="Chance.entry_id == WaitingEntry.id",
        foreign_keys="Chance.entry_id",
    )
    schedule: Mapped[Schedule] = relationship(lazy="raise")
