"""Tables of visits, their services and what ties visits together."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.appointments.models import Appointment, AppointmentKind
from careapp.db import Base
from careapp.orders.models import CareOrder


class Visit(Appointment):
    """One planned home visit on one local day."""

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("care_order_id", "date", "occurrence"),
        CheckConstraint("duration_s > 0", name="duration"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
        Index("ix_visit_date", "date"),  # a day's demand
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"), primary_key=True)
    care_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("care_order.id"))
    """None for a visit that was entered by hand."""
    date: Mapped[date]
    occurrence: Mapped[int] = mapped_column(default=0)
    duration_s: Mapped[int]
    priority: Mapped[int]

    care_order: Mapped[CareOrder | None] = relationship(lazy="raise")
    windows: Mapped[list["VisitWindow"]] = relationship(lazy="raise", order_by="VisitWindow.earliest")
    services: Mapped[list["Service"]] = relationship(
        lazy="raise", order_by="Service.number", back_populates="visit"
    )

    __mapper_args__ = {"polymorphic_identity": AppointmentKind.VISIT}  # noqa: RUF012 -- as in Appointment


class VisitWindow(Base):
    """When a visit may start; closed at both ends. Several windows are alternatives."""

    __tablename__ = "visit_window"
    __table_args__ = (CheckConstraint("earliest <= latest", name="order"),)

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    earliest: Mapped[datetime] = mapped_column(primary_key=True)
    latest: Mapped[datetime]


class Service(Base):
    """One nurse's part of a visit; the services of a visit start together with different nurses."""

    __tablename__ = "service"
    __table_args__ = (UniqueConstraint("visit_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), index=True)
    number: Mapped[int]

    visit: Mapped[Visit] = relationship(lazy="raise", back_populates="services")
    skills: Mapped[list["ServiceSkill"]] = relationship(lazy="raise", order_by="ServiceSkill.skill_code")


class ServiceSkill(Base):
    """A skill that a service needs, at a grade or higher."""

    __tablename__ = "service_skill"
    __table_args__ = (CheckConstraint("grade BETWEEN 1 AND 4", name="grade"),)

    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), primary_key=True)
    skill_code: Mapped[str] = mapped_column(ForeignKey("skill.code"), primary_key=True)
    grade: Mapped[int]


class VisitLink(Base):
    """Least and greatest time between the starts of two visits of one day."""

    __tablename__ = "visit_link"
    __table_args__ = (
        CheckConstraint("first_id <> second_id", name="two_visits"),
        CheckConstraint("max_gap_s IS NULL OR min_gap_s <= max_gap_s", name="order"),
    )

    first_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    second_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    min_gap_s: Mapped[int]
    max_gap_s: Mapped[int | None]
