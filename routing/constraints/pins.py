"""What has been promised stays: the nurse, the start and the order, each on its own."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem
from routing.units import Seconds, as_clock, as_duration


class PinnedNurses:
    """A service that is pinned to a vehicle is done by that vehicle."""

    name = "pinned-nurses"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle may do which service, shape (services, vehicles)."""
        may = np.ones((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
        for number, service in enumerate(problem.services):
            if service.pinned_vehicle is not None:
                may[number] = False
                may[number, service.pinned_vehicle] = True
        return may

    def asks(self, _problem: Problem, _service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        return "is the one it is pinned to"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each stop of a pinned service in another vehicle's route."""
        for vehicle, stop in plan.stops():
            service = problem.services[stop.service]
            if service.pinned_vehicle not in (None, vehicle):
                nurse = problem.vehicles[vehicle].id
                sentence = f"service {service.id} is pinned to another nurse than {nurse}"
                yield Violation(self.name, sentence, stop.service, vehicle)


class PinnedStarts:
    """A service with a pinned start starts at that second."""

    name = "pinned-starts"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each stop that starts at another time."""
        for vehicle, stop in plan.stops():
            service = problem.services[stop.service]
            pinned = service.pinned_start
            if pinned is not None and stop.start != pinned:
                moved = f"{_off(stop.start - pinned)} {as_clock(pinned)}"
                sentence = f"service {service.id} starts {moved}, to which it is pinned"
                yield Violation(self.name, sentence, stop.service, vehicle)


def _off(seconds: Seconds) -> str:
    return f"{as_duration(abs(seconds))} {'after' if seconds > 0 else 'before'}"


class Orders:
    """Two services with an order, both planned, stand in one route, the second directly after the first."""

    name = "orders"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each pair that is torn apart."""
        place = {
            stop.service: (route.vehicle, position)
            for route in plan.routes
            for position, stop in enumerate(route.stops)
        }
        for first, second in problem.orders:
            if first not in place or second not in place:
                continue
            vehicle, position = place[first]
            if place[second] != (vehicle, position + 1):
                names = f"{problem.services[second].id} does not follow {problem.services[first].id}"
                yield Violation(self.name, f"service {names} directly", second, place[second][0])
