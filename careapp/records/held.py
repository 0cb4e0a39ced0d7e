"""Tables of resources that we hold for others as they were sent, and of what we record ourselves beside them.

A task, a consent, a communication mean nothing to our planning: the document itself is the row. Two kinds are
also made here: the encounter of a visit that took place, and the provenance of published tours. Those have
no content but columns, until another system sends a document in their place.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.appointments.models import Appointment
from careapp.db import Base, of_same_tenant
from careapp.organisations.models import Organisation
from careapp.sealing.fields import SealedBytes, SealedColumn, SealedRow
from careapp.tours.models import Plan, Tour


class HeldResource(SealedRow, Base):
    """A document of one tenant; its subclasses tell of which kind."""

    __tablename__ = "held_resource"
    __table_args__: Any = (
        of_same_tenant("patient_id", "patient"),
        CheckConstraint("began_at <= ended_at", name="order"),
        Index("ix_held_resource_kind_id", "kind", "id"),  # a page of one kind
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    patient_id: Mapped[UUID | None] = mapped_column(index=True)
    """Whom it is about; None if it names no patient of ours."""
    sealed: Mapped[Any] = mapped_column("content", SealedColumn, nullable=True)

    content = SealedBytes()
    """JSON as it was sent, without id, version and time; None: what the row's columns say."""

    organisation: Mapped[Organisation] = relationship(lazy="raise")

    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012 -- SQLAlchemy reads a plain class attribute


class HeldAppointmentResponse(HeldResource):
    """What a participant says to an appointment."""

    appointment_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("appointment.id"), index=True, use_existing_column=True
    )
    actor_id: Mapped[UUID | None]
    """The patient, practitioner or place that answers."""
    answer: Mapped[str | None] = mapped_column(String(20))
    """FHIR's code: accepted, declined, tentative or needs-action."""
    answered_at: Mapped[datetime | None]
    """The last answer of an actor counts."""

    __mapper_args__ = {"polymorphic_identity": "AppointmentResponse"}  # noqa: RUF012 -- as above


class HeldEncounter(HeldResource):
    """That somebody met a patient; without content: the visit or video consultation, as it was recorded."""

    appointment_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("appointment.id"), index=True, use_existing_column=True
    )
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    """Who was there."""
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    """Where: the home of that day, even if the patient moves."""
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    appointment: Mapped[Appointment | None] = relationship(lazy="raise", viewonly=True)

    __mapper_args__ = {"polymorphic_identity": "Encounter"}  # noqa: RUF012 -- as above


class HeldProvenance(HeldResource):
    """Where something comes from; without content: one tenant's published tours of a plan."""

    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan.id"), index=True)
    recorded_at: Mapped[datetime | None]
    recorded_by: Mapped[str | None] = mapped_column(String(100))
    """Name of the viewer who published."""

    plan: Mapped[Plan | None] = relationship(lazy="raise", viewonly=True)
    tours: Mapped[list[Tour]] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: (
            (HeldProvenance.plan_id == Tour.plan_id)
            & (HeldProvenance.organisation_id == Tour.organisation_id)
            & (HeldProvenance.recorded_at == Tour.published_at)
        ),
        foreign_keys=lambda: [Tour.plan_id, Tour.organisation_id, Tour.published_at],
        order_by=lambda: (Tour.leaves_at, Tour.id),
    )

    __mapper_args__ = {"polymorphic_identity": "Provenance"}  # noqa: RUF012 -- as above


class HeldCareTeam(HeldResource):
    """Who takes part in a patient's care."""

    __mapper_args__ = {"polymorphic_identity": "CareTeam"}  # noqa: RUF012 -- as above


class HeldTask(HeldResource):
    """Something that somebody is to do."""

    __mapper_args__ = {"polymorphic_identity": "Task"}  # noqa: RUF012 -- as above


class HeldCommunication(HeldResource):
    """Something that was said or written."""

    __mapper_args__ = {"polymorphic_identity": "Communication"}  # noqa: RUF012 -- as above


class HeldRelatedPerson(HeldResource):
    """A relative, neighbour or guardian of a patient."""

    __mapper_args__ = {"polymorphic_identity": "RelatedPerson"}  # noqa: RUF012 -- as above


class HeldConsent(HeldResource):
    """What a patient agrees to."""

    __mapper_args__ = {"polymorphic_identity": "Consent"}  # noqa: RUF012 -- as above
