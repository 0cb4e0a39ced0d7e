"""A nurse works inside her shift."""

from collections.abc import Iterator

from routing.plan import Plan, Violation
from routing.problem import Problem


class Shifts:
    """A vehicle leaves in its shift, at once if so agreed, and is back by its end or within its overtime."""

    name = "shifts"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each route that leaves too early, or not at once, or returns too late."""
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            if route.leaves < vehicle.shift.earliest:
                early = vehicle.shift.earliest - route.leaves
                sentence = f"nurse {vehicle.id} leaves {early} s before her shift"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
            if vehicle.leaves_at_once and route.leaves > vehicle.shift.earliest:
                sentence = f"nurse {vehicle.id} does not leave when her shift begins"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
            late = route.returns - vehicle.shift.latest - vehicle.overtime
            if late > 0:
                sentence = f"nurse {vehicle.id} is back {late} s later than she may be"
                yield Violation(self.name, sentence, vehicle=route.vehicle)
