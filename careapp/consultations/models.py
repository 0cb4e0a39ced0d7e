"""Tables of video consultations."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.appointments.models import Appointment, AppointmentKind
from careapp.db import Base, text_enum
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

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    role_id: Mapped[UUID] = mapped_column(ForeignKey("role.id"), index=True)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"), index=True)
    title: Mapped[str]
    specialty: Mapped[str] = mapped_column(String(20))
    """Code of IHE-D's `AerztlicheFachrichtungen`."""
    is_active: Mapped[bool] = mapped_column(default=True)

    role: Mapped[Role] = relationship(lazy="raise")
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
        UniqueConstraint("schedule_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
        Index("ix_slot_starts_at_id", "starts_at", "id"),  # search by time, in key order
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[SlotStatus] = mapped_column(text_enum(SlotStatus), default=SlotStatus.FREE)

    schedule: Mapped[Schedule] = relationship(lazy="raise")


class Booking(Appointment):
    """A taken slot: a teleconsultation; assisted if it lies inside a nurse's visit."""

    __tablename__ = "booking"
    __table_args__ = (Index("ix_booking_slot_id", "slot_id"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"), primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slot.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"), index=True)

    slot: Mapped[Slot] = relationship(lazy="raise")
    visit: Mapped[Visit | None] = relationship(lazy="raise", foreign_keys=[visit_id])

    __mapper_args__ = {"polymorphic_identity": AppointmentKind.BOOKING}  # noqa: RUF012 -- as in Appointment
