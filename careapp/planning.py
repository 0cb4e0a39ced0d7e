"""Plan a day: from rows to proposed tours, in short transactions around a long search."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.errors import Conflict, Invalid
from careapp.roads.choice import roads_failed, travel_sources
from careapp.roads.manifest import closures_in
from careapp.tours import commands as tours
from careapp.tours.day import NothingToPlan
from careapp.tours.queries import day_to_plan
from careapp.tours.survey import Survey
from careapp.visits import commands as visits
from routing import check, search
from routing.errors import RoutingError, TravelCancelled, TravelError
from routing.parts import solve_in_parts
from routing.solver import Progress as SearchProgress

STOPPED = "the planning was stopped before its plan was written: start it again any time"


class PlanningCancelled(Conflict):
    """Somebody asked to stop before the plan was written; the day is as it was."""


class DayContradictsItself(Invalid):
    """The rows of a day make no sense to the planner; the message names the row."""


class PlanBreaksRules(RuntimeError):
    """The solver and the check disagree: a bug of ours, never a proposal."""


@dataclass(frozen=True)
class Progress:
    """How far a planning has come.

    Attributes:
        fraction: From 0 to 1.
        text: What is being done now.
        cost: Points of the best plan so far; None before the first.
        unassigned: Services that it leaves out.
        iterations: Of the search.
    """

    fraction: float
    text: str
    cost: int | None = None
    unassigned: int | None = None
    iterations: int | None = None


def plan_day(
    sessions: sessionmaker[Session],
    *,
    date: date,
    seed: int,
    limit_s: float,
    settings: Settings,
    viewer: Viewer,
    now: Callable[[], datetime],
    on_progress: Callable[[Progress], None],
    is_cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Make a day's visits and shifts, plan what is open, check the plan and propose its tours.

    The search runs between short transactions: it may take minutes, and no database connection waits for it.

    Args:
        sessions: Factory of writing sessions.
        date: The local day.
        seed: Of the search.
        limit_s: Seconds of search.
        settings: Zone, holidays, travel.
        viewer: For whom: all organisations he sees are planned together.
        now: Tells this moment.
        on_progress: Told every now and then.
        is_cancelled: Asked every now and then.

    Returns:
        The job's result: ids and figures, fit for JSON.

    Raises:
        NothingToPlan: The day has no open visit.
        PlanningCancelled: `is_cancelled` said so; nothing was written but the day's visits and shifts.
        DayContradictsItself: A row of the day cannot be meant as it stands.
        RoadsFailed: The source of travel times that the settings name gives none.
        DayChanged: The day changed during the search.
        PlanBreaksRules: The check found a violation.
    """
    begun = time.monotonic()
    calendar = Calendar.of(settings)
    on_progress(Progress(0.0, "expanding care orders"))
    with sessions.begin() as session:
        visits.make_visits(session, date=date, calendar=calendar, viewer=viewer, now=now())
        tours.make_shifts(session, date=date, calendar=calendar, viewer=viewer, now=now())
    with sessions.begin() as session:
        day = day_to_plan(session, date=date, calendar=calendar, viewer=viewer)
        session.expunge_all()
    if not day.visits:
        raise NothingToPlan(f"{date.isoformat()} has no open visit: add care orders or choose another day")
    on_progress(Progress(0.02, "measuring ways"))
    sources = travel_sources(
        settings, today=calendar.local_date(now()), day=date, sessions=sessions, cancel=is_cancelled
    )
    try:
        survey = Survey.of(day, sources, radius_m=settings.snap_radius_m)
        problem = day.to_problem(sources, sources.by_hour(calendar))
    except TravelCancelled as cancelled:
        raise PlanningCancelled(
            "the planning was stopped before its plan was written: start it again any time"
        ) from cancelled
    except TravelError as failed:
        raise roads_failed(
            failed, what=f"{date.isoformat()} was not planned, its tours are as they were"
        ) from failed
    except RoutingError as contradiction:
        raise DayContradictsItself(
            f"{date.isoformat()} cannot be planned: {contradiction}"
        ) from contradiction
    if not search.compiled():
        on_progress(Progress(0.03, "compiling the search, once on this machine (about 30 s)"))
        if not search.make_ready(is_cancelled):
            raise PlanningCancelled(STOPPED)

    def tell(state: SearchProgress) -> None:
        on_progress(
            Progress(
                fraction=0.05 + 0.9 * min(1.0, state.seconds / limit_s),
                text="searching",
                cost=state.cost,
                unassigned=len(problem.services) - state.assigned,
                iterations=state.iterations,
            )
        )

    plan = solve_in_parts(problem, limit_s, seed=seed, on_progress=tell, cancel=is_cancelled)
    if is_cancelled():
        raise PlanningCancelled(STOPPED)
    violations = check.violations(problem, plan)
    if violations:
        raise PlanBreaksRules(f"{len(violations)} violations, the first: {violations[0].sentence}")
    on_progress(Progress(0.96, "proposing tours"))
    with sessions.begin() as session:
        row = tours.propose_tours(
            session,
            day=day,
            plan=plan,
            survey=survey,
            viewer=viewer,
            now=now(),
        )
    left_out = {day.services[reason.service].visit_id for reason in plan.unassigned}
    return {
        "plan": str(row.id),
        "date": date.isoformat(),
        "seed": seed,
        "visits": len(day.visits),
        "assigned": len(day.visits) - len(left_out),
        "unassigned": len(left_out),
        "off_road": [
            str(visit.id) for visit in day.visits if visit.id in left_out and survey.reason(day, visit)
        ],
        "travel": [
            {"source": origin.source, "data": origin.data, "estimated": origin.is_estimated}
            for origin in survey.origins.values()
        ],
        "closures": closures_in(settings.data_dir, {origin.data for origin in survey.origins.values()}),
        "tours": len(plan.routes),
        "cost": plan.cost.total,
        "violations": [violation.sentence for violation in violations],
        "iterations": plan.iterations,
        "seconds": round(time.monotonic() - begun, 3),
    }
