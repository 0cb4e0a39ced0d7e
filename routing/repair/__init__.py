"""Mend a published plan after something happened, and change as little as pays."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from routing.explain import explain_unassigned
from routing.objective import cost_of
from routing.plan import Plan, Route, Unassigned
from routing.problem import Problem
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
from routing.repair.mending import Mending
from routing.repair.search import Repair
from routing.solver import VERSION, Progress
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
REASONS_SHARE = 0.1
REASONS_AT_MOST_S = 0.5
"""At the end so much of the limit belongs to the reasons of what is left out."""

REASONS_AT_LEAST_S = 0.1
FIRST_ANSWER_S = 0.45
"""They get so much even if the limit is over; and a first answer may take so long for their sake."""


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
            assigned = sum(len(route.stops) for route in mending.routes)
            on_progress(Progress(mending.done, mending.points, assigned, time.perf_counter() - begun))

    def left_of(seconds: float) -> float:
        return max(0.0, seconds - (time.perf_counter() - begun))

    search_s = reasons_s = None
    if limit_s is not None:
        search_s = left_of(limit_s - min(REASONS_SHARE * limit_s, REASONS_AT_MOST_S))
    mending = Mending(day, run, seed, search_s, iterations, cancel=cancel or _never, tell=tell)
    tell()
    mending.better()
    routes = mending.routes
    if limit_s is not None:
        reasons_s = max(REASONS_AT_LEAST_S, left_of(max(limit_s, FIRST_ANSWER_S)))
    return Plan(
        routes,
        _reasons(day, plan, routes, reasons_s),
        cost_of(day.problem, routes),
        seed=seed,
        iterations=mending.done,
        seconds=time.perf_counter() - begun,
        version=VERSION,
    )


def _never() -> bool:
    return False


def _reasons(
    day: ChangedDay, before: Plan, routes: tuple[Route, ...], limit_s: float | None
) -> tuple[Unassigned, ...]:
    """Return why services are left out: gone, left out before already, or excluded by this plan."""
    done = {stop.service for route in routes for stop in route.stops}
    reasons = {
        left.service: replace(left, sentence=f"{BEFORE}{left.sentence.removeprefix(BEFORE)}")
        for left in before.unassigned
        if left.service not in done
    }
    for number, sentence in day.gone.items():
        reasons[number] = Unassigned(number, ("gone",), sentence, proven=True)
    reasons |= {
        left.service: left for left in explain_unassigned(day.problem, routes, but=reasons, limit_s=limit_s)
    }
    return tuple(reasons[number] for number in sorted(reasons))


BEFORE = "left out before the repair already: "
