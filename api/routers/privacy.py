"""What a patient may ask an administrator for: a copy of all data, erasure, restriction."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from api.access_words import Language
from api.auth.policy import may
from api.dependencies import DbSession, Now, ReadSession, SignedIn, file_looks_first
from api.openapi import problems
from api.routers.feeds import NOTICE_EXAMPLE, WISH_EXAMPLE, ContactWishOut, NoticeOut
from api.routers.fhir.asked import AskingDep
from api.routers.records import AccessOut
from api.shapes import After, Example, Limit, Out, PageOut, next_address, shown_as
from careapp.access import ViewerRole
from careapp.calls.models import CallPart
from careapp.calls.queries import list_consents
from careapp.notices.wishes import find_contact_wish, list_notices
from careapp.privacy import erasure, restriction
from careapp.privacy.queries import list_erasures
from careapp.records.accesses import list_accesses
from careapp.tenancy import across_tenants
from fhir.operations.everything import pages_of_everything

router = APIRouter(prefix="/api", tags=["access"])

ERASURE_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b3c01",
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "reason": "asked",
    "asked_by": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c09",
    "asked_at": "2026-03-03T09:10:00Z",
    "finished_at": "2026-03-03T09:10:20Z",
    "counts": {"rows": 14, "held": 3, "sent": 2, "answers": 0, "versions": 41},
}
COPY_EXAMPLE: Example = {
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "made_at": "2026-03-03T09:10:00Z",
    "record": [{"resourceType": "Bundle", "type": "searchset", "link": [], "entry": []}],
    "contact": WISH_EXAMPLE,
    "notices": [NOTICE_EXAMPLE],
    "video_consents": [],
    "accesses": [],
}
ONLY = (ViewerRole.ADMINISTRATOR,)
ACCESSES_AT_ONCE = 500
MOST_NOTICES = 10_000


class ErasureOut(Out):
    """A receipt: what was erased and when; `finished_at` is null until older versions are gone, too."""

    model_config = shown_as(ERASURE_EXAMPLE)

    id: UUID
    patient_id: UUID
    reason: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    counts: dict[str, int]


class VideoConsentOut(Out):
    """Somebody agreed to a consultation by video: to which words, and who heard it, if it was said."""

    model_config = shown_as(
        {
            "booking_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d03",
            "part": "patient",
            "given_at": "2026-03-03T07:58:00Z",
            "version": "2026-11",
            "language": "de",
            "witness_id": None,
        }
    )

    booking_id: UUID
    part: CallPart
    given_at: datetime
    version: str
    language: str
    witness_id: UUID | None


class ErasurePage(PageOut[ErasureOut]):
    """Some erasures."""

    model_config = shown_as({"items": [ERASURE_EXAMPLE], "next": None})


@router.post(
    "/patients/{patient_id}/erasure",
    status_code=202,
    responses=problems(404, 409),
    dependencies=[may(*ONLY)],
)
def erase_patient(patient_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> ErasureOut:
    """Erase who a patient was (Art. 17 GDPR); 409 while visits or consultations are still to come."""
    return ErasureOut.model_validate(
        erasure.erase_patient(session, patient_id=patient_id, viewer=viewer, now=now)
    )


@router.get("/erasures", dependencies=[may(*ONLY)])
def list_receipts(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> ErasurePage:
    """List the receipts of erasures, those of the retention rules included."""
    page = list_erasures(session, viewer=viewer, limit=limit, after=after)
    return ErasurePage(
        items=[ErasureOut.model_validate(row) for row in page.items], next=next_address(request, page)
    )


@router.put(
    "/patients/{patient_id}/restriction",
    status_code=204,
    responses=problems(404, 409),
    dependencies=[may(*ONLY)],
)
def restrict_patient(patient_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Hide a patient from all but administrators (Art. 18 GDPR); 409 while visits are still to come."""
    restriction.restrict_patient(session, patient_id=patient_id, viewer=viewer, now=now)


@router.delete(
    "/patients/{patient_id}/restriction",
    status_code=204,
    responses=problems(404),
    dependencies=[may(*ONLY)],
)
def lift_restriction(patient_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Show a patient to everybody again."""
    restriction.lift_restriction(session, patient_id=patient_id, viewer=viewer, now=now)


@router.get(
    "/patients/{patient_id}/data",
    responses={
        200: {
            "description": "A JSON object",
            "content": {"application/json": {"schema": {"type": "object", "examples": [COPY_EXAMPLE]}}},
        },
        **problems(404),
    },
    dependencies=[may(*ONLY), Depends(file_looks_first)],
    response_class=Response,
)
def copy_data(
    patient_id: UUID, session: ReadSession, viewer: SignedIn, asking: AskingDep, now: Now
) -> Response:
    """Give a copy of all that is kept about a patient (Art. 15, 20 GDPR), and tell who looked."""
    record = [
        orjson.Fragment(page) for page in pages_of_everything(session, id=str(patient_id), asking=asking)
    ]
    told = list_notices(session, patient_id=patient_id, viewer=viewer, limit=MOST_NOTICES)
    content = orjson.dumps(
        {
            "patient_id": patient_id,
            "made_at": now,
            "record": record,
            "contact": ContactWishOut.of(
                find_contact_wish(session, patient_id=patient_id, viewer=viewer)
            ).model_dump(),
            "notices": [NoticeOut.of(row).model_dump() for row in told],
            "video_consents": [
                VideoConsentOut.model_validate(each).model_dump()
                for each in list_consents(session, patient_id=patient_id, viewer=asking.viewer)
            ],
            "accesses": [access.model_dump() for access in _accesses(session, patient_id)],
        }
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{patient_id}.json"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="application/json", headers=headers)


def _accesses(session: Session, patient_id: UUID) -> Iterator[AccessOut]:
    after: UUID | None = None
    with across_tenants(session):
        while True:
            page = list_accesses(session, patient_id=patient_id, limit=ACCESSES_AT_ONCE, after=after)
            yield from (AccessOut.of(access, Language.GERMAN) for access in page.items)
            after = page.next_after
            if after is None:
                return
