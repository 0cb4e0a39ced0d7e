"""Break the glass: see one patient's record at once, say why, and let the coordinator know.

Whose work it is to see a patient, `careapp.reach` says; it cannot know of the neighbour who fell on the
stairs. Nobody has to agree beforehand; it is written down, and told to those whose patient it is.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, visible
from careapp.errors import Invalid
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import Opening, OpeningKind
from careapp.paging import Page, read_page
from careapp.people.models import Patient
from careapp.people.queries import PatientNotFound
from careapp.records import audit, outbox

LASTS = timedelta(hours=4)
"""Long enough for a night's emergency; whoever needs more says so again."""


class EmergencyOfNobody(Invalid):
    """Somebody without a tenant sees every patient already."""


def declare_emergency(
    session: Session, *, patient_id: UUID, reason: str, viewer: Viewer, now: datetime
) -> Opening:
    """Open one patient's whole record to the viewer alone for `LASTS`, whosever patient it is.

    Args:
        session: A transaction that sees every tenant: whose the patient is, is not known before.
        patient_id: Whom it is about.
        reason: What has happened, in words; without a name or an address.
        viewer: Who declares it: a nurse or doctor, or a coordinator, to whom it opens for all of the tenant.
        now: This moment.

    Raises:
        PatientNotFound: No patient has this id.
        EmergencyOfNobody: The viewer stands for no one tenant.
    """
    if viewer.organisation_id is None:
        raise EmergencyOfNobody("whoever stands for the whole region sees every patient already")
    owner = session.scalar(select(Patient.organisation_id).where(Patient.id == patient_id))
    if owner is None:
        raise PatientNotFound(f"there is no patient {patient_id}")
    opening = open_record(
        session,
        organisation_id=owner,
        patient_id=patient_id,
        to=ToWhom(viewer.organisation_id, viewer.practitioner_id),
        kind=OpeningKind.EMERGENCY,
        reason=reason,
        # Whole seconds, as a viewer's hour has: open at once.
        starts_at=now.replace(microsecond=0),
        ends_at=now + LASTS,
        viewer=viewer,
        now=now,
    )
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="declare_emergency",
        subject_kind="patient",
        subject_id=patient_id,
        organisation_id=owner,
        opening=opening.id,
        purpose="BTG",  # HL7's code for breaking the glass
    )
    outbox.send(session, topic="emergency.declared", payload={"opening": str(opening.id)}, now=now)
    return opening


def list_emergencies(
    session: Session, *, viewer: Viewer, limit: int, after: UUID | None = None
) -> Page[Opening]:
    """Return a page of the emergencies about the viewer's own patients, and of their own, by id."""
    statement = select(Opening).where(Opening.kind == OpeningKind.EMERGENCY)
    return read_page(session, visible(statement, viewer, Opening), key=Opening.id, limit=limit, after=after)
