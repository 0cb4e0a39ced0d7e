"""Keep what was proposed and why. Nothing here commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.fairness.models import RankingDecision
from careapp.fairness.search import Found, Wanted
from careapp.records import audit
from careapp.tenancy import across_tenants


def keep_decision(
    session: Session, *, decision_id: UUID, wanted: Wanted, found: Found, viewer: Viewer, now: datetime
) -> RankingDecision:
    """Keep what was proposed, in which order and why.

    Args:
        session: An open transaction.
        decision_id: From which equals were drawn.
        wanted: What was looked for.
        found: What was found.
        viewer: Who looked.
        now: When.
    """
    decision = RankingDecision(
        id=decision_id,
        organisation_id=found.patient.organisation_id,
        patient_id=wanted.patient_id,
        at=now,
        asked_by=viewer.name,
        specialty=wanted.specialty,
        doctor_id=wanted.doctor_id,
        need=int(wanted.need),
        earliest=wanted.starts,
        latest=wanted.ends,
        considered=found.considered,
        link=found.link.kind,
        link_why=found.link.why,
        link_since=found.link.since,
        proposals=[
            {
                "schedule": str(each.schedule.id),
                "starts_at": each.starts_at.isoformat(),
                "sort": each.sort.value,
                "reasons": [reason.value for reason in each.reasons],
            }
            for each in found.proposals
        ],
    )
    with across_tenants(session):  # a practice proposes to another tenant's patient, whom it sees
        session.add(decision)
        session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="propose_consultations",
        subject=decision,
        considered=found.considered,
    )
    return decision
