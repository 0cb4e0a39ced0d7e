"""A nurse is in one place at a time, and roads take their time."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Route, Stop, Violation
from routing.problem import Problem, Travel
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
            by_hour = bool(problem.travel[problem.vehicles[route.vehicle].travel].bands)
            faults = _faults_by_hour(problem, route) if by_hour else _faults(problem, route)
            for service, fault in (*faults, *_other_faults(problem, route)):
                yield Violation(self.name, f"nurse {vehicle}: {fault}", service, route.vehicle)


def _other_faults(problem: Problem, route: Route) -> Iterator[tuple[int | None, str]]:
    for stop in route.stops:
        service = problem.services[stop.service]
        if stop.end != stop.start + service.duration:
            yield stop.service, f"service {service.id} does not last {as_duration(service.duration)}"
    if not route.stops:
        yield None, "leaves without a stop"
    if any(not 0 <= pause.after <= len(route.stops) for pause in route.breaks):
        yield None, "a break lies after a stop that does not exist"


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
            yield stop.service, _late(name, stop)
        if free + way + _rest(route, position, free, stop.start) > stop.start:
            yield stop.service, f"has no time for way and break before {name}"
        at, free = service.location, stop.end
    home = problem.vehicles[route.vehicle].end
    way = problem.seconds(route.vehicle, at, home)
    if route.travel_home != way or route.metres_home != problem.metres(route.vehicle, at, home):
        yield None, "the way home is not that of the matrix"
    if free + way + _rest(route, len(route.stops), free, route.returns) > route.returns:
        yield None, f"cannot be home at {as_clock(route.returns)}"


def _late(name: str, stop: Stop) -> str:
    return f"cannot be at {name} by {as_clock(stop.arrival)} and start it at {as_clock(stop.start)}"


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


def _faults_by_hour(problem: Problem, route: Route) -> Iterator[tuple[int | None, str]]:
    """Yield what is wrong with ways that depend on the hour.

    She sets out when a stop is done or a break before the way is over; what she rests besides, she rests at
    the door.
    """
    nurse = problem.vehicles[route.vehicle]
    travel = problem.travel[nurse.travel]
    at, free = nurse.start, route.leaves
    for position, stop in enumerate(route.stops):
        service = problem.services[stop.service]
        name = f"service {service.id}"
        if travel.seconds[at, service.location] == UNREACHABLE:
            yield stop.service, f"no road leads to {name}"
        if stop.metres != travel.metres[at, service.location]:
            yield stop.service, f"the way to {name} is not that of the matrix"
        if stop.arrival > stop.start or free > stop.arrival:
            yield stop.service, _late(name, stop)
        sets_out = _setting_out(travel, (at, service.location), (free, stop.start), _pauses(route, position))
        if (stop.arrival - stop.travel, stop.arrival) not in sets_out:
            yield stop.service, f"the way to {name} is not that of its hour, or has no time for the break"
        at, free = service.location, stop.end
    if route.metres_home != travel.metres[at, nurse.end]:
        yield None, "the way home is not that of the matrix"
    sets_out = _setting_out(travel, (at, nurse.end), (free, route.returns), _pauses(route, len(route.stops)))
    if route.travel_home not in {there - leaves for leaves, there in sets_out}:
        yield (
            None,
            f"the way home is not that of its hour, or she cannot be home at {as_clock(route.returns)}",
        )


def _pauses(route: Route, position: int) -> list[tuple[int, int]]:
    return [(pause.start, pause.end) for pause in route.breaks if pause.after == position]


def _setting_out(
    travel: Travel, way: tuple[int, int], gap: tuple[int, int], pauses: list[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Return when she may set out in a gap, and is there then, the breaks before or after the way."""
    free, until = gap
    edges = [free, *(time for pause in pauses for time in pause), until]
    if edges != sorted(edges):
        return set()
    possible = set()
    for before in range(len(pauses) + 1):
        leaves = pauses[before - 1][1] if before else free
        there = _there_at(travel, way, leaves)
        if there <= (pauses[before][0] if before < len(pauses) else until):
            possible.add((leaves, there))
    return possible


def _there_at(travel: Travel, way: tuple[int, int], leaves: int) -> int:
    """Return the arrival by what the docstring of `Travel` says, without its code."""
    left = 2**32
    begins = [leaves, *(band.start for band in travel.bands if band.start > leaves)]
    for begin, until in zip(begins, [*begins[1:], None], strict=True):
        held = [travel.seconds, *(band.seconds for band in travel.bands if band.start <= begin)]
        seconds = int(held[-1][way])
        needed = Fraction(left * seconds, 2**32)
        if until is None or needed <= until - begin:
            return begin + ceil(needed)
        left -= ceil(Fraction((until - begin) * 2**32, seconds))
    raise AssertionError("the last band has no end")
