"""What a plan costs, term by term, recomputed from its routes alone."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from routing.plan import Cost, Route
from routing.problem import Problem
from routing.units import Points

__all__ = ["TERMS", "cost_of"]

Routes = Sequence[Route]


def travel(problem: Problem, routes: Routes) -> Points:
    """Return the points of all seconds of travel, taken from the matrices."""
    seconds = 0
    for route in routes:
        vehicle = problem.vehicles[route.vehicle]
        places = [vehicle.start, *(problem.services[s].location for s in _services([route])), vehicle.end]
        for origin, destination in pairwise(places):
            seconds += problem.seconds(route.vehicle, origin, destination)
    return problem.weights.travel * seconds


def unassigned(problem: Problem, routes: Routes) -> Points:
    """Return the penalties of all services that are in no route."""
    done = set(_services(routes))
    return sum(service.penalty for number, service in enumerate(problem.services) if number not in done)


def not_preferred(problem: Problem, routes: Routes) -> Points:
    """Return the points of services that are done by a nurse who is not among the preferred."""
    strange = 0
    for route in routes:
        for number in _services([route]):
            preferred = problem.services[number].preferred
            strange += bool(preferred) and route.vehicle not in preferred
    return problem.weights.not_preferred * strange


def vehicle_use(problem: Problem, routes: Routes) -> Points:
    """Return the points of vehicles that leave at all."""
    return problem.weights.vehicle_use * sum(bool(route.stops) for route in routes)


TERMS: dict[str, Callable[[Problem, Routes], Points]] = {
    "travel": travel,
    "unassigned": unassigned,
    "not_preferred": not_preferred,
    "vehicle_use": vehicle_use,
}


def cost_of(problem: Problem, routes: Routes) -> Cost:
    """Return the cost of these routes, all other services left out."""
    return Cost({name: term(problem, routes) for name, term in TERMS.items()})


def _services(routes: Iterable[Route]) -> list[int]:
    return [stop.service for route in routes for stop in route.stops]
