"""Nurses: who they are, when they work, and each one's own day."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from api.auth.policy import CARING, PLANNING, may
from api.dependencies import Cal, DbSession, Now, ReadSession, SignedIn
from api.etag import tagged
from api.openapi import problems
from api.routers.tours import TOUR_EXAMPLE, TourOut
from api.shapes import (
    After,
    Example,
    In,
    IntervalOut,
    Limit,
    LocalDate,
    Moment,
    NamedOut,
    Out,
    PageOut,
    PlaceOut,
    next_address,
    nurse_or_doctor,
    shown_as,
)
from careapp.people import commands as people
from careapp.people import queries
from careapp.people.models import Absence, Role, VehicleKind
from careapp.tours import commands as tours
from careapp.tours import queries as tour_queries
from careapp.tours.models import Shift

router = APIRouter(prefix="/api/nurses", tags=["nurses"])

NURSE_ID = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c04"
INTERVAL_EXAMPLE: Example = {"starts_at": "2026-03-03T05:00:00Z", "ends_at": "2026-03-03T13:00:00Z"}
NURSE_EXAMPLE: Example = {
    "id": NURSE_ID,
    "name": "Anna Muster",
    "organisation": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c05", "name": "Pflegedienst Beispiel"},
    "vehicle": "car",
    "base": {
        "street": "Am Markt",
        "house_number": "3",
        "postal_code": "57319",
        "city": "Bad Berleburg",
        "district": None,
        "latitude": 51.05,
        "longitude": 8.39,
    },
    "skills": [{"code": "wound-care", "name": "Wundversorgung", "grade": 3}],
    "is_active": True,
}
SHIFT_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b2a01",
    "nurse_id": NURSE_ID,
    "date": "2026-03-03",
}
NURSE_DAY_EXAMPLE: Example = {
    "date": "2026-03-03",
    "nurse": {"id": NURSE_ID, "name": "Anna Muster"},
    "tours": [TOUR_EXAMPLE],
}


class SkillOut(Out):
    """A skill that a nurse holds, from grade 1 (basic) to 4 (specialist)."""

    code: str
    name: str
    grade: int


class NurseOut(Out):
    """A nurse; `base` is where her tours begin and end."""

    model_config = shown_as(NURSE_EXAMPLE)

    id: UUID
    name: str
    organisation: NamedOut
    vehicle: VehicleKind | None
    base: PlaceOut
    skills: list[SkillOut]
    is_active: bool

    @classmethod
    def of(cls, row: Role) -> Self:
        """Show a role loaded with `people.queries.WITH_PERSON`."""
        return cls(
            id=row.id,
            name=nurse_or_doctor(row).name,
            organisation=NamedOut.model_validate(row.organisation),
            vehicle=row.vehicle,
            base=PlaceOut.model_validate(row.base),
            skills=[
                SkillOut(code=held.skill_code, name=held.skill.name_de, grade=held.grade)
                for held in row.skills
            ],
            is_active=row.is_active,
        )


class NursePage(PageOut[NurseOut]):
    """Some nurses."""

    model_config = shown_as({"items": [NURSE_EXAMPLE], "next": None})


class NurseDay(Out):
    """What a nurse drives on a day: her published tours, nothing that is only proposed."""

    model_config = shown_as(NURSE_DAY_EXAMPLE)

    date: date
    nurse: NamedOut
    tours: list[TourOut]


class NewInterval(In):
    """A stretch of time, half-open; both moments with their offset."""

    model_config = shown_as(INTERVAL_EXAMPLE)

    starts_at: Moment
    ends_at: Moment


class ShiftOut(IntervalOut):
    """A nurse's work on one local day; `date` is the day it begins on."""

    model_config = shown_as(SHIFT_EXAMPLE | INTERVAL_EXAMPLE)

    id: UUID
    nurse_id: UUID
    date: date

    @classmethod
    def of(cls, row: Shift) -> Self:
        """Show a shift."""
        return cls(
            id=row.id, nurse_id=row.role_id, date=row.date, starts_at=row.starts_at, ends_at=row.ends_at
        )


class AbsenceOut(IntervalOut):
    """A stretch of time in which somebody is not there."""

    model_config = shown_as({"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b2a02"} | INTERVAL_EXAMPLE)

    id: UUID

    @classmethod
    def of(cls, row: Absence) -> Self:
        """Show an absence."""
        return cls(id=row.id, starts_at=row.starts_at, ends_at=row.ends_at)


@router.get("", dependencies=[may(*CARING)])
def list_nurses(
    request: Request, session: ReadSession, viewer: SignedIn, limit: Limit = 50, after: After = None
) -> NursePage:
    """List nurses with their skills."""
    page = queries.list_nurses(session, viewer=viewer, limit=limit, after=after)
    return NursePage(items=[NurseOut.of(row) for row in page.items], next=next_address(request, page))


@router.get("/{nurse_id}", responses=problems(404), dependencies=[may(*CARING)])
def get_nurse(nurse_id: UUID, session: ReadSession, viewer: SignedIn) -> NurseOut:
    """Show a nurse with her skills."""
    return NurseOut.of(queries.get_nurse(session, role_id=nurse_id, viewer=viewer))


@router.get(
    "/{nurse_id}/days/{date}",
    response_model=NurseDay,
    responses=problems(404) | {304: {"description": "The client has it: its `If-None-Match` names the tag"}},
    dependencies=[may(*CARING)],
)
def get_nurse_day(
    nurse_id: UUID,
    date: Annotated[LocalDate, Path(description="The local day.", examples=["2026-03-03"])],
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
) -> Response:
    """Show a nurse's own day, with a strong `ETag`: a phone that has it asks again for next to nothing."""
    nurse = queries.get_nurse(session, role_id=nurse_id, viewer=viewer)
    rows = tour_queries.get_nurse_day(session, role_id=nurse_id, date=date, viewer=viewer)
    day = NurseDay(date=date, nurse=nurse_or_doctor(nurse), tours=[TourOut.of(row) for row in rows])
    return tagged(request, day.model_dump_json().encode(), media_type="application/json")


@router.post(
    "/{nurse_id}/shifts",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def add_shift(
    nurse_id: UUID, body: NewInterval, session: DbSession, viewer: SignedIn, now: Now, calendar: Cal
) -> ShiftOut:
    """Let a nurse work from her base for one stretch of time."""
    return ShiftOut.of(
        tours.add_shift(
            session,
            role_id=nurse_id,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            calendar=calendar,
            viewer=viewer,
            now=now,
        )
    )


@router.post(
    "/{nurse_id}/absences",
    status_code=201,
    responses=problems(404),
    dependencies=[may(*PLANNING)],
)
def add_absence(
    nurse_id: UUID, body: NewInterval, session: DbSession, viewer: SignedIn, now: Now
) -> AbsenceOut:
    """Say that a nurse is not at work for some time; tours that were made before stay as they are."""
    nurse = queries.get_nurse(session, role_id=nurse_id, viewer=viewer)
    return AbsenceOut.of(
        people.add_absence(
            session,
            practitioner_id=nurse.practitioner_id,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            viewer=viewer,
            now=now,
        )
    )
