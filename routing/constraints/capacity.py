"""A vehicle carries what it can."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem


class Capacity:
    """The demands of a route's services sum to no more than the vehicle's capacity."""

    name = "capacity"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle can carry which service alone, shape (services, vehicles)."""
        demand = np.array([service.demand for service in problem.services], dtype=np.int64)
        most = [np.iinfo(np.int64).max if v.capacity is None else v.capacity for v in problem.vehicles]
        fits: NDArray[np.bool_] = demand[:, None] <= np.array(most, dtype=np.int64)[None, :]
        return fits

    def asks(self, problem: Problem, service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        return f"has a vehicle of capacity {problem.services[service].demand}"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each route that carries too much."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            load = sum(problem.services[stop.service].demand for stop in route.stops)
            if vehicle.capacity is not None and load > vehicle.capacity:
                sentence = f"vehicle {vehicle.id} carries {load}, more than its {vehicle.capacity}"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
