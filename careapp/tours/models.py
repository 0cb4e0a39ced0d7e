"""Tables of shifts, plans, tours and stops."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.organisations.models import Organisation, Place
from careapp.people.models import Role, VehicleKind
from careapp.visits.models import Service, Visit


class TourStatus(StrEnum):
    """Life of a tour."""

    PROPOSED = "proposed"
    PUBLISHED = "published"


class ShiftPattern(Base):
    """When a nurse works as a rule, in local time; an end before the start lies on the next day."""

    __tablename__ = "shift_pattern"
    __table_args__ = (
        of_same_tenant("role_id", "role"),
        CheckConstraint("starts <> ends", name="length"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    role_id: Mapped[UUID] = mapped_column(index=True)
    recurrence: Mapped[str]
    """RFC 5545 RRULE without DTSTART, in local dates."""
    first_date: Mapped[date]
    last_date: Mapped[date | None]
    starts: Mapped[time]
    ends: Mapped[time]

    role: Mapped[Role] = relationship(
        lazy="raise", primaryjoin="ShiftPattern.role_id == Role.id", foreign_keys="ShiftPattern.role_id"
    )


class Shift(Base):
    """When a nurse works on one local day; half-open."""

    __tablename__ = "shift"
    __table_args__ = (
        of_same_tenant("role_id", "role"),
        of_same_tenant("start_place_id", "place"),
        of_same_tenant("end_place_id", "place"),
        tenant_key("shift"),
        UniqueConstraint("role_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
        Index("ix_shift_date", "date"),
        Index("ix_shift_starts_at_id", "starts_at", "id"),  # search by time, in key order
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    role_id: Mapped[UUID] = mapped_column(index=True)
    date: Mapped[date]
    """The local day it begins on."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    start_place_id: Mapped[UUID]
    end_place_id: Mapped[UUID]
    vehicle: Mapped[VehicleKind] = mapped_column(text_enum(VehicleKind))
    max_work_s: Mapped[int]
    """Most seconds between leaving and returning, breaks not counted."""

    role: Mapped[Role] = relationship(
        lazy="raise", primaryjoin="Shift.role_id == Role.id", foreign_keys="Shift.role_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    start_place: Mapped[Place] = relationship(
        lazy="raise", primaryjoin="Shift.start_place_id == Place.id", foreign_keys="Shift.start_place_id"
    )
    end_place: Mapped[Place] = relationship(
        lazy="raise", primaryjoin="Shift.end_place_id == Place.id", foreign_keys="Shift.end_place_id"
    )


class Plan(Base):
    """The answer of one planning of a day: how it was made, what it costs, whom it left out."""

    __tablename__ = "plan"
    __table_args__ = (Index("ix_plan_date_made_at", "date", "made_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    """None: the whole region was planned at once."""
    date: Mapped[date]
    made_at: Mapped[datetime]
    seed: Mapped[int]
    version: Mapped[str]
    """Version of the planner: same input, seed, version and iterations give the same plan."""
    iterations: Mapped[int]
    seconds: Mapped[float]
    travel_source: Mapped[str]
    cost: Mapped[int]
    """Points, see `routing.objective`."""
    cost_terms: Mapped[dict[str, int]] = mapped_column(JSON)

    unassigned: Mapped[list["UnassignedVisit"]] = relationship(lazy="raise", back_populates="plan")


class UnassignedVisit(Base):
    """A visit that a plan left out, and why."""

    __tablename__ = "unassigned_visit"

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plan.id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(60))
    """Name of the rule in `routing.constraints` that excludes it."""
    reason: Mapped[str]

    plan: Mapped[Plan] = relationship(lazy="raise", back_populates="unassigned")
    visit: Mapped[Visit] = relationship(lazy="raise")


class Way:
    """Where the seconds and metres of a leg come from."""

    travel_source: Mapped[str] = mapped_column(String(40), server_default="estimate")
    """Name of the `routing.travel` source."""
    travel_data: Mapped[str] = mapped_column(String(64), server_default="unknown")
    """Hash of its data; "unknown" for tours planned before this was written down."""
    is_estimated: Mapped[bool] = mapped_column(server_default=true())


class Tour(Way, Base):
    """A nurse's stops on one shift: proposed by a plan, then published."""

    __tablename__ = "tour"
    __table_args__ = (
        of_same_tenant("shift_id", "shift"),
        of_same_tenant("role_id", "role"),
        of_same_tenant("practitioner_id", "practitioner"),
        # A shift has one tour: proposing replaces a proposed one, and never a published one.
        UniqueConstraint("shift_id"),
        Index("ix_tour_date", "date"),
        CheckConstraint("(status = 'published') = (published_at IS NOT NULL)", name="published"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plan.id"), index=True)
    shift_id: Mapped[UUID]
    role_id: Mapped[UUID] = mapped_column(index=True)
    practitioner_id: Mapped[UUID] = mapped_column(index=True)
    date: Mapped[date]
    status: Mapped[TourStatus] = mapped_column(text_enum(TourStatus), default=TourStatus.PROPOSED)
    published_at: Mapped[datetime | None]
    leaves_at: Mapped[datetime]
    returns_at: Mapped[datetime]
    travel_s: Mapped[int]
    """Seconds driven, the way home included."""
    metres: Mapped[int]
    waiting_s: Mapped[int]
    last_leg_s: Mapped[int]
    """Seconds from the last stop to the shift's end place; `Way` says where they come from."""
    end_snap_m: Mapped[int | None]
    """Metres from the shift's end place to its road."""
    delay_s: Mapped[int | None]
    """So many seconds late the nurse was when she last said so."""
    delay_told_at: Mapped[datetime | None]

    role: Mapped[Role] = relationship(
        lazy="raise", primaryjoin="Tour.role_id == Role.id", foreign_keys="Tour.role_id"
    )
    shift: Mapped[Shift] = relationship(
        lazy="raise", primaryjoin="Tour.shift_id == Shift.id", foreign_keys="Tour.shift_id"
    )
    plan: Mapped[Plan] = relationship(lazy="raise")
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    stops: Mapped[list["Stop"]] = relationship(
        lazy="raise", order_by="Stop.position", back_populates="tour", cascade="all, delete-orphan"
    )
    breaks: Mapped[list["TourBreak"]] = relationship(
        lazy="raise", order_by="TourBreak.starts_at", cascade="all, delete-orphan"
    )


class Stop(Way, Base):
    """One service in a tour, with its time, and the way there."""

    __tablename__ = "stop"
    __table_args__ = (
        UniqueConstraint("tour_id", "position"),
        UniqueConstraint("service_id"),
        CheckConstraint("starts_at < ends_at", name="order"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tour_id: Mapped[UUID] = mapped_column(ForeignKey("tour.id"))
    position: Mapped[int]
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"))
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), index=True)
    arrives_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    travel_s: Mapped[int]
    """Seconds from the stop before, or from the start place."""
    metres: Mapped[int]
    snap_m: Mapped[int | None]
    """Metres from the home to its road."""

    tour: Mapped[Tour] = relationship(lazy="raise", back_populates="stops")
    service: Mapped[Service] = relationship(lazy="raise")
    visit: Mapped[Visit] = relationship(lazy="raise")


class TourBreak(Base):
    """A break by working-time law, taken where the nurse is."""

    __tablename__ = "tour_break"
    __table_args__ = (CheckConstraint("starts_at < ends_at", name="order"),)

    tour_id: Mapped[UUID] = mapped_column(ForeignKey("tour.id"), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime]


class ChangeKind(StrEnum):
    """What became of a stop in a published tour."""

    ADDED = "added"
    MOVED = "moved"
    REMOVED = "removed"


class TourChange(Base):
    """The receipt of one change of a published tour; such a tour changes only stop by stop."""

    __tablename__ = "tour_change"
    __table_args__ = (CheckConstraint("starts_before IS NOT NULL OR starts_after IS NOT NULL", name="times"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    tour_id: Mapped[UUID] = mapped_column(ForeignKey("tour.id"), index=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), index=True)
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("booking.id"))
    """For the sake of which consultation; None: for another reason."""
    kind: Mapped[ChangeKind] = mapped_column(text_enum(ChangeKind))
    because: Mapped[str] = mapped_column(String(40))
    """A code: see `careapp.tours.changes`."""
    made_at: Mapped[datetime]
    starts_before: Mapped[datetime | None]
    starts_after: Mapped[datetime | None]
