"""The record, as a patient may ask for it: who saw or changed what, when and why."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from api.access_words import Language, what, who, why
from api.auth.policy import may
from api.dependencies import ReadingSessions, SignedIn, file_looks_first
from api.openapi import problems
from api.shapes import After, Example, Limit, Out, PageOut, next_address, shown_as
from careapp.access import ViewerRole
from careapp.records.accesses import Access, list_accesses, require_own_patient
from careapp.tenancy import across_tenants

router = APIRouter(prefix="/api/patients", tags=["patients"])

ACCESS_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c51",
    "at": "2026-03-03T07:12:44Z",
    "who": "Pflegekraft, Pflegedienst Beispiel",
    "what": "Hausbesuch: angesehen",
    "why": "Pflege",
    "was_refused": False,
    "viewer": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c52",
    "role": "nurse",
    "organisation_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05",
    "action": "get_visit",
}


class AccessOut(Out):
    """One access: `who`, `what` and `why` in words for the patient, the rest as it was recorded."""

    model_config = shown_as(ACCESS_EXAMPLE)

    id: UUID
    at: datetime
    who: str
    what: str
    why: str
    was_refused: bool
    viewer: str
    role: str | None
    organisation_id: UUID | None
    action: str

    @classmethod
    def of(cls, access: Access, language: Language) -> Self:
        """Say it in a language."""
        return cls(
            id=access.id,
            at=access.at,
            who=who(access, language),
            what=what(access, language),
            why=why(access, language),
            was_refused=access.was_refused,
            viewer=access.viewer,
            role=access.role,
            organisation_id=access.organisation_id,
            action=access.action,
        )


class AccessPage(PageOut[AccessOut]):
    """Some accesses, the newest first."""

    model_config = shown_as({"items": [ACCESS_EXAMPLE], "next": None})


@router.get(
    "/{patient_id}/accesses",
    dependencies=[
        may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR, ViewerRole.AUDITOR),
        Depends(file_looks_first),
    ],
    responses=problems(404),
)
def list_patient_accesses(
    patient_id: UUID,
    request: Request,
    sessions: ReadingSessions,
    viewer: SignedIn,
    language: Annotated[Language, Query(description="Of `who`, `what` and `why`.")] = Language.GERMAN,
    limit: Limit = 50,
    after: After = None,
) -> AccessPage:
    """Tell who saw or changed something about a patient, whichever organisation they were of."""
    with sessions.begin() as session:
        require_own_patient(session, patient_id=patient_id, viewer=viewer)
        with across_tenants(session):  # others may have looked
            page = list_accesses(session, patient_id=patient_id, limit=limit, after=after)
    return AccessPage(
        items=[AccessOut.of(each, language) for each in page.items], next=next_address(request, page)
    )
