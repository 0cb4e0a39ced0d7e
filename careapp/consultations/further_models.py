"""Tables around a booking: what became of it, whom it brings together, the series it belongs to."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.consultations.models import Booking, Schedule
from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.people.models import Practitioner


class BookingDeed(StrEnum):
    """What was done with a booking."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    """It had been entered in error."""
    ARRIVED = "arrived"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    NOSHOW = "noshow"
    JOINED = "joined"
    """Somebody was added to those who take part."""
    LEFT = "left"


class BookingEvent(Base):
    """One thing that was done with a booking: never changed, gone with the booking."""

    __tablename__ = "booking_event"
    __table_args__ = (Index("ix_booking_event_booking_id_number", "booking_id", "number", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("booking.id"))
    number: Mapped[int]
    """From 1, without a gap."""
    at: Mapped[datetime]
    deed: Mapped[BookingDeed] = mapped_column(text_enum(BookingDeed))
    viewer: Mapped[str] = mapped_column(String(100))
    """Name of whoever did it, as in the audit: never a patient's name."""
    before_starts_at: Mapped[datetime | None]
    before_ends_at: Mapped[datetime | None]
    """Until when the booking would have lasted; NULL if it had no time before."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    """From when until when it lasts now; NULL if it takes place no longer."""
    because: Mapped[str | None] = mapped_column(String(20))
    """Of a cancellation: see `careapp.appointments.cancellation`."""


class Part(StrEnum):
    """As what somebody takes part in a consultation of three or more."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    RELATIVE = "relative"
    GUARDIAN = "guardian"
    INTERPRETER = "interpreter"
    THERAPIST = "therapist"
    PHARMACIST = "pharmacist"
    SOCIAL_WORKER = "social-worker"
    OTHER = "other"


PRACTISING = frozenset({Part.DOCTOR, Part.NURSE})
"""Parts of people of ours: each names a person, whose time is taken."""


class BookingParticipant(Base):
    """Who takes part beside the patient and the schedule's doctor: a person of ours, or a part alone.

    Somebody from outside is known by the part only: no name is kept.
    """

    __tablename__ = "booking_participant"
    __table_args__ = (
        UniqueConstraint("booking_id", "practitioner_id"),
        CheckConstraint("(practitioner_id IS NOT NULL) = (part IN ('doctor', 'nurse'))", name="person"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("booking.id"))
    part: Mapped[Part] = mapped_column(text_enum(Part))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"), index=True)
    added_at: Mapped[datetime]

    practitioner: Mapped[Practitioner | None] = relationship(lazy="raise")


class BookingSeries(Base):
    """Bookings that were made together, a week or more from each to the next."""

    __tablename__ = "booking_series"
    __table_args__ = (of_same_tenant("patient_id", "patient"), tenant_key("booking_series"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    patient_id: Mapped[UUID] = mapped_column(index=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"))
    wanted: Mapped[int]
    """How many were asked for."""
    every_weeks: Mapped[int]
    made_at: Mapped[datetime]

    schedule: Mapped[Schedule] = relationship(lazy="raise")
    parts: Mapped[list["SeriesPart"]] = relationship(lazy="raise", order_by="SeriesPart.number")


class SeriesPart(Base):
    """One booking of a series."""

    __tablename__ = "series_part"

    series_id: Mapped[UUID] = mapped_column(ForeignKey("booking_series.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1; what could not be had is left out."""
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("booking.id"), unique=True)

    booking: Mapped[Booking] = relationship(lazy="raise")
