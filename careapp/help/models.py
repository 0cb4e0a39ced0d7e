"""Tables of help across borders.

What everybody reads and what ties it to a person are two tables, so that the database itself can show the one
to every service and the other to its owner alone.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from careapp.db import Base, text_enum
from careapp.openings.models import Opening
from careapp.organisations.models import Organisation


class HelpStatus(StrEnum):
    """Life of a request; that nobody answered in time, `expires_at` tells."""

    OPEN = "open"
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"


class OfferStatus(StrEnum):
    """Life of an offer."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class HelpRequest(Base):
    """A care service looks for a nurse of another one: where about, when, which skills; nobody's name."""

    __tablename__ = "help_request"
    __table_args__ = (
        CheckConstraint("earliest <= latest", name="order"),
        CheckConstraint("duration_s > 0", name="duration"),
        Index("ix_help_request_status_expires_at", "status", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Who asks."""
    status: Mapped[HelpStatus] = mapped_column(text_enum(HelpStatus))
    cell: Mapped[str] = mapped_column(String(20))
    """See `careapp.help.cells`."""
    earliest: Mapped[datetime]
    latest: Mapped[datetime]
    """First and last start; closed at both ends."""
    duration_s: Mapped[int]
    skills: Mapped[dict[str, int]] = mapped_column(JSON)
    """Code to least grade."""
    expires_at: Mapped[datetime]
    """From this moment on nobody can offer or agree."""
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(lazy="raise")
    asked_for: Mapped["HelpVisit"] = relationship(lazy="raise", back_populates="request")
    offers: Mapped[list["HelpOffer"]] = relationship(lazy="raise", order_by="HelpOffer.created_at")


class HelpVisit(Base):
    """For which visit help is wanted: only the service that asks sees it."""

    __tablename__ = "help_visit"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("help_request.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"), index=True)
    asked_by: Mapped[str] = mapped_column(String(100))
    """Name of the viewer who asked."""

    request: Mapped[HelpRequest] = relationship(lazy="raise", back_populates="asked_for")


class HelpOffer(Base):
    """A service offers one of its nurses; seen by both services."""

    __tablename__ = "help_offer"
    __table_args__ = (
        # A service has one offer for a request at a time.
        Index(
            "uq_help_offer_standing",
            "request_id",
            "organisation_id",
            unique=True,
            sqlite_where=text("status IN ('offered', 'accepted')"),
            postgresql_where=text("status IN ('offered', 'accepted')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Who offers."""
    to_organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Who asked."""
    request_id: Mapped[UUID] = mapped_column(ForeignKey("help_request.id"), index=True)
    role_id: Mapped[UUID] = mapped_column(ForeignKey("role.id"))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    nurse_name: Mapped[str]
    """For whoever asked, once they have agreed: they do not see the other service's nurses."""
    starts_at: Mapped[datetime]
    """When she would come."""
    status: Mapped[OfferStatus] = mapped_column(text_enum(OfferStatus))
    opening_id: Mapped[UUID | None] = mapped_column(ForeignKey("opening.id"))
    """What was opened when both agreed."""
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(lazy="raise", foreign_keys=[organisation_id])
    opening: Mapped[Opening | None] = relationship(lazy="raise")
