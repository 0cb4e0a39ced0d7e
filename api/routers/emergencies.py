"""Break-glass access: a patient's record at once, with a reason, and a notice for the coordinator."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from api.auth.policy import may
from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import After, Example, In, Limit, Line, Out, PageOut, next_address, shown_as
from careapp.access import OPERATOR, ViewerRole
from careapp.identity import emergency
from careapp.openings.commands import close_record
from careapp.tenancy import begin_as

router = APIRouter(prefix="/api/emergencies", tags=["access"])

EMERGENCY_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b3a01",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "to_organisation_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05",
    "to_practitioner_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c04",
    "reason": "vom Nachbarn gerufen, Sturz auf der Treppe",
    "granted_by": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c09",
    "starts_at": "2026-03-03T21:10:00Z",
    "ends_at": "2026-03-04T01:10:00Z",
}

WHO_DECLARES = (
    ViewerRole.COORDINATOR,
    ViewerRole.ADMINISTRATOR,
    ViewerRole.NURSE,
    ViewerRole.DOCTOR,
)


class NewEmergency(In):
    """Whose record is needed, and what has happened; leave names and addresses out of the reason."""

    model_config = shown_as(
        {
            "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
            "reason": "vom Nachbarn gerufen, Sturz auf der Treppe",
        }
    )

    patient_id: UUID
    reason: Annotated[Line, Field(min_length=10)]


class EmergencyOut(Out):
    """One patient's record, opened to one person, or to an organisation if a coordinator declared it."""

    model_config = shown_as(EMERGENCY_EXAMPLE)

    id: UUID
    patient_id: UUID
    to_organisation_id: UUID
    to_practitioner_id: UUID | None
    reason: str
    granted_by: str
    starts_at: datetime
    ends_at: datetime


class EmergencyPage(PageOut[EmergencyOut]):
    """Some emergencies."""

    model_config = shown_as({"items": [EMERGENCY_EXAMPLE], "next": None})


@router.post("", status_code=201, responses=problems(404), dependencies=[may(*WHO_DECLARES)])
def declare_emergency(body: NewEmergency, request: Request, viewer: SignedIn, now: Now) -> EmergencyOut:
    """See one patient's whole record for four hours; the coordinator of the patient's service is told."""
    with begin_as(request.app.state.sessions, OPERATOR) as session:  # whose patient it is, is not known yet
        return EmergencyOut.model_validate(
            emergency.declare_emergency(
                session, patient_id=body.patient_id, reason=body.reason, viewer=viewer, now=now
            )
        )


@router.get("", dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)])
def list_emergencies(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> EmergencyPage:
    """List who broke the glass about patients of one's own, those that are over too."""
    page = emergency.list_emergencies(session, viewer=viewer, limit=limit, after=after)
    return EmergencyPage(
        items=[EmergencyOut.model_validate(row) for row in page.items], next=next_address(request, page)
    )


@router.post(
    "/{emergency_id}/closure",
    responses=problems(404),
    dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)],
)
def close_emergency(emergency_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> EmergencyOut:
    """Close a record before its time."""
    return EmergencyOut.model_validate(close_record(session, opening_id=emergency_id, viewer=viewer, now=now))
