"""Tables of care plans and care orders."""

from datetime import date, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, of_same_tenant, tenant_key, text_enum
from careapp.organisations.models import Organisation
from careapp.people.models import Patient


class OnHolidays(StrEnum):
    """What happens to an order on a public holiday."""

    AS_USUAL = "as-usual"
    SKIP = "skip"


class RequestStatus(StrEnum):
    """In which state a plan or an order is; the values are FHIR's. Nothing is done but for active ones."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    REVOKED = "revoked"
    COMPLETED = "completed"
    ENTERED_IN_ERROR = "entered-in-error"
    UNKNOWN = "unknown"


class CarePlan(Base):
    """What an organisation has agreed with a patient; holds the care orders."""

    __tablename__ = "care_plan"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        tenant_key("care_plan"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    patient_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str]
    first_date: Mapped[date]
    last_date: Mapped[date | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    request_status: Mapped[RequestStatus | None] = mapped_column(text_enum(RequestStatus))
    """Why it is not active, where another system said so; NULL: active or completed."""

    patient: Mapped[Patient] = relationship(
        lazy="raise", primaryjoin="CarePlan.patient_id == Patient.id", foreign_keys="CarePlan.patient_id"
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    orders: Mapped[list["CareOrder"]] = relationship(
        lazy="raise",
        back_populates="care_plan",
        order_by="CareOrder.id",
        primaryjoin="CareOrder.care_plan_id == CarePlan.id",
        foreign_keys="CareOrder.care_plan_id",
    )


class CareOrder(Base):
    """A standing demand, e.g. "insulin, every day, mornings and evenings"."""

    __tablename__ = "care_order"
    __table_args__ = (
        of_same_tenant("care_plan_id", "care_plan"),
        of_same_tenant("patient_id", "patient"),
        CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        CheckConstraint("nurses BETWEEN 1 AND 4", name="nurses"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
        CheckConstraint("last_date IS NULL OR first_date <= last_date", name="order_of_dates"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    care_plan_id: Mapped[UUID] = mapped_column(index=True)
    patient_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str]
    recurrence: Mapped[str]
    """RFC 5545 RRULE without DTSTART, in local dates, e.g. `FREQ=WEEKLY;BYDAY=MO,WE,FR`."""
    first_date: Mapped[date]
    last_date: Mapped[date | None]
    on_holidays: Mapped[OnHolidays] = mapped_column(text_enum(OnHolidays), default=OnHolidays.AS_USUAL)
    minutes: Mapped[int]
    """Care time of one visit."""
    nurses: Mapped[int] = mapped_column(default=1)
    """How many nurses are at the patient's home at the same time."""
    priority: Mapped[int] = mapped_column(default=2)
    """1 may be left out when a day is short, 4 must never be."""
    min_gap_minutes: Mapped[int | None]
    """Least time between the starts of two consecutive visits of this order on a day."""
    max_gap_minutes: Mapped[int | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    request_status: Mapped[RequestStatus | None] = mapped_column(text_enum(RequestStatus))
    """Why it is not active, where another system said so; NULL: active or completed."""

    patient: Mapped[Patient] = relationship(
        lazy="raise", primaryjoin="CareOrder.patient_id == Patient.id", foreign_keys="CareOrder.patient_id"
    )
    care_plan: Mapped[CarePlan] = relationship(
        lazy="raise",
        back_populates="orders",
        primaryjoin="CareOrder.care_plan_id == CarePlan.id",
        foreign_keys="CareOrder.care_plan_id",
    )
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    windows: Mapped[list["CareOrderWindow"]] = relationship(
        lazy="raise", order_by="CareOrderWindow.occurrence, CareOrderWindow.earliest"
    )
    skills: Mapped[list["CareOrderSkill"]] = relationship(
        lazy="raise", order_by="CareOrderSkill.nurse_number, CareOrderSkill.skill_code"
    )


class CareOrderWindow(Base):
    """When a visit may start, in local time; windows of the same occurrence are alternatives."""

    __tablename__ = "care_order_window"
    __table_args__ = (CheckConstraint("earliest <= latest", name="order"),)

    care_order_id: Mapped[UUID] = mapped_column(ForeignKey("care_order.id"), primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Which visit of the day, from 0: an order with occurrences 0 and 1 makes two visits a day."""
    earliest: Mapped[time] = mapped_column(primary_key=True)
    latest: Mapped[time]


class CareOrderSkill(Base):
    """A skill that one of the order's nurses needs."""

    __tablename__ = "care_order_skill"
    __table_args__ = (CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),)

    care_order_id: Mapped[UUID] = mapped_column(ForeignKey("care_order.id"), primary_key=True)
    nurse_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 0; the second nurse of a double visit may need less than the first."""
    skill_code: Mapped[str] = mapped_column(ForeignKey("skill.code"), primary_key=True)
    grade: Mapped[int]
