"""A local day: its demand, its plan, its publication."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from api.auth.policy import OVERSEEING, PLANNING, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.routers.jobs import JobOut
from api.routers.tours import ToursOut
from api.routers.visits import VisitOut, VisitPage
from api.shapes import (
    After,
    Example,
    In,
    Limit,
    LocalDate,
    NamedOut,
    Out,
    next_address,
    nurse_or_doctor,
    shown_as,
)
from careapp.appointments.models import AppointmentStatus
from careapp.jobs import queue
from careapp.jobs.kinds import PLAN_DAY
from careapp.tours import commands, queries
from careapp.tours.models import Plan, Tour, TourStatus, UnassignedVisit
from careapp.visits import queries as visit_queries

router = APIRouter(prefix="/api/days", tags=["days"])


Day = Annotated[LocalDate, Path(description="The local day.", examples=["2026-03-03"])]

PLAN_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1f01",
    "made_at": "2026-03-02T17:00:31Z",
    "seed": 0,
    "version": "1",
    "iterations": 184000,
    "seconds": 20.0,
    "travel_source": "estimate",
    "cost": 91240,
    "cost_terms": {"travel": 61240, "unassigned": 30000},
}
TOUR_SUMMARY_EXAMPLE: Example = {
    "id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c03",
    "nurse": {"id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c04", "name": "Anna Muster"},
    "status": "proposed",
    "stops": 14,
    "leaves_at": "2026-03-03T05:10:00Z",
    "returns_at": "2026-03-03T11:52:00Z",
    "travel_s": 7300,
    "metres": 92400,
    "waiting_s": 470,
}
UNASSIGNED_EXAMPLE: Example = {
    "visit_id": "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c01",
    "title": "Insulin",
    "priority": 2,
    "rule": "required-skills",
    "reason": "no nurse at work has the skill",
}
DAY_EXAMPLE: Example = {
    "date": "2026-03-03",
    "visits": {"proposed": 118, "booked": 0, "fulfilled": 0, "noshow": 0, "cancelled": 2},
    "plan": PLAN_EXAMPLE,
    "tours": [TOUR_SUMMARY_EXAMPLE],
    "unassigned": [UNASSIGNED_EXAMPLE],
}


class VisitCounts(Out):
    """How many visits of a day are in each state."""

    proposed: int
    booked: int
    fulfilled: int
    noshow: int
    cancelled: int


class PlanOut(Out):
    """How a day was planned: `cost` and its terms in points, one point being a second of travel."""

    model_config = shown_as(PLAN_EXAMPLE)

    id: UUID
    made_at: datetime
    seed: int
    version: str
    iterations: int
    seconds: float
    travel_source: str
    cost: int
    cost_terms: dict[str, int]


class TourSummary(Out):
    """A tour without its stops; `travel_s` and `metres` include the way home."""

    model_config = shown_as(TOUR_SUMMARY_EXAMPLE)

    id: UUID
    nurse: NamedOut
    status: TourStatus
    stops: int
    leaves_at: datetime
    returns_at: datetime
    travel_s: int
    metres: int
    waiting_s: int

    @classmethod
    def of(cls, row: Tour, stops: int) -> Self:
        """Show a tour loaded with its nurse."""
        return cls(
            id=row.id,
            nurse=nurse_or_doctor(row.role),
            status=row.status,
            stops=stops,
            leaves_at=row.leaves_at,
            returns_at=row.returns_at,
            travel_s=row.travel_s,
            metres=row.metres,
            waiting_s=row.waiting_s,
        )


class UnassignedOut(Out):
    """A visit that the plan left out: the rule that excludes it, and why."""

    model_config = shown_as(UNASSIGNED_EXAMPLE)

    visit_id: UUID
    title: str
    priority: int
    rule: str
    reason: str

    @classmethod
    def of(cls, row: UnassignedVisit) -> Self:
        """Show a left-out visit loaded with the visit."""
        return cls(
            visit_id=row.visit_id,
            title=row.visit.title,
            priority=row.visit.priority,
            rule=row.rule,
            reason=row.reason,
        )


class DayOut(Out):
    """A local day at a glance; `plan` is the newest one, null before the first."""

    model_config = shown_as(DAY_EXAMPLE)

    date: date
    visits: VisitCounts
    plan: PlanOut | None
    tours: list[TourSummary]
    unassigned: list[UnassignedOut]

    @classmethod
    def of(cls, day: queries.DayOverview) -> Self:
        """Show a day's overview."""
        return cls(
            date=day.date,
            visits=VisitCounts(**{status.value: day.visits.get(status, 0) for status in AppointmentStatus}),
            plan=_plan(day.plan),
            tours=[TourSummary.of(tour, day.stops.get(tour.id, 0)) for tour in day.tours],
            unassigned=[UnassignedOut.of(row) for row in day.unassigned],
        )


def _plan(row: Plan | None) -> PlanOut | None:
    return None if row is None else PlanOut.model_validate(row)


class NewPlan(In):
    """How to plan a day; without a body, with seed 0 and the limit of the settings."""

    model_config = shown_as({"seed": 7, "limit_s": 30.0})

    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="The same seed gives the same plan.")
    limit_s: float | None = Field(default=None, gt=0, le=3600, description="Seconds of search.")


@router.get("/{date}", dependencies=[may(*OVERSEEING)])
def get_day(date: Day, session: ReadSession, viewer: SignedIn) -> DayOut:
    """Show a local day at a glance; a day that nobody has touched is empty, not missing."""
    return DayOut.of(queries.get_day(session, date=date, viewer=viewer))


@router.get("/{date}/demand", dependencies=[may(*OVERSEEING)])
def list_demand(
    date: Day,
    request: Request,
    session: ReadSession,
    viewer: SignedIn,
    limit: Limit = 50,
    after: After = None,
) -> VisitPage:
    """List the visits of a local day, whatever their state."""
    page = visit_queries.list_visits(session, viewer=viewer, date=date, limit=limit, after=after)
    return VisitPage(items=[VisitOut.of(row) for row in page.items], next=next_address(request, page))


@router.post("/{date}/plan", status_code=202, dependencies=[may(*PLANNING)])
def plan_day(
    date: Day,
    response: Response,
    session: DbSession,
    viewer: SignedIn,
    now: Now,
    settings: SettingsDep,
    body: NewPlan | None = None,
) -> JobOut:
    """Plan what is open on a day, in the background: follow the job at `Location`.

    While a job with the same arguments is waiting or running, it is answered instead of a second one.
    """
    asked = body or NewPlan()
    arguments: dict[str, Any] = {
        "date": date.isoformat(),
        "seed": asked.seed,
        "limit_s": asked.limit_s or settings.plan_limit_s,
    }
    job = queue.submit(session, kind=PLAN_DAY, arguments=arguments, viewer=viewer, now=now)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return JobOut.model_validate(job)


@router.post(
    "/{date}/publication",
    status_code=201,
    responses=problems(409),
    dependencies=[may(*PLANNING)],
)
def publish_day(date: Day, session: DbSession, viewer: SignedIn, now: Now) -> ToursOut:
    """Promise the day's proposed tours to nurses and patients; 409 if none is proposed or the day changed."""
    return ToursOut.of(commands.publish_day(session, date=date, viewer=viewer, now=now))
