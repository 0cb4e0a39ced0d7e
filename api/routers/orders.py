"""Care orders: the standing demand, from which each day's visits are made."""

from datetime import date, time
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.auth.policy import CARING, EVERYBODY, PLANNING, may
from api.dependencies import DbSession, Now, ReadSession, SignedIn
from api.openapi import problems
from api.shapes import (
    After,
    ClockTime,
    Example,
    In,
    Limit,
    Line,
    LocalDate,
    NamedOut,
    Out,
    PageOut,
    SkillNeed,
    SkillNeedOut,
    needs_of,
    next_address,
    patient_of,
    shown_as,
)
from careapp.orders import commands, queries
from careapp.orders.models import CareOrder, OnHolidays
from careapp.people import queries as people

router = APIRouter(prefix="/api", tags=["orders"])

NEW_ORDER_EXAMPLE: Example = {
    "patient_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02",
    "title": "Insulin",
    "recurrence": "FREQ=DAILY",
    "first_date": "2026-03-01",
    "minutes": 15,
    "windows": [
        {"occurrence": 0, "earliest": "07:00", "latest": "09:00"},
        {"occurrence": 1, "earliest": "17:00", "latest": "19:00"},
    ],
    "skills": [[{"code": "insulin", "grade": 2}]],
    "priority": 4,
    "min_gap_minutes": 480,
}
ORDER_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c06",
    "patient": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02", "name": "Erna Beispiel"},
    "title": "Insulin",
    "recurrence": "FREQ=DAILY",
    "first_date": "2026-03-01",
    "last_date": None,
    "on_holidays": "as-usual",
    "minutes": 15,
    "nurses": 1,
    "priority": 4,
    "min_gap_minutes": 480,
    "max_gap_minutes": None,
    "is_active": True,
    "windows": [
        {"occurrence": 0, "earliest": "07:00:00", "latest": "09:00:00"},
        {"occurrence": 1, "earliest": "17:00:00", "latest": "19:00:00"},
    ],
    "skills": [[{"code": "insulin", "grade": 2}]],
}
SKILL_EXAMPLE: Example = {"code": "insulin", "name": "Insulingabe"}


class OrderWindowOut(Out):
    """When a visit of an order may start, in local time; closed at both ends."""

    occurrence: int
    earliest: time
    latest: time


class OrderOut(Out):
    """A care order; `skills` lists what each of its nurses needs, first to last."""

    model_config = shown_as(ORDER_EXAMPLE)

    id: UUID
    patient: NamedOut
    title: str
    recurrence: str
    first_date: date
    last_date: date | None
    on_holidays: OnHolidays
    minutes: int
    nurses: int
    priority: int
    min_gap_minutes: int | None
    max_gap_minutes: int | None
    is_active: bool
    windows: list[OrderWindowOut]
    skills: list[list[SkillNeedOut]]

    @classmethod
    def of(cls, row: CareOrder) -> Self:
        """Show a care order loaded with `orders.queries.WHOLE_ORDER`."""
        return cls(
            id=row.id,
            patient=patient_of(row.patient),
            title=row.title,
            recurrence=row.recurrence,
            first_date=row.first_date,
            last_date=row.last_date,
            on_holidays=row.on_holidays,
            minutes=row.minutes,
            nurses=row.nurses,
            priority=row.priority,
            min_gap_minutes=row.min_gap_minutes,
            max_gap_minutes=row.max_gap_minutes,
            is_active=row.is_active,
            windows=[OrderWindowOut.model_validate(window) for window in row.windows],
            skills=[
                [
                    SkillNeedOut(code=need.skill_code, grade=need.grade)
                    for need in row.skills
                    if need.nurse_number == number
                ]
                for number in range(row.nurses)
            ],
        )


class OrderPage(PageOut[OrderOut]):
    """Some care orders."""

    model_config = shown_as({"items": [ORDER_EXAMPLE], "next": None})


class SkillNameOut(Out):
    """A skill of the region's common list."""

    code: str
    name: str


class SkillsOut(Out):
    """The region's common list of skills."""

    model_config = shown_as({"items": [SKILL_EXAMPLE]})

    items: list[SkillNameOut]


class NewOrderWindow(In):
    """When a visit may start, in local time; windows of the same occurrence are alternatives."""

    occurrence: int = Field(default=0, ge=0, le=9, description="Which visit of the day, from 0.")
    earliest: ClockTime
    latest: ClockTime


class NewOrder(In):
    """Standing demand. `recurrence` is an RFC 5545 RRULE without DTSTART, in local dates."""

    model_config = shown_as(NEW_ORDER_EXAMPLE)

    patient_id: UUID
    title: Line
    recurrence: Line
    first_date: LocalDate
    last_date: LocalDate | None = None
    on_holidays: OnHolidays = OnHolidays.AS_USUAL
    minutes: int = Field(ge=1, le=480, description="Care time of one visit.")
    nurses: int = Field(default=1, ge=1, le=4, description="How many are there at the same time.")
    priority: int = Field(default=2, ge=1, le=4, description="1 may be left out, 4 must never be.")
    min_gap_minutes: int | None = Field(default=None, ge=0, le=1440)
    max_gap_minutes: int | None = Field(default=None, ge=0, le=1440)
    windows: list[NewOrderWindow] = Field(min_length=1, max_length=20)
    skills: list[list[SkillNeed]] = Field(
        default_factory=list, max_length=4, description="What each nurse needs, first to last."
    )


@router.get("/skills", dependencies=[may(*EVERYBODY)])
def list_skills(session: ReadSession, viewer: SignedIn) -> SkillsOut:
    """List all skills, by code."""
    skills = people.list_skills(session, viewer=viewer)
    return SkillsOut(items=[SkillNameOut(code=skill.code, name=skill.name_de) for skill in skills])


@router.get("/orders", dependencies=[may(*CARING)])
def list_orders(
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    patient: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> OrderPage:
    """List care orders."""
    page = queries.list_orders(session, viewer=viewer, patient_id=patient, limit=limit, after=after)
    return OrderPage(items=[OrderOut.of(row) for row in page.items], next=next_address(request, page))


@router.get(
    "/orders/{order_id}",
    responses=problems(404),
    dependencies=[may(*CARING)],
)
def get_order(order_id: UUID, session: ReadSession, viewer: SignedIn) -> OrderOut:
    """Show a care order."""
    return OrderOut.of(queries.get_order(session, order_id=order_id, viewer=viewer))


@router.post(
    "/orders",
    status_code=201,
    responses=problems(404, 409),
    dependencies=[may(*PLANNING)],
)
def add_order(body: NewOrder, response: Response, session: DbSession, viewer: SignedIn, now: Now) -> OrderOut:
    """Order care for a patient, under the active care plan; the first order opens one."""
    order = commands.add_order(
        session,
        patient_id=body.patient_id,
        order=commands.NewOrder(
            **body.model_dump(exclude={"patient_id", "windows", "skills"}),
            windows=[commands.StartWindow(**window.model_dump()) for window in body.windows],
            skills=[needs_of(skills) for skills in body.skills],
        ),
        viewer=viewer,
        now=now,
    )
    response.headers["Location"] = f"/api/orders/{order.id}"
    return OrderOut.of(order)
