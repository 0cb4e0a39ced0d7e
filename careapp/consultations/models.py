"""Tables of video consultations."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, text
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


class ConsultationCode(StrEnum):
    """Kinds of consultation."""

    VIDEO = "video"
    """With the patient alone."""
    ASSISTED = "assisted"
    """With the patient, and a nurse at the home."""
    COLLEAGUE = "colleague"
    """Among doctors and nurses."""


class SlotOrigin(StrEnum):
    """Where a slot comes from."""

    SENT = "sent"
    """Somebody has offered this very time."""
    CUT = "cut"
    """A reading copy of the rules: one of the times into which hours are regularly cut."""
    TIME = "time"
    """A time of the rules that somebody chose: made when it was taken, and gone when it is given back."""


class ExceptionReason(StrEnum):
    """Why hours are others than usual."""

    HOLIDAY = "holiday"
    ILLNESS = "illness"
    TRAINING = "training"
    EXTRA = "extra"
    OTHER = "other"


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
    zone: Mapped[str | None] = mapped_column(String(60))
    """IANA time zone of its hours; None: the region's."""
    copied_until: Mapped[datetime | None]
    """Until when its regular cut is there to be read as slots; None: nobody keeps such a copy."""

    role: Mapped[Role] = relationship(
        lazy="raise", primaryjoin="Schedule.role_id == Role.id", foreign_keys="Schedule.role_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    hours: Mapped[list["ConsultationHours"]] = relationship(
        lazy="raise", order_by="ConsultationHours.starts", back_populates="schedule"
    )
    kinds: Mapped[list["ConsultationKind"]] = relationship(
        lazy="raise",
        order_by="ConsultationKind.position",
        primaryjoin="Schedule.id == ConsultationKind.schedule_id",
        foreign_keys="ConsultationKind.schedule_id",
        viewonly=True,
    )
    exceptions: Mapped[list["HoursException"]] = relationship(
        lazy="raise",
        order_by="HoursException.first_date",
        primaryjoin="Schedule.id == HoursException.schedule_id",
        foreign_keys="HoursException.schedule_id",
        viewonly=True,
    )


class ConsultationHours(Base):
    """A recurring stretch of video hours in local time; ends no later than starts: on the next day."""

    __tablename__ = "consultation_hours"
    __table_args__ = (CheckConstraint("slot_minutes BETWEEN 5 AND 120", name="slot_minutes"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"), index=True)
    recurrence: Mapped[str]
    """RFC 5545 RRULE without DTSTART, in local dates."""
    first_date: Mapped[date]
    last_date: Mapped[date | None]
    starts: Mapped[time]
    ends: Mapped[time]
    slot_minutes: Mapped[int]
    """How long a consultation lasts where the schedule names no kinds."""
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    """Where the doctor is meanwhile; None: does not matter."""
    kind: Mapped[ConsultationCode | None] = mapped_column(text_enum(ConsultationCode))
    """For which kind of consultation only; None: for all."""

    schedule: Mapped[Schedule] = relationship(lazy="raise", back_populates="hours")


class ConsultationKind(Base):
    """What a doctor offers in a schedule's hours, and by which rules it is booked."""

    __tablename__ = "consultation_kind"
    __table_args__ = (
        of_same_tenant("schedule_id", "schedule"),
        CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        CheckConstraint("buffer_before_min BETWEEN 0 AND 240", name="buffer_before"),
        CheckConstraint("buffer_after_min BETWEEN 0 AND 240", name="buffer_after"),
        CheckConstraint("notice_min >= 0", name="notice"),
        CheckConstraint("horizon_days BETWEEN 0 AND 730", name="horizon"),
        CheckConstraint("step_min BETWEEN 1 AND 480", name="step"),
        CheckConstraint("most_at_once BETWEEN 1 AND 20", name="most_at_once"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    schedule_id: Mapped[UUID] = mapped_column(index=True)
    position: Mapped[int]
    """Its place in the list; of several of one code the first is the usual one."""
    code: Mapped[ConsultationCode] = mapped_column(text_enum(ConsultationCode))
    title: Mapped[str]
    minutes: Mapped[int]
    buffer_before_min: Mapped[int] = mapped_column(default=0)
    """Kept free before it, e.g. to read the record."""
    buffer_after_min: Mapped[int] = mapped_column(default=0)
    notice_min: Mapped[int] = mapped_column(default=0)
    """Least time between booking and start."""
    horizon_days: Mapped[int] = mapped_column(default=84)
    """How many local days ahead it can be booked: 0 is today."""
    step_min: Mapped[int] = mapped_column(default=5)
    """It starts so many minutes apart, counted from the opening of the hours; 1: at any minute."""
    most_at_once: Mapped[int] = mapped_column(default=1)
    """How many may be booked at one time: above 1 is deliberate overbooking."""


class HoursException(Base):
    """Days on which hours are others than usual; it counts over holidays, an opening over a closing."""

    __tablename__ = "hours_exception"
    __table_args__ = (
        of_same_tenant("schedule_id", "schedule"),
        CheckConstraint("first_date <= last_date", name="order"),
        CheckConstraint("(starts IS NULL) = (ends IS NULL)", name="times"),
        CheckConstraint("NOT is_open OR starts IS NOT NULL", name="open_has_times"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    schedule_id: Mapped[UUID] = mapped_column(index=True)
    first_date: Mapped[date]
    last_date: Mapped[date]
    starts: Mapped[time | None]
    """On each of the days, by the wall clock; None: from midnight to midnight."""
    ends: Mapped[time | None]
    """No later than `starts`: on the next day."""
    is_open: Mapped[bool]
    """Open beyond the usual hours; else closed."""
    reason: Mapped[ExceptionReason] = mapped_column(text_enum(ExceptionReason))
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    """Of an opening: where the doctor is meanwhile."""


class Slot(Base):
    """One bookable time of a schedule; half-open."""

    __tablename__ = "slot"
    __table_args__ = (
        of_same_tenant("schedule_id", "schedule"),
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("(hold_id IS NULL) = (held_until IS NULL)", name="hold"),
        Index("ix_slot_starts_at_id", "starts_at", "id"),  # search by time, in key order
        Index("ix_slot_schedule_id_starts_at", "schedule_id", "starts_at"),
        Index("ix_slot_status_closes_at", "status", "closes_at"),  # copies that it is too late to book
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
    """Blocked only as long as the doctor is taken by another slot."""
    origin: Mapped[SlotOrigin] = mapped_column(
        text_enum(SlotOrigin), default=SlotOrigin.SENT, server_default=text("'sent'")
    )
    kind: Mapped[ConsultationCode | None] = mapped_column(text_enum(ConsultationCode))
    """What it is for; None: for any."""
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    """Where the doctor is; None: does not matter."""
    busy_from: Mapped[datetime | None]
    """Once taken: from when the doctor is, with the time before it; None: from its start."""
    busy_until: Mapped[datetime | None]
    """Once taken: until when the doctor is, with the time after it; None: until its end."""
    lane: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Of several at one time: which. 0 stands alone; see `Occupancy.lane`."""
    closes_at: Mapped[datetime | None]
    """Of a reading copy: from this moment on it is too late to book."""

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
    consultation: Mapped[ConsultationCode] = mapped_column(
        text_enum(ConsultationCode), default=ConsultationCode.VIDEO, server_default=text("'video'")
    )

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
