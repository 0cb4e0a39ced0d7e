"""Tables of video consultations."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.appointments.models import Appointment, AppointmentKind
from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.organisations.models import Organisation
from careapp.people.models import Role
from careapp.visits.models import Visit


class SlotStatus(StrEnum):
    """State of a slot; the values are FHIR's."""

    FREE = "free"
    BUSY = "busy"
    HELD = "busy-tentative"
    BLOCKED = "busy-unavailable"


class Schedule(Base):
    """A doctor's video hours."""

    __tablename__ = "schedule"
    __table_args__ = (
        of_same_tenant("role_id", "role"),
        of_same_tenant("practitioner_id", "practitioner"),
        tenant_key("schedule"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    role_id: Mapped[UUID] = mapped_column(index=True)
    practitioner_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str]
    specialty: Mapped[str] = mapped_column(String(20))
    """Code of IHE-D's `AerztlicheFachrichtungen`."""
    is_active: Mapped[bool] = mapped_column(default=True)
    needs_confirmation: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The practice confirms each booking: until then it is pending."""

    role: Mapped[Role] = relationship(
        lazy="raise", primaryjoin="Schedule.role_id == Role.id", foreign_keys="Schedule.role_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    hours: Mapped[list["ConsultationHours"]] = relationship(
        lazy="raise", order_by="ConsultationHours.starts", back_populates="schedule"
    )


class ConsultationHours(Base):
    """A recurring stretch of video hours in local time."""

    __tablename__ = "consultation_hours"
    __table_args__ = (
        CheckConstraint("starts < ends", name="order"),
        CheckConstraint("slot_minutes BETWEEN 5 AND 120", name="slot_minutes"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"), index=True)
    recurrence: Mapped[str]
    """RFC 5545 RRULE without DTSTART, in local dates."""
    first_date: Mapped[date]
    last_date: Mapped[date | None]
    starts: Mapped[time]
    ends: Mapped[time]
    slot_minutes: Mapped[int]

    schedule: Mapped[Schedule] = relationship(lazy="raise", back_populates="hours")


class Slot(Base):
    """One bookable time of a schedule; half-open."""

    __tablename__ = "slot"
    __table_args__ = (
        of_same_tenant("schedule_id", "schedule"),
        UniqueConstraint("schedule_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("(hold_id IS NULL) = (held_until IS NULL)", name="hold"),
        Index("ix_slot_starts_at_id", "starts_at", "id"),  # search by time, in key order
        # Search by status and time, in key order; also holds that end, and slots whose time has come.
        Index("ix_slot_status_starts_at_id", "status", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    schedule_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[SlotStatus] = mapped_column(text_enum(SlotStatus), default=SlotStatus.FREE)
    hold_id: Mapped[UUID | None]
    """Of a held slot: what its holder names to book it; the slots of one hold share it."""
    held_until: Mapped[datetime | None]
    """Of a held slot: from this moment on it is as good as free."""
    is_shadowed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Blocked only as long as the doctor is taken in another schedule."""

    schedule: Mapped[Schedule] = relationship(
        lazy="raise", primaryjoin="Slot.schedule_id == Schedule.id", foreign_keys="Slot.schedule_id"
    )


class Booking(Appointment):
    """A taken slot: a teleconsultation; assisted if it lies inside a nurse's visit."""

    __tablename__ = "booking"
    __table_args__ = (Index("ix_booking_slot_id", "slot_id"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"), primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slot.id"))
    """The first of its slots."""
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"), index=True)
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("booking.id"))
    """The cancelled booking in whose stead this one was made."""
    visit_offset_s: Mapped[int | None]
    """Of an assisted one: seconds from the visit's start to the video's, as agreed; None: anywhere in it."""
    tolerance_s: Mapped[int | None]
    """So many seconds the visit may start earlier or later than that."""
    brings_visit: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The visit was made for it, and goes with it."""
    expected_at: Mapped[datetime | None]
    """When the nurse expects to be that far, if she is late."""

    slot: Mapped[Slot] = relationship(lazy="raise")
    further_slots: Mapped[list["FurtherSlot"]] = relationship(lazy="raise", order_by="FurtherSlot.position")
    visit: Mapped[Visit | None] = relationship(lazy="raise", foreign_keys=[visit_id])

    __mapper_args__ = {"polymorphic_identity": AppointmentKind.BOOKING}  # noqa: RUF012 -- as in Appointment


class FurtherSlot(Base):
    """A slot that a booking takes beside its first one; they follow each other without a gap."""

    __tablename__ = "further_slot"
    __table_args__ = (Index("ix_further_slot_slot_id", "slot_id"),)

    booking_id: Mapped[UUID] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1: the first slot is the booking's own."""
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slot.id"))
