"""Mend a published plan after something happened, and change as little as pays."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from routing.clock import time_routes
from routing.explain import explain_unassigned
from routing.objective import cost_of
from routing.plan import Plan, Route, Unassigned
from routing.problem import Problem, TimeWindow
from routing.repair.day import ChangedDay, changed_day
from routing.repair.disturbance import Disturbance, Published
from routing.repair.events import (
    Event,
    InvalidEvent,
    NurseIll,
    PatientAway,
    PlaceClosed,
    UrgentVisit,
    VisitLonger,
)
from routing.repair.search import Repair
from routing.solver import VERSION, LostTimetable, Progress
from routing.units import Seconds

__all__ = [
    "ChangedDay",
    "Disturbance",
    "Event",
    "InvalidEvent",
    "NurseIll",
    "PatientAway",
    "PlaceClosed",
    "Published",
    "UrgentVisit",
    "VisitLonger",
    "changed_day",
    "repair",
]

DEFAULT_LIMIT_S = 2.0


def repair(
    problem: Problem,
    plan: Plan,
    events: Iterable[Event],
    *,
    now: Seconds,
    limit_s: float | None = None,
    seed: int = 0,
    iterations: int | None = None,
    disturbance: Disturbance | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Return the plan as it is mended after some events.

    Stops that have begun stay. The others keep their nurse and their published time unless a change saves
    more than it disturbs. The check accepts the plan for the problem of `changed_day` with the same events.

    Args:
        problem: The day as it was planned.
        plan: Its published plan.
        events: What happened.
        now: The moment, in seconds of the day.
        limit_s: Wall-clock seconds; 0 for the first answer. Two seconds if neither this nor `iterations` is
            given.
        seed: Of the draws; the same seed and iterations give the same plan.
        iterations: So many attempts to better the first answer.
        disturbance: What a change to the published plan costs, and how many there may be.
        on_progress: Told of the first answer and each better one; its cost includes the disturbance.
        cancel: Asked before each attempt; once it says True the plan so far is returned.

    Raises:
        InvalidEvent: An event names what is not there, or a service that is over.
    """
    begun = time.perf_counter()
    if limit_s is None and iterations is None:
        limit_s = DEFAULT_LIMIT_S
    day = changed_day(problem, plan, events, now=now)
    promised = {s: place for s, place in plan.placed().items() if s not in day.begun and s not in day.gone}
    visits = {s: day.problem.services[s].visit for s in promised}
    run = Repair(day, plan, Published(promised, visits, disturbance or Disturbance()), seed)
    run.start()

    def tell() -> None:
        if on_progress is not None:
            assigned = len(run.sheet.clock.at)
            on_progress(Progress(done, run.best_points, assigned, time.perf_counter() - begun))

    done = 0
    tell()
    while iterations is None or done < iterations:
        if limit_s is not None and time.perf_counter() - begun >= limit_s:
            break
        if cancel is not None and cancel():
            break
        done += 1
        if run.step():
            tell()
    routes = _with_real_ends(day, tuple(run.sheet.routes[v] for v in sorted(run.sheet.routes)))
    return Plan(
        routes,
        _reasons(day, plan, routes),
        cost_of(day.problem, routes),
        seed=seed,
        iterations=done,
        seconds=time.perf_counter() - begun,
        version=VERSION,
    )


def _with_real_ends(day: ChangedDay, routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the routes with the durations of the changed day, all starts as they are."""
    services, drawn_out = day.problem.services, day.search_problem.services
    real = []
    for route in routes:
        if all(services[s.service].duration == drawn_out[s.service].duration for s in route.stops):
            real.append(route)
            continue
        starts = {stop.service: TimeWindow(stop.start, stop.start) for stop in route.stops}
        alone = replace(day.problem, links=(), orders=())
        timed = time_routes(alone, {route.vehicle: [stop.service for stop in route.stops]}, starts)
        if timed is None:
            raise LostTimetable("a repaired route has no timetable; please report this day")
        real += timed
    return tuple(real)


def _reasons(day: ChangedDay, before: Plan, routes: tuple[Route, ...]) -> tuple[Unassigned, ...]:
    """Return why services are left out: gone, left out before already, or excluded by this plan."""
    done = {stop.service for route in routes for stop in route.stops}
    reasons = {
        left.service: replace(left, sentence=f"{BEFORE}{left.sentence.removeprefix(BEFORE)}")
        for left in before.unassigned
        if left.service not in done
    }
    for number, sentence in day.gone.items():
        reasons[number] = Unassigned(number, ("gone",), sentence, proven=True)
    reasons |= {left.service: left for left in explain_unassigned(day.problem, routes, but=reasons)}
    return tuple(reasons[number] for number in sorted(reasons))


BEFORE = "left out before the repair already: "
