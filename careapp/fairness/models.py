"""Table of what was proposed to whom, and why in this order."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from careapp.coverage.judging import LinkKind, LinkWhy
from careapp.db import Base, of_same_tenant, text_enum


class RankingDecision(Base):
    """A search for a consultation: which times were proposed, in which order, and by which reasons.

    Its id is the lot from which equals were drawn. Distances are bands: from exact ones to several practices
    one could tell where somebody lives.
    """

    __tablename__ = "ranking_decision"
    __table_args__ = (
        of_same_tenant("patient_id", "patient"),
        CheckConstraint("earliest < latest", name="order"),
        CheckConstraint("need BETWEEN 1 AND 4", name="need"),
        Index("ix_ranking_decision_at", "at"),
        Index("ix_ranking_decision_organisation_id_id", "organisation_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    patient_id: Mapped[UUID] = mapped_column(index=True)
    at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(100))
    """The viewer's name, as in the audit."""
    specialty: Mapped[str] = mapped_column(String(20))
    """Code of IHE-D's `AerztlicheFachrichtungen`."""
    code: Mapped[str] = mapped_column(String(20))
    """Kind of consultation that was asked for."""
    need: Mapped[int]
    """From 1 (can wait) to 4 (must not)."""
    earliest: Mapped[datetime]
    latest: Mapped[datetime]
    """First moment of the period that was searched, and the one after its last."""
    considered: Mapped[int]
    """How many times there were in all."""
    link: Mapped[LinkKind] = mapped_column(text_enum(LinkKind))
    """What the home's link is likely to carry."""
    link_why: Mapped[LinkWhy] = mapped_column(text_enum(LinkWhy))
    link_since: Mapped[date | None]
    proposals: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """In order: schedule, start, sort and reasons, as codes; nobody's name."""
