"""Letting support in: which tenant lets whom look, how long, and why."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from api.auth.policy import may
from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import After, Example, In, Limit, Line, Out, PageOut, next_address, shown_as
from careapp.access import ViewerRole
from careapp.identity import support
from careapp.identity.support_models import SupportGrant

router = APIRouter(prefix="/api/support-grants", tags=["access"])

GRANT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b3b01",
    "account_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c0b",
    "reason": "Tour vom 3. März lässt sich nicht veröffentlichen",
    "granted_by": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c09",
    "starts_at": "2026-03-03T08:00:00Z",
    "ends_at": "2026-03-03T16:00:00Z",
}
MOST_HOURS = int(support.LONGEST / timedelta(hours=1))


class NewGrant(In):
    """Whom to let in, how long, and why; leave names and addresses out of the reason."""

    model_config = shown_as(
        {
            "account_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c0b",
            "reason": "Tour vom 3. März lässt sich nicht veröffentlichen",
            "hours": 8,
        }
    )

    account_id: UUID
    reason: Annotated[Line, Field(min_length=10)]
    hours: int = Field(ge=1, le=MOST_HOURS)


class GrantOut(Out):
    """Support may look from `starts_at` until `ends_at`."""

    model_config = shown_as(GRANT_EXAMPLE)

    id: UUID
    account_id: UUID
    reason: str
    granted_by: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, row: SupportGrant) -> Self:
        """Show a grant."""
        return cls(
            id=row.id,
            account_id=UUID(row.viewer_name),
            reason=row.reason,
            granted_by=row.granted_by,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        )


class GrantPage(PageOut[GrantOut]):
    """Some grants."""

    model_config = shown_as({"items": [GRANT_EXAMPLE], "next": None})


@router.post("", status_code=201, dependencies=[may(ViewerRole.ADMINISTRATOR)])
def grant_support(body: NewGrant, session: DbSession, viewer: SignedIn, now: Now) -> GrantOut:
    """Let one person of support read what your organisation has, for some hours."""
    return GrantOut.of(
        support.grant_support(
            session,
            viewer_name=str(body.account_id),
            reason=body.reason,
            lasts=timedelta(hours=body.hours),
            viewer=viewer,
            now=now,
        )
    )


@router.get("", dependencies=[may(ViewerRole.ADMINISTRATOR)])
def list_grants(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> GrantPage:
    """List whom your organisation has let in, grants that are over too."""
    page = support.list_grants(session, viewer=viewer, limit=limit, after=after)
    return GrantPage(items=[GrantOut.of(row) for row in page.items], next=next_address(request, page))


@router.post("/{grant_id}/end", responses=problems(404, 409), dependencies=[may(ViewerRole.ADMINISTRATOR)])
def end_grant(grant_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> GrantOut:
    """End a grant before its time; 409 if it is over."""
    return GrantOut.of(support.end_support(session, grant_id=grant_id, viewer=viewer, now=now))
