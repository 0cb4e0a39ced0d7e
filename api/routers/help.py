"""Help across borders: a service looks for a nurse of another one."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.auth.policy import may
from api.dependencies import Cal, DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
    Example,
    In,
    Limit,
    LocalDate,
    Moment,
    NamedOut,
    Out,
    PageOut,
    SkillNeedOut,
    next_address,
    shown_as,
)
from careapp.access import Viewer, ViewerRole
from careapp.help import agreeing, commands, queries
from careapp.help.cells import middle_of
from careapp.help.models import HelpOffer, HelpStatus, OfferStatus
from careapp.help.queries import SeenHelp, Whose

router = APIRouter(
    prefix="/api/help-requests",
    tags=["help"],
    dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)],
)

visits = APIRouter(
    prefix="/api/help-visits",
    tags=["help"],
    dependencies=[may(ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR, ViewerRole.NURSE)],
)

HELP_VISIT_EXAMPLE: Example = {
    "request_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c30",
    "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c33", "name": "Pflegedienst Probe"},
    "nurse": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c34", "name": "Anna Nachbar"},
    "starts_at": "2026-03-03T07:00:00Z",
    "minutes": 20,
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "open_from": "2026-03-01T23:00:00Z",
    "open_until": "2026-03-04T23:00:00Z",
}
OFFER_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c31",
    "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c32", "name": "Pflegedienst Nachbar"},
    "status": "offered",
    "starts_at": "2026-03-03T07:00:00Z",
    "nurse": None,
    "patient_id": None,
    "visit_id": None,
    "open_until": None,
}
HELP_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c30",
    "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c33", "name": "Pflegedienst Probe"},
    "state": "open",
    "cell": "51.35,8.00",
    "middle": {"latitude": 51.375, "longitude": 8.04},
    "earliest": "2026-03-03T06:00:00Z",
    "latest": "2026-03-03T08:00:00Z",
    "minutes": 20,
    "skills": [{"code": "insulin", "grade": 2}],
    "expires_at": "2026-03-03T06:00:00Z",
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "offers": [OFFER_EXAMPLE],
}
NEW_HELP_EXAMPLE: Example = {
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "earliest": "2026-03-03T07:00:00+01:00",
    "latest": "2026-03-03T09:00:00+01:00",
    "expires_at": "2026-03-02T20:00:00+01:00",
}
NEW_OFFER_EXAMPLE: Example = {
    "nurse_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c34",
    "starts_at": "2026-03-03T08:00:00+01:00",
}


class HelpState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OfferOut(Out):
    """An offer; the nurse is told to the service that asked once it has agreed, the patient's id to both."""

    model_config = shown_as(OFFER_EXAMPLE)

    id: UUID
    organisation: NamedOut
    status: OfferStatus
    starts_at: datetime
    nurse: NamedOut | None
    patient_id: UUID | None
    visit_id: UUID | None
    open_until: datetime | None

    @classmethod
    def of(cls, row: HelpOffer, viewer: Viewer) -> Self:
        """Show an offer loaded with its organisation and opening."""
        is_agreed = row.status is OfferStatus.ACCEPTED
        is_theirs = viewer.organisation_id in (None, row.organisation_id)
        opening = row.opening if is_agreed else None
        return cls(
            id=row.id,
            organisation=NamedOut(id=row.organisation.id, name=row.organisation.name),
            status=row.status,
            starts_at=row.starts_at,
            nurse=NamedOut(id=row.role_id, name=row.nurse_name) if is_theirs or is_agreed else None,
            patient_id=opening.patient_id if opening else None,
            visit_id=opening.appointment_id if opening else None,
            open_until=opening.ends_at if opening else None,
        )


class CellMiddle(Out):
    """The middle of a cell of some five kilometres, in degrees."""

    latitude: float
    longitude: float


class HelpOut(Out):
    """A request: where about, when, which skills, how long. Only the service that asks is told `visit_id`."""

    model_config = shown_as(HELP_EXAMPLE)

    id: UUID
    organisation: NamedOut
    state: HelpState
    cell: str
    middle: CellMiddle
    earliest: datetime
    latest: datetime
    minutes: int
    skills: list[SkillNeedOut]
    expires_at: datetime
    visit_id: UUID | None
    offers: list[OfferOut]

    @classmethod
    def of(cls, seen: SeenHelp, viewer: Viewer, now: datetime) -> Self:
        """Show a request as this viewer may see it."""
        row = seen.request
        latitude, longitude = middle_of(row.cell)
        is_over = row.status is HelpStatus.OPEN and row.expires_at <= now
        return cls(
            id=row.id,
            organisation=NamedOut(id=row.organisation.id, name=row.organisation.name),
            state=HelpState.EXPIRED if is_over else HelpState(row.status.value),
            cell=row.cell,
            middle=CellMiddle(latitude=latitude, longitude=longitude),
            earliest=row.earliest,
            latest=row.latest,
            minutes=round(row.duration_s / 60),
            skills=[SkillNeedOut(code=code, grade=grade) for code, grade in sorted(row.skills.items())],
            expires_at=row.expires_at,
            visit_id=seen.visit_id,
            offers=[OfferOut.of(offer, viewer) for offer in seen.offers],
        )


class HelpPage(PageOut[HelpOut]):
    """Some requests for help."""

    model_config = shown_as({"items": [HELP_EXAMPLE], "next": None})


class NewHelp(In):
    """A wish for help with one visit; without times: within the visit's window, until it closes."""

    model_config = shown_as(NEW_HELP_EXAMPLE)

    visit_id: UUID
    earliest: Moment | None = None
    latest: Moment | None = None
    expires_at: Moment | None = None


class NewOffer(In):
    """One of the own nurses, and when she would begin."""

    model_config = shown_as(NEW_OFFER_EXAMPLE)

    nurse_id: UUID
    starts_at: Moment


class HelpVisitOut(Out):
    """A visit that one of our nurses makes for another service, and when the record is open to her."""

    request_id: UUID
    organisation: NamedOut
    nurse: NamedOut
    starts_at: datetime
    minutes: int
    patient_id: UUID | None
    visit_id: UUID | None
    open_from: datetime | None
    open_until: datetime | None


class HelpVisitsOut(Out):
    """Visits that our nurses make for other services on a day."""

    model_config = shown_as({"items": [HELP_VISIT_EXAMPLE]})

    items: list[HelpVisitOut]


@visits.get("")
def list_help_visits(
    session: ReadSession,
    viewer: SignedIn,
    calendar: Cal,
    date: Annotated[LocalDate, Query(description="Local day on which they begin.")],
) -> HelpVisitsOut:
    """List what our nurses have promised other services for a day; a nurse sees her own."""
    from_, to = calendar.day(date)
    found = queries.list_help_visits(session, viewer=viewer, from_=from_, to=to)
    return HelpVisitsOut(
        items=[
            HelpVisitOut(
                request_id=request.id,
                organisation=NamedOut(id=request.organisation.id, name=request.organisation.name),
                nurse=NamedOut(id=offer.role_id, name=offer.nurse_name),
                starts_at=offer.starts_at,
                minutes=round(request.duration_s / 60),
                patient_id=offer.opening.patient_id if offer.opening else None,
                visit_id=offer.opening.appointment_id if offer.opening else None,
                open_from=offer.opening.starts_at if offer.opening else None,
                open_until=offer.opening.ends_at if offer.opening else None,
            )
            for offer, request in found
        ]
    )


@router.get("")
def list_help(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    now: Now,
    whose: Annotated[Whose | None, Query(description="Only the own, or only those of others.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> HelpPage:
    """List the own requests, and those of other services that wait for an offer or have one of ours."""
    page = queries.list_help(session, viewer=viewer, whose=whose, now=now, limit=limit, after=after)
    return HelpPage(
        items=[HelpOut.of(each, viewer, now) for each in page.items], next=next_address(request, page)
    )


@router.get("/{request_id}", responses=problems(404))
def get_help(request_id: UUID, session: ReadSession, viewer: SignedIn, now: Now) -> HelpOut:
    """Show a request."""
    return _shown(session, request_id, viewer, now)


@router.post("", status_code=201, responses=problems(404, 409))
def request_help(
    body: NewHelp, response: Response, session: DbSession, viewer: SignedIn, now: Now
) -> HelpOut:
    """Ask other services for a nurse; they learn where about, when and what, but not for whom."""
    wish = commands.request_help(
        session,
        visit_id=body.visit_id,
        earliest=body.earliest,
        latest=body.latest,
        expires_at=body.expires_at,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/help-requests/{wish.id}"
    return _shown(session, wish.id, viewer, now)


@router.post("/{request_id}/withdrawal", responses=problems(404, 409))
def withdraw_help(request_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> HelpOut:
    """Say that help is no longer wanted; what was agreed is undone, and the record closed."""
    agreeing.withdraw_request(session, request_id=request_id, viewer=viewer, now=now)
    return _shown(session, request_id, viewer, now)


@router.post("/{request_id}/offers", status_code=201, responses=problems(404, 409))
def offer_help(request_id: UUID, body: NewOffer, session: DbSession, viewer: SignedIn, now: Now) -> HelpOut:
    """Offer one of the own nurses; her time is taken when the other service agrees."""
    commands.offer_help(
        session,
        request_id=request_id,
        role_id=body.nurse_id,
        starts_at=body.starts_at,
        viewer=viewer,
        now=now,
    )
    return _shown(session, request_id, viewer, now)


@router.post("/{request_id}/offers/{offer_id}/acceptance", responses=problems(404, 409))
def accept_offer(
    request_id: UUID, offer_id: UUID, session: DbSession, viewer: SignedIn, now: Now, calendar: Cal
) -> HelpOut:
    """Agree to an offer: the visit is promised, and the patient's record opened to this nurse for a time."""
    agreeing.accept_offer(
        session, request_id=request_id, offer_id=offer_id, calendar=calendar, viewer=viewer, now=now
    )
    return _shown(session, request_id, viewer, now)


@router.post("/{request_id}/offers/{offer_id}/withdrawal", status_code=204, responses=problems(404, 409))
def take_back_offer(request_id: UUID, offer_id: UUID, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Withdraw the own offer or decline another's, also an accepted one; the record is closed at once."""
    agreeing.take_back_offer(session, request_id=request_id, offer_id=offer_id, viewer=viewer, now=now)


def _shown(session: ReadSession, request_id: UUID, viewer: Viewer, now: datetime) -> HelpOut:
    return HelpOut.of(queries.get_help(session, request_id=request_id, viewer=viewer, now=now), viewer, now)
