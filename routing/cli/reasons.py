"""Why a service is where it is, said in sentences."""

from collections.abc import Iterator

from routing.constraints import FILTERS
from routing.insertion import best
from routing.plan import Plan
from routing.problem import Problem
from routing.timetable import time_routes

__all__ = ["reasons_of"]

ALTERNATIVES = 3


def reasons_of(problem: Problem, plan: Plan, service: int) -> Iterator[str]:
    """Yield sentences about one service of a plan: who does it and when, or why nobody; and who else could.

    What another nurse would cost is tried: all other visits keep their nurse and their order.
    """
    name = problem.services[service].id
    placed = plan.placed().get(service)
    if placed is None:
        left = next(left for left in plan.unassigned if left.service == service)
        certain = "" if left.proven else " (in this plan)"
        yield f"{name} is in no route{certain}: {left.sentence}; rules: {', '.join(left.rules)}"
        return
    vehicle, stop = placed
    yield f"{name} is done by {problem.vehicles[vehicle].id} from {stop.start} to {stop.end}"
    for rule in FILTERS:
        out = [
            problem.vehicles[number].id
            for number, may in enumerate(rule.allowed(problem)[service])
            if not may
        ]
        if out:
            yield f"{len(out)} nurses do not pass {rule.name}: {', '.join(out[:10])}"
    yield from _alternatives(problem, plan, service, vehicle)


def _alternatives(problem: Problem, plan: Plan, service: int, vehicle: int) -> Iterator[str]:
    visit = problem.services[service].visit
    sequences = {
        route.vehicle: [s.service for s in route.stops if problem.services[s.service].visit != visit]
        for route in plan.routes
    }
    routes = time_routes(problem, {number: order for number, order in sequences.items() if order})
    if routes is None:
        yield "without it the others have no timetable that keeps their windows, so nobody else was tried"
        return
    places = best(problem, Plan(routes), service, top=ALTERNATIVES + 1, once_per_nurse=True)
    here = [place.points for place in places if vehicle in place.vehicles]
    others = [place for place in places if vehicle not in place.vehicles][:ALTERNATIVES]
    for place in others:
        who = ", ".join(problem.vehicles[number].id for number in place.vehicles)
        more = place.points - min(here) if here else None
        yield f"by {who} at {place.stops[service][1].start}: {_difference(more, place.points)}"
    if not others:
        yield "nobody else could do it without a change in the order of other visits"


def _difference(more: int | None, points: int) -> str:
    if more is None:
        return f"{points} points"
    return f"{abs(more)} points {'less' if more < 0 else 'more'} than here"
