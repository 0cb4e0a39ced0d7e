"""What a plan costs, term by term, recomputed from its routes alone."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

from routing.plan import Cost, Route
from routing.problem import Problem
from routing.units import Points, Seconds, per_minute

__all__ = ["TERMS", "compares_routes", "cost_of", "depends_on_times"]

Routes = Sequence[Route]


def travel(problem: Problem, routes: Routes) -> Points:
    """Return the points of all seconds of travel, taken from the matrices.

    Where these depend on the hour, they are the seconds written down, which the check holds against them.
    """
    seconds = 0
    for route in routes:
        if problem.depends_on_hours(route.vehicle):
            seconds += route.travel
            continue
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


def lateness(problem: Problem, routes: Routes) -> Points:
    """Return the points of all services that start after the end of their window, where they may."""
    return sum(per_minute(problem.services[s].late or 0, late) for s, late in _latenesses(problem, routes))


def highest_lateness(problem: Problem, routes: Routes) -> Points:
    """Return the points of the largest lateness of the plan."""
    highest = max((late for _, late in _latenesses(problem, routes)), default=0)
    return per_minute(problem.weights.highest_lateness, highest)


def off_wish(problem: Problem, routes: Routes) -> Points:
    """Return the points of all services that start before or after their wished time."""
    points = 0
    for route in routes:
        for stop in route.stops:
            wish = problem.services[stop.service].wish
            if wish is not None:
                off = max(0, wish.earliest - stop.start, stop.start - wish.latest)
                points += per_minute(problem.weights.off_wish, off)
    return points


def overtime(problem: Problem, routes: Routes) -> Points:
    """Return the points of all nurses who are back after the end of their shift."""
    return sum(
        per_minute(
            problem.weights.overtime, max(0, route.returns - problem.vehicles[route.vehicle].shift.latest)
        )
        for route in routes
    )


def waiting(problem: Problem, routes: Routes) -> Points:
    """Return the points of all time between leaving and returning without travel, service or break."""
    return sum(per_minute(problem.weights.waiting, route.waiting) for route in routes)


def overqualified(problem: Problem, routes: Routes) -> Points:
    """Return the points of all grades that a nurse holds beyond what a service asks."""
    grades = 0
    for route in routes:
        held = problem.vehicles[route.vehicle].skills
        for number in _services([route]):
            asked = problem.services[number].skills
            grades += sum(max(0, held.get(skill, grade) - grade) for skill, grade in asked.items())
    return problem.weights.overqualified * grades


def known(problem: Problem, routes: Routes) -> Points:
    """Return the points that services cost with the very nurses who do them."""
    return sum(
        problem.services[s].known.get(route.vehicle, 0) for route in routes for s in _services([route])
    )


def balance(problem: Problem, routes: Routes) -> Points:
    """Return the points of the differences between each nurse's work and the mean."""
    if not problem.weights.balance:
        return 0
    work = [0] * len(problem.vehicles)
    for route in routes:
        care = sum(problem.services[number].duration for number in _services([route]))
        work[route.vehicle] = care + route.travel
    mean = sum(work) // max(1, len(work))
    return sum(per_minute(problem.weights.balance, abs(each - mean)) for each in work)


def longest_idle(problem: Problem, routes: Routes) -> Points:
    """Return the points of the longest time any nurse is on duty without travel, service or break."""
    if not problem.weights.longest_idle:
        return 0
    idle = [vehicle.shift.latest - vehicle.shift.earliest for vehicle in problem.vehicles]
    for route in routes:
        care = sum(problem.services[number].duration for number in _services([route]))
        over = max(0, route.returns - problem.vehicles[route.vehicle].shift.latest)
        idle[route.vehicle] += over - care - route.travel - route.rest
    return per_minute(problem.weights.longest_idle, max(idle, default=0))


def missed_lunch(problem: Problem, routes: Routes) -> Points:
    """Return the points of nurses who leave and have no lunch in its hours, where that may be."""
    points = 0
    for route in routes:
        lunch = problem.vehicles[route.vehicle].lunch
        if lunch is not None and not any(lunch.is_taken_by(rest.start, rest.end) for rest in route.breaks):
            points += lunch.missed or 0
    return points


def depends_on_times(problem: Problem) -> bool:
    """Tell whether a plan's cost depends on more than who does what in which order.

    It is asked for each route that is timed, so the answer is kept with the problem.
    """
    known = _TIMED.get(problem)
    if known is None:
        known = _TIMED[problem] = _depends_on_times(problem)
    return known


_TIMED: WeakKeyDictionary[Problem, bool] = WeakKeyDictionary()


def _depends_on_times(problem: Problem) -> bool:
    weights = problem.weights
    return bool(
        any(kind.bands for kind in problem.travel)
        or weights.waiting
        or weights.balance
        or weights.longest_idle
        or (weights.highest_lateness and any(s.late is not None for s in problem.services))
        or any(service.late for service in problem.services)
        or (weights.off_wish and any(service.wish is not None for service in problem.services))
        or any(vehicle.lunch is not None and vehicle.lunch.missed is not None for vehicle in problem.vehicles)
        or (weights.overtime and any(vehicle.overtime for vehicle in problem.vehicles))
    )


def compares_routes(problem: Problem) -> bool:
    """Tell whether a term of the cost looks at all routes together."""
    weights = problem.weights
    return bool(weights.highest_lateness or weights.balance or weights.longest_idle)


TERMS: dict[str, Callable[[Problem, Routes], Points]] = {
    "travel": travel,
    "unassigned": unassigned,
    "not_preferred": not_preferred,
    "vehicle_use": vehicle_use,
    "known": known,
    "overqualified": overqualified,
    "lateness": lateness,
    "highest_lateness": highest_lateness,
    "off_wish": off_wish,
    "overtime": overtime,
    "waiting": waiting,
    "balance": balance,
    "missed_lunch": missed_lunch,
    "longest_idle": longest_idle,
}


def cost_of(problem: Problem, routes: Routes) -> Cost:
    """Return the cost of these routes, all other services left out."""
    return Cost({name: term(problem, routes) for name, term in TERMS.items()})


def _services(routes: Iterable[Route]) -> list[int]:
    return [stop.service for route in routes for stop in route.stops]


def _latenesses(problem: Problem, routes: Iterable[Route]) -> Iterable[tuple[int, Seconds]]:
    for route in routes:
        for stop in route.stops:
            service = problem.services[stop.service]
            if service.late is not None:
                yield stop.service, service.lateness(stop.start)
