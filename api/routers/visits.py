"""Visits: planned home visits of a local day."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.auth.policy import CARING, PLANNING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
    Cancellation,
    Example,
    In,
    Limit,
    Line,
    LocalDate,
    Moment,
    NamedOut,
    Out,
    PageOut,
    PlaceOut,
    SkillNeed,
    SkillNeedOut,
    needs_of,
    next_address,
    patient_of,
    shown_as,
)
from careapp.appointments.models import AppointmentStatus
from careapp.visits import commands, queries
from careapp.visits.models import Visit

router = APIRouter(prefix="/api/visits", tags=["visits"])

WINDOW_EXAMPLE: Example = {"earliest": "2026-03-03T06:00:00Z", "latest": "2026-03-03T08:00:00Z"}
VISIT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "date": "2026-03-03",
    "title": "Insulin",
    "status": "proposed",
    "patient": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02", "name": "Erna Beispiel"},
    "place": {
        "street": "Hauptstraße",
        "house_number": "1",
        "postal_code": "57319",
        "city": "Bad Berleburg",
        "district": "Arfeld",
        "latitude": 51.03,
        "longitude": 8.47,
    },
    "care_order_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c06",
    "occurrence": 0,
    "duration_s": 900,
    "priority": 3,
    "windows": [WINDOW_EXAMPLE],
    "services": [{"number": 0, "skills": [{"code": "insulin", "grade": 2}]}],
    "starts_at": "2026-03-03T07:00:00Z",
    "ends_at": "2026-03-03T07:15:00Z",
    "cancelled_because": None,
}
NEW_VISIT_EXAMPLE: Example = {
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "title": "Verbandwechsel",
    "windows": [{"earliest": "2026-03-03T09:00:00+01:00", "latest": "2026-03-03T11:00:00+01:00"}],
    "minutes": 25,
    "services": [{"skills": [{"code": "wound-care", "grade": 2}]}],
    "priority": 3,
}


class WindowOut(Out):
    """When a visit may start; closed at both ends. Several windows are alternatives."""

    earliest: datetime
    latest: datetime


class ServiceOut(Out):
    """One nurse's part of a visit, and what she needs to be able to do."""

    number: int
    skills: list[SkillNeedOut]


class VisitOut(Out):
    """A visit; `starts_at` and `ends_at` are null until a tour holds it."""

    model_config = shown_as(VISIT_EXAMPLE)

    id: UUID
    date: date
    title: str
    status: AppointmentStatus
    patient: NamedOut
    place: PlaceOut
    care_order_id: UUID | None
    occurrence: int
    duration_s: int
    priority: int
    windows: list[WindowOut]
    services: list[ServiceOut]
    starts_at: datetime | None
    ends_at: datetime | None
    cancelled_because: str | None

    @classmethod
    def of(cls, row: Visit) -> Self:
        """Show a visit loaded with `visits.queries.WHOLE_VISIT`."""
        return cls(
            id=row.id,
            date=row.date,
            title=row.title,
            status=row.status,
            patient=patient_of(row.patient),
            place=PlaceOut.model_validate(row.patient.known_home),
            care_order_id=row.care_order_id,
            occurrence=row.occurrence,
            duration_s=row.duration_s,
            priority=row.priority,
            windows=[WindowOut.model_validate(window) for window in row.windows],
            services=[
                ServiceOut(
                    number=service.number,
                    skills=[SkillNeedOut(code=need.skill_code, grade=need.grade) for need in service.skills],
                )
                for service in row.services
            ],
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            cancelled_because=row.cancelled_because,
        )


class VisitPage(PageOut[VisitOut]):
    """Some visits."""

    model_config = shown_as({"items": [VISIT_EXAMPLE], "next": None})


class NewWindow(In):
    """First and last moment at which a visit may start."""

    earliest: Moment
    latest: Moment


class NewService(In):
    """One nurse's part of a visit, and what she needs to be able to do."""

    skills: list[SkillNeed] = Field(default_factory=list, max_length=20)


class NewVisit(In):
    """A visit that is entered by hand. Its windows are alternatives and begin on one local day."""

    model_config = shown_as(NEW_VISIT_EXAMPLE)

    patient_id: UUID
    title: Line
    windows: list[NewWindow] = Field(min_length=1, max_length=10)
    minutes: int = Field(ge=1, le=480)
    services: list[NewService] = Field(default_factory=lambda: [NewService()], min_length=1, max_length=4)
    priority: int = Field(default=2, ge=1, le=4, description="1 may be left out, 4 must never be.")


@router.get("", dependencies=[may(*CARING)])
def list_visits(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    date: Annotated[LocalDate | None, Query(description="Only of this local day.")] = None,
    patient: UUID | None = None,
    status: AppointmentStatus | None = None,
    limit: Limit = 50,
    after: After = None,
) -> VisitPage:
    """List visits."""
    page = queries.list_visits(
        session, viewer=viewer, date=date, patient_id=patient, status=status, limit=limit, after=after
    )
    return VisitPage(items=[VisitOut.of(row) for row in page.items], next=next_address(request, page))


@router.get("/{visit_id}", responses=problems(404), dependencies=[may(*CARING)])
def get_visit(visit_id: UUID, session: ReadSession, viewer: SignedIn) -> VisitOut:
    """Show a visit."""
    return VisitOut.of(queries.get_visit(session, visit_id=visit_id, viewer=viewer))


@router.post(
    "",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def add_visit(
    body: NewVisit, response: Response, session: DbSession, viewer: SignedIn, now: Now, calendar: Cal
) -> VisitOut:
    """Enter one visit by hand, without a care order."""
    visit = commands.add_visit(
        session,
        patient_id=body.patient_id,
        title=body.title,
        windows=[(window.earliest, window.latest) for window in body.windows],
        minutes=body.minutes,
        services=[needs_of(service.skills) for service in body.services],
        priority=body.priority,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/visits/{visit.id}"
    return VisitOut.of(visit)


@router.post(
    "/{visit_id}/cancellation",
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def cancel_visit(
    visit_id: UUID, body: Cancellation, session: DbSession, viewer: SignedIn, now: Now
) -> VisitOut:
    """Call a visit off; 409 if it was called off before, is over, or a doctor waits for it."""
    return VisitOut.of(
        commands.cancel_visit(session, visit_id=visit_id, because=body.because, viewer=viewer, now=now)
    )
