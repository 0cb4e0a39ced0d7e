"""Tables of appointments and of occupied time."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.organisations.models import Organisation
from careapp.people.models import Patient


class AppointmentKind(StrEnum):
    """Which kind of appointment a row is."""

    VISIT = "visit"
    BOOKING = "booking"


class AppointmentStatus(StrEnum):
    """Life of an appointment; the values are FHIR's."""

    PROPOSED = "proposed"
    """Demand: perhaps in a proposed tour, promised to nobody."""
    PENDING = "pending"
    """A taken slot that the practice has yet to confirm."""
    BOOKED = "booked"
    """Promised: in a published tour, or a taken slot."""
    ARRIVED = "arrived"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    NOSHOW = "noshow"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


PROMISED = frozenset({AppointmentStatus.PENDING, AppointmentStatus.BOOKED})
"""Somebody's time is kept for it, and it may still be moved or called off."""


class Appointment(Base):
    """A patient's time with a nurse or a doctor: base of `Visit` and `Booking`."""

    __tablename__ = "appointment"
    __table_args__: Any = (
        of_same_tenant("patient_id", "patient"),
        tenant_key("appointment"),
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("status <> 'booked' OR starts_at IS NOT NULL", name="booked_has_time"),
        Index("ix_appointment_starts_at_id", "starts_at", "id"),  # FHIR search by date, a day's list
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[AppointmentKind] = mapped_column(text_enum(AppointmentKind))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    patient_id: Mapped[UUID] = mapped_column(index=True)
    status: Mapped[AppointmentStatus] = mapped_column(text_enum(AppointmentStatus), index=True)
    title: Mapped[str]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    cancelled_because: Mapped[str | None] = mapped_column(String(20))
    """FHIR code: pat, prov, maint, meds-inc or other."""

    patient: Mapped[Patient] = relationship(
        lazy="raise",
        primaryjoin="Appointment.patient_id == Patient.id",
        foreign_keys="Appointment.patient_id",
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")

    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012 -- SQLAlchemy reads a plain class attribute


class Occupancy(Base):
    """A time in which a practitioner is taken; half-open. The database refuses overlaps in a lane.

    PostgreSQL: a deferred exclusion constraint, so that a transaction may swap two visits. SQLite: triggers
    that check each row, so there a swap deletes before it inserts. Both are made in the migration.
    """

    __tablename__ = "occupancy"
    __table_args__ = (
        of_same_tenant("practitioner_id", "practitioner"),
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("lane >= 0", name="lane"),
        Index("ix_occupancy_practitioner_id_starts_at", "practitioner_id", "starts_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    practitioner_id: Mapped[UUID]
    appointment_id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"), index=True)
    starts_at: Mapped[datetime]
    """Of a nurse: when she leaves for the visit."""
    ends_at: Mapped[datetime]
    lane: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """0 keeps the whole time. Whoever may be taken several times at once has the lanes 1, 2 and so on."""
