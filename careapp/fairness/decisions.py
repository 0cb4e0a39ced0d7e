"""What was proposed and why: show it, forget it. None of these commits."""

from collections.abc import Iterator
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


def decisions_between(
    session: Session, *, viewer: Viewer, starts: datetime, ends: datetime
) -> Iterator[RankingDecision]:
    """Yield all decisions made in a period, in the order in which they were made."""
    after: UUID | None = None
    while True:
        page = list_decisions(session, viewer=viewer, starts=starts, ends=ends, limit=AT_ONCE, after=after)
        yield from page.items
        after = page.next_after
        if after is None:
            return


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


def decisions_of(session: Session, *, patient_id: UUID, viewer: Viewer) -> list[RankingDecision]:
    """Return all decisions about a patient that are kept, for the patient's copy."""
    decisions = select(RankingDecision).where(RankingDecision.patient_id == patient_id)
    return list(session.scalars(visible(decisions, viewer, RankingDecision).order_by(RankingDecision.id)))


def forget_decisions(session: Session, *, before: datetime) -> int:
    """Delete decisions made before a moment, some of them at each look; returns how many."""
    old = session.scalars(select(RankingDecision.id).where(RankingDecision.at < before).limit(AT_ONCE)).all()
    if old:
        session.execute(delete(RankingDecision).where(RankingDecision.id.in_(old)))
    return len(old)


def forget_decisions_of(session: Session, *, patient_id: UUID) -> None:
    """Delete what was proposed to a patient, whose data are erased."""
    session.execute(delete(RankingDecision).where(RankingDecision.patient_id == patient_id))
