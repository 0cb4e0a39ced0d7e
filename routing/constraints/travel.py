"""A nurse is in one place at a time, and roads take their time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Route, Violation
from routing.problem import Problem
from routing.units import UNREACHABLE, as_clock, as_duration


class TravelTimes:
    """Between two stops there is time for the way and the breaks there; stops last as long as asked."""

    name = "travel-times"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle can get to which service and home again, shape (services, vehicles)."""
        may = np.ones((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
        location = np.array([service.location for service in problem.services], dtype=np.int64)
        for number, vehicle in enumerate(problem.vehicles):
            seconds = problem.travel[vehicle.travel].seconds
            may[:, number] = (seconds[vehicle.start, location] != UNREACHABLE) & (
                seconds[location, vehicle.end] != UNREACHABLE
            )
        return may

    def asks(self, _problem: Problem, _service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        return "can reach the place by road"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each way, break or stop that the clock does not allow."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle].id
            for service, fault in _faults(problem, route):
                yield Violation(self.name, f"nurse {vehicle}: {fault}", service, route.vehicle)


def _faults(problem: Problem, route: Route) -> Iterator[tuple[int | None, str]]:
    at = problem.vehicles[route.vehicle].start
    free = route.leaves
    for position, stop in enumerate(route.stops):
        service = problem.services[stop.service]
        way = problem.seconds(route.vehicle, at, service.location)
        name = f"service {service.id}"
        if stop.travel != way or stop.metres != problem.metres(route.vehicle, at, service.location):
            yield stop.service, f"the way to {name} is not that of the matrix"
        if way == UNREACHABLE:
            yield stop.service, f"no road leads to {name}"
        if not free + way <= stop.arrival <= stop.start:
            yield (
                stop.service,
                f"cannot be at {name} by {as_clock(stop.arrival)} and start it at {as_clock(stop.start)}",
            )
        if free + way + _rest(route, position, free, stop.start) > stop.start:
            yield stop.service, f"has no time for way and break before {name}"
        if stop.end != stop.start + service.duration:
            yield stop.service, f"{name} does not last {as_duration(service.duration)}"
        at, free = service.location, stop.end
    home = problem.vehicles[route.vehicle].end
    way = problem.seconds(route.vehicle, at, home)
    if not route.stops:
        yield None, "leaves without a stop"
    if route.travel_home != way or route.metres_home != problem.metres(route.vehicle, at, home):
        yield None, "the way home is not that of the matrix"
    if free + way + _rest(route, len(route.stops), free, route.returns) > route.returns:
        yield None, f"cannot be home at {as_clock(route.returns)}"
    if any(not 0 <= pause.after <= len(route.stops) for pause in route.breaks):
        yield None, "a break lies after a stop that does not exist"


def _rest(route: Route, position: int, free: int, until: int) -> int:
    """Return the time for breaks in a gap; more than the gap if one lies outside it or two overlap."""
    rest = 0
    for pause in route.breaks:
        if pause.after == position:
            if not free <= pause.start <= pause.end <= until:
                return until - free + 1
            rest += pause.end - pause.start
            free = pause.end
    return rest
