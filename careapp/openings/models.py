"""The table of openings."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base, of_same_tenant, text_enum


class OpeningKind(StrEnum):
    """Why a record is open to somebody else."""

    HELP = "help"
    """Another service's nurse makes a visit; both coordinators have agreed."""
    BOOKING = "booking"
    """A practice holds a video consultation with the patient."""
    EMERGENCY = "emergency"
    """Somebody broke the glass, and said why."""
    SUPPORT = "support"
    """Whoever runs the service looks into a fault."""


class Opening(Base):
    """One patient's record is readable to another tenant, or to one person of it; half-open in time.

    Who may do what with it says `careapp.access`; that nobody else sees it, the database itself.
    """

    __tablename__ = "opening"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        of_same_tenant("appointment_id", "appointment"),
        of_same_tenant("to_practitioner_id", "practitioner", tenant="to_organisation_id"),
        CheckConstraint("starts_at <= ends_at", name="order"),
        Index("ix_opening_to_organisation_id_ends_at", "to_organisation_id", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Whose patient it is."""
    patient_id: Mapped[UUID] = mapped_column(index=True)
    to_organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    """Who sees it; of an emergency perhaps the owner, to whose nurse it was closed."""
    to_practitioner_id: Mapped[UUID | None]
    """The one person of it who does; None: whoever its roles let."""
    appointment_id: Mapped[UUID | None] = mapped_column(index=True)
    """The visit or booking that it is about."""
    kind: Mapped[OpeningKind] = mapped_column(text_enum(OpeningKind))
    reason: Mapped[str] = mapped_column(String(400))
    """Words of whoever opened it, for the patient's report: no name, no address."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """From this moment on it is closed; who closes it early sets it to that moment."""
    granted_by: Mapped[str] = mapped_column(String(100))
    """Name of the viewer who opened it."""
    created_at: Mapped[datetime]
