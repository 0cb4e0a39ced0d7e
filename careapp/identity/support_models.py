"""The table of support grants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class SupportGrant(Base):
    """One tenant lets one person of support read its data; half-open in time."""

    __tablename__ = "support_grant"
    __table_args__ = (
        CheckConstraint("starts_at <= ends_at", name="order"),
        Index("ix_support_grant_viewer_name_ends_at", "viewer_name", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    viewer_name: Mapped[str] = mapped_column(String(100))
    """Whom it lets in: `Viewer.name`, an account's id."""
    reason: Mapped[str] = mapped_column(String(400))
    """Words of whoever granted it: no name, no address."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """From this moment on it is over; who ends it early sets it to that moment."""
    granted_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
