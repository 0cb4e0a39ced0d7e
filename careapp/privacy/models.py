"""Tables of erasures."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.db import Base


class Erasure(Base):
    """A receipt: whose data were erased, when, and how much; it names nobody."""

    __tablename__ = "erasure"
    __table_args__ = (Index("ix_erasure_finished_at", "finished_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), index=True)
    reason: Mapped[str] = mapped_column(String(20))
    """Why: `asked` for by the patient, or `retention`."""
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """When older versions were gone, too; NULL: soon."""
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What was erased, by sort."""
    documents: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """Kinds and ids of the documents whose older versions go."""
