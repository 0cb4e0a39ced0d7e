"""What was proposed and why: keep it, show it, forget it. None of these commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import NotFound
from careapp.fairness.models import RankingDecision
from careapp.paging import Page, read_page

AT_ONCE = 2000


class DecisionNotFound(NotFound):
    """No decision has this id, or not for this viewer."""


def list_decisions(
    session: Session,
    *,
    viewer: Viewer,
    starts: datetime | None = None,
    ends: datetime | None = None,
    patient_id: UUID | None = None,
    limit: int,
    after: UUID | None = None,
) -> Page[RankingDecision]:
    """Return a page of decisions in the order in which they were made.

    Args:
        session: An open transaction.
        viewer: Who looks.
        starts: Made at this moment or later.
        ends: And before this one.
        patient_id: Only those about one patient.
        limit: Most items of the page.
        after: The `next_after` of the page before.
    """
    decisions = select(RankingDecision)
    if starts is not None:
        decisions = decisions.where(RankingDecision.at >= starts)
    if ends is not None:
        decisions = decisions.where(RankingDecision.at < ends)
    if patient_id is not None:
        decisions = decisions.where(RankingDecision.patient_id == patient_id)
    statement = visible(decisions, viewer, RankingDecision)
    return read_page(session, statement, key=RankingDecision.id, limit=limit, after=after)


def get_decision(session: Session, *, decision_id: UUID, viewer: Viewer) -> RankingDecision:
    """Return one decision.

    Raises:
        DecisionNotFound: No decision has this id, or not for this viewer.
    """
    decisions = select(RankingDecision).where(RankingDecision.id == decision_id)
    found = session.scalars(visible(decisions, viewer, RankingDecision)).one_or_none()
    if found is None:
        raise DecisionNotFound(f"there is no decision {decision_id}")
    return found


def forget_decisions(session: Session, *, before: datetime) -> int:
    """Delete decisions made before a moment, some of them at each look; returns how many."""
    old = session.scalars(select(RankingDecision.id).where(RankingDecision.at < before).limit(AT_ONCE)).all()
    if old:
        session.execute(delete(RankingDecision).where(RankingDecision.id.in_(old)))
    return len(old)


def forget_decisions_of(session: Session, *, patient_id: UUID) -> None:
    """Delete what was proposed to a patient, whose data are erased."""
    session.execute(delete(RankingDecision).where(RankingDecision.patient_id == patient_id))
